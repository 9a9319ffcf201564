"""What the engine refuses or notices: clocks, changes in place, copies, padding, precision."""

import copy
import pickle
import subprocess
import sys

import pytest
import snn_core as snn
import torch
from snn_core import Events
from snn_eventprop import TimedSpikes, exact, first_spike
from snn_neurons import lif, lif_refractory

EXACT = "eventprop_exact"


def some_events(n=5, k=12, b=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    times = torch.rand(b, k, generator=draw, dtype=torch.float64) * 0.04
    return Events.of(times, torch.randint(n, (b, k), generator=draw), (n,), 0.06)


def weight(n_out=4, n_in=5, scale=1.5, seed=1):
    draw = torch.Generator().manual_seed(seed)
    values = torch.rand(n_out, n_in, generator=draw, dtype=torch.float64)
    return (values * scale).requires_grad_()


def spikes_on_a_grid(dt=1e-3):
    x = Events.to_grid(some_events(), 1e-3, dtype=torch.float64)
    return snn.integrate("lif", x, weight=weight(), dt=dt, backend="eventprop").output


@pytest.mark.parametrize("delay", [None, 2.3e-3])
@pytest.mark.parametrize("trace", ["v", "i"])
def test_looks_within_the_hold_of_a_recurrent_layer(delay, trace):
    """Between spike and release the current goes on, and what is seen of it comes from before."""
    x, w = some_events(), weight(scale=4.0)
    back = weight(4, 4, 0.5, seed=2).detach()
    coefficients = torch.linspace(-1, 1, 60, dtype=torch.float64)[:, None, None]

    def loss(w, back):
        out = snn.integrate(
            "lif_refractory", x, weight=w, recurrent_weight=back, recurrent_delay=delay,
            params=lif_refractory.Params(refractory_time=8e-3), dt=1e-3, record=(trace,),
            backend="eventprop",
        )  # fmt: skip
        return (coefficients * getattr(out.traces, trace)).sum(), out.output.events.index

    back.requires_grad_()
    total, index = loss(w, back)
    found = torch.autograd.grad(total, (w, back))
    assert len(index[index >= 0]) > 10
    for place, given in enumerate((w, back)):
        along = torch.randn(given.shape, generator=torch.Generator().manual_seed(3)).double()
        sides = []
        for sign in (1, -1):
            moved = [w.detach(), back.detach()]
            moved[place] = moved[place] + sign * 1e-6 * along
            value, there = loss(*moved)
            assert torch.equal(there, index)
            sides.append(value.item())
        expected = (sides[0] - sides[1]) / 2e-6
        assert (found[place] * along).sum().item() == pytest.approx(expected, rel=1e-6)


def test_a_grid_of_another_dt_is_refused():
    spikes = spikes_on_a_grid()
    with pytest.raises(ValueError, match=r"x has 60 rows but carries the events of 0\.06 s"):
        snn.integrate("lif", spikes, weight=weight(2, 4), dt=2e-3, backend="eventprop")
    x = torch.zeros(60, 3, 4, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"observed\.z has 60 rows"):
        snn.integrate("lif", x, dt=2e-3, observed=snn.Observed(z=spikes), backend="eventprop")


def test_a_grid_changed_in_place_has_no_events():
    spikes = spikes_on_a_grid().detach()
    assert not isinstance(spikes, TimedSpikes)  # any operation gives a plain tensor
    timed = TimedSpikes.of(some_events(), 1e-3)
    timed.zero_()
    with pytest.raises(RuntimeError, match="changed in place"):
        first_spike(timed)


def test_a_copy_of_a_grid_has_events_of_its_own():
    spikes = spikes_on_a_grid()
    copied = copy.deepcopy(spikes)
    assert torch.equal(copied, spikes)
    assert torch.equal(copied.events.times, spikes.events.times)
    assert copied.events.times.data_ptr() != spikes.events.times.data_ptr()


@pytest.mark.parametrize("what", ["index", "recorded", "input"])
def test_a_change_in_place_before_backward_is_noticed(what):
    x, w = some_events(), weight()
    recorded = snn.integrate("lif", x, weight=w, backend=EXACT).output.detach()
    observed = snn.Observed(z=recorded) if what == "recorded" else None
    out = snn.integrate("lif", x, weight=w, backend=EXACT, observed=observed).output
    changed = {"index": out.index, "recorded": recorded.times, "input": x.index}[what]
    with torch.no_grad():
        changed.mul_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.times.nan_to_num(posinf=0).sum().backward()


def test_recorded_spikes_come_out_in_memory_of_their_own():
    x, w = some_events(), weight()
    recorded = snn.integrate("lif", x, weight=w, backend=EXACT).output.detach()
    out = snn.integrate("lif", x, weight=w, backend=EXACT, observed=snn.Observed(z=recorded))
    assert out.output.times.data_ptr() != recorded.times.data_ptr()
    assert out.output.index.data_ptr() != recorded.index.data_ptr()


@pytest.mark.parametrize("neuron", ["lif", "lif_refractory", "li"])
@pytest.mark.parametrize("again", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copied_layer_runs(neuron, again):
    layer = snn.Layer(5, 4, neuron, backend=EXACT, dtype=torch.float64, learn=("tau_mem",))
    with torch.no_grad():
        layer.weight.abs_().mul_(5)
    copied = again(layer)
    x = some_events()
    for one in (layer, copied):
        out = one(x).output
        loss = out.maximum() if neuron == "li" else out.times.nan_to_num(posinf=0)
        loss.sum().backward()
    assert torch.equal(layer.weight.grad, copied.weight.grad)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (3,), (1, 3), (2, 1), (2, 3)])
def test_parameters_of_every_shape_that_broadcasts(shape):
    x = Events.of(torch.rand(1, 9).double() * 0.03, torch.arange(9)[None] % 6, (2, 3), 0.1)
    tau = torch.full(shape, 20e-3, requires_grad=True)
    params = lif.Params(tau_mem=tau, v_th=0.05)
    out = snn.integrate("lif", x, params=params, backend=EXACT).output
    out.times.nan_to_num(posinf=0).sum().backward()
    assert tau.grad.shape == shape
    assert bool((tau.grad != 0).any())


def test_autocast_does_not_round_the_drive():
    x = torch.rand(20, 2, 5)
    w = weight().detach().float()
    plain = snn.integrate("lif", x, weight=w, dt=1e-3, backend="eventprop", record=("v",))
    with torch.autocast("cpu", torch.bfloat16):
        cast = snn.integrate("lif", x, weight=w, dt=1e-3, backend="eventprop", record=("v",))
    assert cast.traces.v.dtype == torch.float32
    assert torch.equal(cast.traces.v, plain.traces.v)


@pytest.mark.parametrize("size", [(0, 5), (4, 5)])
@pytest.mark.parametrize("n_batch", [0, 2])
def test_layers_and_batches_of_nothing(size, n_batch):
    x = some_events(b=max(n_batch, 1))
    x = x._replace(times=x.times[:n_batch], index=x.index[:n_batch])
    w = torch.ones(size, dtype=torch.float64, requires_grad=True)
    out = snn.integrate("lif", x, weight=w, backend=exact()).output
    out.times.nan_to_num(posinf=0).sum().backward()
    assert w.grad.shape == size


def test_kernels_need_no_home(tmp_path):
    code = (
        "import pathlib\n"
        "def homeless(): raise RuntimeError('Could not determine home directory.')\n"
        "pathlib.Path.home = staticmethod(homeless)\n"
        "import snn_eventprop; snn_eventprop.first_spike"
    )
    environment = {"PATH": "", "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
