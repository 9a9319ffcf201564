"""Circuits over time: moments of crossings, steps of their own, noise, and what samples leave."""

import math

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects
from snn_hardware.analog.circuit import circuit
from snn_hardware.analog.running import noise_of_current
from snn_neurons import li, lif, lif_refractory
from snn_neurons.li import LI
from snn_neurons.lif import LIF
from snn_neurons.lif_refractory import LIF_REFRACTORY

DT = 1e-6
PARAMS = lif.Params(tau_mem=10e-6, tau_syn=8e-6)
NONE = Effects.none()


def drawn(n_steps, n_batch, n_in, n_out, rate=0.1, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = (torch.rand(n_steps, n_batch, n_in, generator=draw) < rate).double()
    return x, torch.randn(n_out, n_in, generator=draw).double().mul(64).round() / 64


@pytest.mark.parametrize("neuron", [LIF, LIF_REFRACTORY])
def test_late_is_the_line_from_below_to_above(neuron):
    around = circuit(neuron, rails=False, bends=False)
    params = around.Params(tau_mem=10e-3, tau_syn=5e-3)
    start = around.initial_state(params, (1, 3), dtype=torch.float64, device="cpu")
    # with dt/tau_mem = 0.1: 0.9 -> 0.81 + 0.1 i; at threshold before; not reached
    v, i = torch.tensor([[0.9, 1.0, 0.5]]).double(), torch.tensor([[4.9, 6.0, 1.0]]).double()
    state = start._replace(v=v, i=i)
    z, after = around.step(torch.zeros(1, 3), state, params, snn.threshold("heaviside"), 1e-3)
    assert z.tolist() == [[1.0, 1.0, 0.0]]
    # 0.9 -> 1.3: met 1 a quarter of the way up, three quarters of the step had passed
    torch.testing.assert_close(after.late, torch.tensor([[0.75, 0.0, 0.0]]).double())
    assert after.v[0, 0] == params.v_reset


@pytest.mark.parametrize("neuron", [LIF, LIF_REFRACTORY, LI])
def test_a_circuit_without_rails_and_bend_is_its_neuron(neuron):
    x, weight = drawn(30, 2, 10, 8, rate=0.2)
    around = circuit(neuron, rails=False, bends=False)
    own = neuron.Params(tau_mem=10e-3, tau_syn=5e-3)
    params = around.Params(*own)
    for backend in ("eager", "auto"):
        outs = [
            snn.integrate(one, x, weight=weight * 2, params=p, dt=1e-3, backend=backend)
            for one, p in ((neuron, own), (around, params))
        ]
        assert torch.equal(outs[0].output, outs[1].output)
        assert all(map(torch.equal, outs[0].state, outs[1].state[:-1]))


def test_a_circuit_is_made_once_so_that_it_is_compiled_once():
    assert circuit(LIF, rails=True, bends=False) is circuit(LIF, rails=True, bends=False)
    assert circuit(LIF, rails=True, bends=False) is not circuit(LIF, rails=True, bends=True)


@pytest.mark.parametrize("bends", [False, True])
@pytest.mark.parametrize("neuron", [LIF, LIF_REFRACTORY, LI])
def test_compiled_circuits_do_what_eager_does(neuron, bends):
    x, weight = drawn(40, 2, 10, 8, rate=0.3)
    around = circuit(neuron, rails=True, bends=bends)
    low = torch.linspace(-0.2, -0.1, 8).double()
    params = around.Params(tau_mem=10e-3, tau_syn=5e-3)._replace(low=low, high=0.9, bend=0.7)
    call = {"weight": weight * 3, "params": params, "dt": 1e-3, "record": ("v", "late")}
    one, other = (snn.integrate(around, x, backend=b, **call) for b in ("auto", "eager"))
    if neuron is not LI:
        assert torch.equal(one.output, other.output)
    for name in ("v", "late"):  # of tanh two libraries have the last bit otherwise
        found, wanted = getattr(one.traces, name), getattr(other.traces, name)
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    assert bool((other.traces.v >= low).all())
    assert bool((other.traces.v <= 0.9).all())
    assert (other.traces.v == low).any()


def events():
    """Arrivals at multiples of 0.5 us, which all steps below divide."""
    draw = torch.Generator().manual_seed(2)
    times = torch.randint(0, 50, (8, 12), generator=draw).double() * 0.5e-6
    index = torch.randint(0, 10, (8, 12), generator=draw)
    return snn.Events.of(times, index, (10,), 60e-6)


def spike_times(out, n_neurons):
    """The first spike of each neuron of each sample; inf where there is none."""
    found = torch.full((len(out.times), n_neurons), math.inf, dtype=torch.float64)
    real = out.times.isfinite()
    place = torch.where(real, out.index, 0)
    return found.scatter_reduce(1, place, out.times.double(), "amin")


def test_only_time_step():
    """Of order 1: half the step, half the distance from the exact times."""
    x, weight = events(), torch.linspace(0.4, 1.2, 300).reshape(30, 10).double()
    call = {"weight": weight, "params": PARAMS}
    exact = spike_times(snn.integrate("lif", x, backend="eventprop_exact", **call).output, 30)
    errors = []
    for step in (0.25e-6, 0.125e-6, 0.0625e-6):
        chip = Chip(effects=NONE._replace(time_step=step)).with_gradient("eventprop_exact")
        out = snn.integrate("lif", x, backend=chip, **call)
        assert out.output is not None
        found = spike_times(out.observed.events, 30)
        both = found.isfinite() & exact.isfinite()
        assert both.sum() > 100
        assert (found.isfinite() == exact.isfinite()).double().mean() > 0.98
        errors.append((found - exact)[both].abs().median().item())
    orders = [math.log2(errors[0] / errors[1]), math.log2(errors[1] / errors[2])]
    assert errors[0] < 0.25e-6
    assert orders == pytest.approx([1, 1], abs=0.15)


def test_steps_of_the_circuits_divide_the_grid_evenly():
    x, weight = drawn(20, 2, 10, 8, rate=0.3)
    out = snn.integrate(
        "lif", x, weight=weight, params=PARAMS, dt=DT,
        backend=Chip(effects=NONE._replace(time_step=0.3e-6)),
    )  # fmt: skip
    fine = snn.integrate(
        circuit(LIF, rails=False, bends=False),
        torch.zeros(80, 2, 10).index_copy(0, torch.arange(0, 80, 4), x.float()),
        weight=weight.float(), params=circuit(LIF, rails=False, bends=False).Params(*PARAMS),
        dt=0.25e-6, record=("v",), backend="eager",
    )  # fmt: skip
    assert out.observed.trace.step == 0.25e-6
    assert torch.equal(out.observed.trace.z, fine.output)
    torch.testing.assert_close(out.observed.trace.v, fine.traces.v)
    assert torch.equal(out.observed.membrane_cadc, out.observed.trace.v[::4].double())
    assert fine.output.sum() > 10


@pytest.mark.parametrize("sigma", [2.0, 15.0])
def test_only_membrane_noise(sigma):
    """At rest the membrane has mean v_leak and the std that was asked for, to 5 sigma."""
    n_batch, n_out, params = 60, 400, li.Params(tau_mem=4e-6, tau_syn=3e-6)
    x, weight = torch.zeros(80, n_batch, 1).double(), torch.ones(n_out, 1).double()
    chip = Chip(seed=4, effects=NONE._replace(membrane_noise=sigma))
    out = snn.integrate("li", x, weight=weight, params=params, dt=DT, backend=chip)
    lsb = out.output[-1] * 45  # 20 time constants after the start
    count = lsb.numel()
    assert lsb.mean().abs() < 5 * sigma / math.sqrt(count)
    assert lsb.var().item() / sigma**2 == pytest.approx(1, abs=5 * math.sqrt(2 / count))
    # neighbours and samples have noise of their own
    for one, other in ((lsb[1:], lsb[:-1]), (lsb[:, 1:], lsb[:, :-1])):
        assert abs((one * other).mean().item()) / sigma**2 < 5 / math.sqrt(one.numel())


def test_membrane_noise_of_each_circuit_by_its_own_time_constants():
    taus = torch.tensor([3e-6, 6e-6, 9e-6], dtype=torch.float64)
    q = noise_of_current(torch.tensor(1.0).double(), taus, 4e-6, DT)
    # the covariance of (i, v) is the fixed point of P = A P A' + Q
    for tau, std in zip(taus.tolist(), q.tolist(), strict=True):
        rows = [[1 - DT / 4e-6, 0], [DT / tau, 1 - DT / tau]]
        step = torch.tensor(rows, dtype=torch.float64)
        covariance = torch.zeros_like(step)
        for _ in range(500):
            covariance = step @ covariance @ step.T
            covariance[0, 0] += std**2
        assert covariance[1, 1].item() == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("neuron", ["lif", "lif_refractory", "li"])
@pytest.mark.parametrize("recurrent", [False, True])
def test_only_residual_state(neuron, recurrent):
    """A loop over samples, each from the state of the one before it, with silence between."""
    x, weight = drawn(25, 6, 10, 8, rate=0.2)
    back = drawn(1, 1, 8, 8, seed=1)[1] / 4 if recurrent else None
    params = {
        "lif": PARAMS, "li": li.Params(10e-6, 8e-6),
        "lif_refractory": lif_refractory.Params(10e-6, 8e-6, refractory_time=7e-6),
    }[neuron]  # fmt: skip
    call = {"weight": weight, "recurrent_weight": back, "params": params, "dt": DT}
    chip = Chip(effects=NONE._replace(residual_state=True), wait=3e-6)
    found = snn.integrate(neuron, x, backend=chip, **call)
    state, wanted = None, []
    for sample in x.split(1, dim=1):
        out = snn.integrate(neuron, sample, state=state, backend="auto", **call)
        wanted.append(out.output)
        silence = torch.zeros(3, 1, 10).double()
        state = snn.integrate(neuron, silence, state=out.state, backend="auto", **call).state
    wanted = torch.cat(wanted, dim=1)
    apart = snn.integrate(neuron, x, backend="auto", **call).output
    assert torch.equal(found.output, wanted)
    assert torch.equal(found.output[:, 0], apart[:, 0])
    assert not torch.equal(found.output, apart)


def test_after_a_long_wait_nothing_is_left():
    x, weight = drawn(25, 6, 10, 8, rate=0.2)
    params = lif.Params(tau_mem=2e-6, tau_syn=2e-6)
    chip = Chip(effects=NONE._replace(residual_state=True), wait=100e-6)
    call = {"weight": weight * 3, "params": params, "dt": DT}
    found = snn.integrate("lif", x, backend=chip, **call)
    apart = snn.integrate("lif", x, backend="auto", record=("v",), **call)
    assert apart.output.sum() > 20
    assert torch.equal(found.output, apart.output)
    torch.testing.assert_close(found.observed.trace.v, apart.traces.v, rtol=0, atol=1e-12)


def test_noise_and_residual_state_do_not_depend_on_how_it_was_found():
    x, weight = drawn(20, 5, 10, 8, rate=0.2)
    effects = NONE._replace(residual_state=True, membrane_noise=5.0)
    runs = [
        snn.integrate(
            "lif", x, weight=weight, params=PARAMS, dt=DT,
            backend=Chip(seed=3, effects=effects, wait=wait),
        ).output
        for wait in (2e-6, 2e-6, 4e-6)
    ]  # fmt: skip
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
