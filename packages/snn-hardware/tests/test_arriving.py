"""Events on their way to a layer: no bias in time, and none that was dropped in the model."""

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects
from snn_neurons import lif

PARAMS = lif.Params(tau_mem=10e-6, tau_syn=10e-6)


def times_of(events, shape):
    """The first spike of each neuron, inf where there is none."""
    first = torch.full(shape, torch.inf, dtype=torch.float64)
    for sample in range(shape[0]):
        for time, neuron in zip(events.times[sample], events.index[sample], strict=True):
            if neuron >= 0:
                first[sample, neuron] = min(first[sample, neuron], time.item())
    return first


def test_events_between_steps_are_not_early():
    draw = torch.Generator().manual_seed(0)
    times = 20e-6 * torch.rand(200, 1, generator=draw, dtype=torch.float64)
    events = snn.Events.of(times, torch.zeros(200, 1).long(), (1,), 60e-6)
    weight = torch.full((1, 1), 4.0, dtype=torch.float64)
    step = 0.25e-6
    chip = Chip(effects=Effects.none()._replace(time_step=step)).with_gradient("eventprop_exact")
    call = {"weight": weight, "params": PARAMS}
    found = snn.integrate("lif", events, backend=chip, **call).output
    exact = snn.integrate("lif", events, backend="eventprop_exact", **call).output
    away = (times_of(found, (200, 1)) - times_of(exact, (200, 1))) / step
    # uniform within half a step, around what Euler steps leave of an input on a row
    on_row = snn.Events.of(times[:1] * 0, torch.zeros(1, 1).long(), (1,), 60e-6)
    there = [
        times_of(snn.integrate("lif", on_row, backend=b, **call).output, (1, 1))
        for b in (chip, "eventprop_exact")
    ]
    bias = ((there[0] - there[1]) / step).item()
    assert abs(bias) < 0.6
    assert abs(away.mean() - bias) < 4 * (1 / 12 / 200) ** 0.5
    assert (away - bias).abs().max() < 0.55


@pytest.mark.parametrize("gradient", ["eventprop", "eventprop_exact"])
def test_a_dropped_event_has_no_gradient(gradient):
    n_in = 400  # 100 for each link, and at a quarter of a microsecond 39 find room
    weight = torch.full((2, n_in), 0.05, dtype=torch.float64, requires_grad=True)
    times = torch.full((1, n_in), 5e-6, dtype=torch.float64)
    events = snn.Events.of(times, torch.arange(n_in)[None], (n_in,), 60e-6)
    effects = Effects.only("links", "time_step")
    chip = Chip(effects=effects).with_gradient(gradient)
    dt = {"dt": 1e-6} if gradient == "eventprop" else {}
    out = snn.integrate("lif", events, weight=weight, params=PARAMS, backend=chip, **dt)
    spikes = out.output.events if gradient == "eventprop" else out.output
    assert out.observed.lost.dropped_in == n_in - 4 * 39
    spikes.times[spikes.times.isfinite()].sum().backward()
    assert (weight.grad != 0).sum(1).tolist() == [4 * 39] * 2
    assert (weight.grad[:, :156] != 0).all()  # the lowest of each link are carried


def test_the_madc_is_lent_to_one_layer():
    x = torch.zeros(10, 1, 3)
    chip = Chip(seed=1)
    call = {"params": PARAMS, "dt": 1e-6}
    snn.integrate("lif", x, weight=torch.ones(2, 3), backend=chip.at("a", madc=0), **call)
    snn.integrate("lif", x, weight=torch.ones(2, 3), backend=chip.at("a", madc=1), **call)
    with pytest.raises(snn.Unsupported, match="reads one neuron, and layer 'a' has it"):
        snn.integrate("lif", x, weight=torch.ones(2, 3), backend=chip.at("b", madc=1), **call)
    chip.release("a")
    out = snn.integrate("lif", x, weight=torch.ones(2, 3), backend=chip.at("b", madc=1), **call)
    assert out.observed.membrane_madc.shape[1] == 1


def test_both_converters_have_noise_of_their_own():
    x = torch.zeros(40, 50, 3)
    effects = Effects.only("read_noise", "time_step")
    chip = Chip(effects=effects).at("a", madc=0)
    seen = snn.integrate(
        "lif", x, weight=torch.ones(1, 3), params=PARAMS, dt=1e-6, backend=chip
    ).observed
    slow, fast = seen.membrane_cadc[..., 0].flatten(), seen.membrane_madc.flatten()
    both = torch.stack([slow, fast[: len(slow)].to(slow.dtype)])
    assert abs(torch.corrcoef(both)[0, 1]) < 5 / len(slow) ** 0.5


def test_a_parameter_that_was_trained_on_does_not_move_what_was_measured():
    x = (torch.rand(40, 2, 12, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    tau = torch.tensor(10e-6)
    chip = Chip(effects=Effects.only("time_step"))
    params = PARAMS._replace(tau_mem=tau)
    calls = [
        snn.integrate("lif", x, weight=torch.ones(3, 12), params=params, dt=1e-6, backend=chip)
        for _ in range(2)
    ]
    before = calls[0].observed.events.times
    tau.mul_(0.3)
    assert torch.equal(calls[1].observed.events.times, before)
