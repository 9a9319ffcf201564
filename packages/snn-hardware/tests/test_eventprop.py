"""The gradient through spike times: EventProp fed with what the chip measured, to the bit."""

import pytest
import snn_core as snn
import torch
from snn_eventprop import TimedSpikes, grid
from snn_hardware import Chip, Effects
from snn_hardware.synapses import on_steps
from snn_neurons import li, lif, lif_refractory

DT = 1e-6
LIF = lif.Params(tau_mem=10e-6, tau_syn=8e-6)
REFRACTORY = lif_refractory.Params(tau_mem=10e-6, tau_syn=8e-6, refractory_time=3e-6)
LI = li.Params(tau_mem=10e-6, tau_syn=8e-6)
NEURONS = [("lif", LIF), ("lif_refractory", REFRACTORY)]


def layer(n_out=12, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = (torch.rand(40, 3, 20, generator=draw) < 0.1).double()
    weight = torch.randn(n_out, 20, generator=draw).double().mul(64).round().div(64)
    return x, weight.requires_grad_()


def gradient_of_times(spikes, wanted):
    """Of a loss of all spike times; it weighs each by its place."""
    times = getattr(spikes, "events", spikes).times
    held = torch.where(times.isfinite(), times, 0.0) * 1e6
    weighed = held * torch.linspace(1, 2, held.shape[1]).double()
    return torch.autograd.grad(weighed.square().sum(), wanted, retain_graph=True)


@pytest.mark.parametrize(("neuron", "params"), NEURONS)
def test_the_ideal_chip_has_the_spikes_of_eager_and_the_gradient_of_eventprop(neuron, params):
    x, weight = layer()
    call = {"weight": weight, "params": params, "dt": DT}
    plain = snn.integrate(neuron, x, backend="eager", **call)
    chip = Chip.ideal().with_gradient("eventprop")
    found = snn.integrate(neuron, x, backend=chip, **call)
    seen = snn.Observed(z=plain.output.detach())
    wanted = snn.integrate(neuron, x, backend="eventprop", observed=seen, **call)
    assert plain.output.sum() > 50
    assert torch.equal(found.observed.spikes, plain.output)
    assert torch.equal(found.output, plain.output)
    assert torch.equal(found.output.events.times, wanted.output.events.times)
    (one,), (other,) = (gradient_of_times(out.output, weight) for out in (found, wanted))
    assert one.any()
    assert torch.equal(one, other)


def test_a_readout_has_measured_membranes_and_the_gradient_of_eventprop():
    x, weight = layer()
    out_weight = torch.randn(3, 12, generator=torch.Generator().manual_seed(1)).double()
    out_weight.requires_grad_()
    chip = Chip.ideal().with_gradient("eventprop")

    def network(hidden, backend):
        out = snn.integrate("li", hidden, weight=out_weight, params=LI, dt=DT, backend=backend)
        return out, torch.autograd.grad(out.output[-1].sum(), (weight, out_weight))

    call = {"weight": weight, "params": LIF, "dt": DT}
    measured = snn.integrate("lif", x, backend=chip, **call)
    readout, grads = network(measured.output, chip)
    seen = snn.Observed(z=measured.observed.spikes)
    replayed = snn.integrate("lif", x, backend="eventprop", observed=seen, **call)
    plain = snn.integrate(
        "li", measured.observed.spikes, weight=out_weight, params=LI, dt=DT, backend="eager"
    )
    assert torch.equal(readout.output, plain.output)
    assert torch.equal(readout.output, readout.observed.membrane_cadc)
    # the last row has the slope of the model's own last row, which is linear in the weight
    assert all(map(torch.equal, grads, network(replayed.output, "eventprop")[1]))


@pytest.mark.parametrize(("neuron", "params"), NEURONS)
def test_replay_on_a_grid(neuron, params):
    x, weight = layer()
    chip = Chip(seed=7).with_gradient("eventprop")
    found = snn.integrate(neuron, x, weight=weight, params=params, dt=DT, backend=chip)
    scale = chip.report().layers[0].seen.scale
    seen = snn.Observed(z=TimedSpikes.of(found.observed.events, DT, dtype=x.dtype))
    wanted = snn.integrate(
        neuron, x, weight=on_steps(weight, scale, 1, "clip").model, params=params, dt=DT,
        backend="eventprop", observed=seen,
    )  # fmt: skip
    assert found.output.sum() > 30
    assert torch.equal(found.output.events.times, found.observed.events.times)
    assert torch.equal(found.output.events.times, wanted.output.events.times)
    (one,), (other,) = (gradient_of_times(out.output, weight) for out in (found, wanted))
    assert one.any()
    assert torch.equal(one, other)


def events(seed=0):
    draw = torch.Generator().manual_seed(seed)
    times = torch.rand(4, 15, generator=draw).double() * 30e-6
    index = torch.randint(0, 20, (4, 15), generator=draw)
    return snn.Events.of(times.requires_grad_(), index, (20,), 50e-6), times


def test_replay_of_events_without_a_grid():
    x, times = events()
    weight = layer()[1]
    chip = Chip(seed=7).with_gradient("eventprop_exact")
    found = snn.integrate("lif", x, weight=weight, params=LIF, backend=chip)
    scale = chip.report().layers[0].seen.scale
    wanted = snn.integrate(
        "lif", x, weight=on_steps(weight, scale, 1, "clip").model, params=LIF,
        backend="eventprop_exact", observed=found.observed.injected,
    )  # fmt: skip
    assert found.output.times.isfinite().sum() > 20
    assert torch.equal(found.output.times, wanted.output.times)
    assert torch.equal(found.output.times, found.observed.events.times)
    ours, theirs = (gradient_of_times(out.output, (weight, times)) for out in (found, wanted))
    assert ours[0].any()
    assert ours[1].any()
    assert all(map(torch.equal, ours, theirs))


def test_stacked_layers_pass_events_on():
    x, _ = events()
    weight = layer()[1]
    above = torch.full((3, 12), 0.6).double().requires_grad_()
    chip = Chip(seed=7, effects=Effects()._replace(dead=0.0)).with_gradient("eventprop_exact")
    hidden = snn.integrate("lif", x, weight=weight, params=LIF, backend=chip)
    out = snn.integrate("lif", hidden.output, weight=above, params=LIF, backend=chip)
    assert out.output.times.isfinite().any()
    assert all(bool(one.any()) for one in gradient_of_times(out.output, (weight, above)))


def test_a_record_with_settings_is_taken_as_it_is():
    x, weight = layer()
    steep = Chip.ideal().with_gradient(grid(vdot_min=1e15))  # by which the gradient is divided
    out = snn.integrate("lif", x, weight=weight, params=LIF, dt=DT, backend=steep)
    usual = Chip.ideal().with_gradient("eventprop")
    other = snn.integrate("lif", x, weight=weight, params=LIF, dt=DT, backend=usual)
    (small,), (large,) = (gradient_of_times(one.output, weight) for one in (out, other))
    assert 0 < small.abs().max() < 1e-6 * large.abs().max()


def test_no_input_and_no_spike():
    x, weight = layer()
    chip = Chip(seed=7).with_gradient("eventprop")
    out = snn.integrate("lif", x * 0, weight=weight, params=LIF, dt=DT, backend=chip)
    assert not out.output.any()
    assert out.observed.events.times.shape == (3, 0)
