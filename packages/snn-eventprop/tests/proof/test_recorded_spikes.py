"""Recorded spikes: the forward returns them, the backward runs on them as on simulated ones."""

from __future__ import annotations

import math

import pytest
import snn_eventprop
import torch
from snn_core import Events, Observed

from .nets import (
    TIME_CONSTANTS,
    Net,
    end_of,
    gradients,
    loss_of_state,
    loss_of_times,
    random_net,
    real,
)

SAME_CLIP = snn_eventprop.exact(vdot_min=0.0)


def of_times(out):
    return loss_of_times(out.output)


def of_both(out):
    return loss_of_times(out.output) + 0.1 * loss_of_state(end_of(out))


def recording_of(net):
    with torch.no_grad():
        return net.run().output.detach()


def shifted(events, noise):
    """The events with another time each, in order again."""
    times = (events.times + noise).clamp(min=0.0, max=events.duration * (1 - 1e-9))
    times = times.masked_fill(~real(events), math.inf)
    return Events.of(times, events.index, events.shape, events.duration)


nets = pytest.mark.parametrize(
    "net",
    [
        pytest.param(random_net(60, taus=taus, refractory=refractory, **more), id=f"{name}-{kind}")
        for name, taus in TIME_CONSTANTS.items()
        for kind, refractory, more in (
            ("delays", 0.0, {}),
            ("at_once", 0.0, {"delays": False}),
            ("refractory", 3e-3, {"leak_above": True}),
            ("feed_forward", 0.0, {"recurrent": False}),
        )
    ],
)


@nets
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
@pytest.mark.parametrize("loss", [of_times, of_both])
def test_simulated_spikes_fed_back_give_the_same_bits(net, dtype, loss):
    net = net.cast(dtype)
    recorded = recording_of(net)
    assert real(recorded).sum() > 4
    with torch.no_grad():
        again = net.run(SAME_CLIP, Observed(z=recorded)).output
    assert torch.equal(again.times, recorded.times)
    assert torch.equal(again.index, recorded.index)
    simulated = gradients(net, loss, SAME_CLIP)
    from_recording = gradients(net, loss, SAME_CLIP, Observed(z=recorded))
    for name, value in simulated.items():
        assert torch.equal(value, from_recording[name]), name
        assert value.dtype == dtype


@nets
def test_a_clip_is_the_same_for_simulated_and_recorded_spikes(net):
    clipped = snn_eventprop.exact(vdot_min=60.0)
    recorded = recording_of(net)
    simulated = gradients(net, of_times, clipped)
    from_recording = gradients(net, of_times, clipped, Observed(z=recorded))
    for name, value in simulated.items():
        assert torch.equal(value, from_recording[name]), name
    free = gradients(net, of_times, SAME_CLIP)
    assert any(not torch.equal(value, free[name]) for name, value in simulated.items())


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def single_neuron(weight=4.0, **more):
    """One neuron, one input at 1 ms; the threshold has a gradient."""
    return Net(
        index=torch.tensor([[0]]), times=double([[1e-3]]), duration=0.1, weight=double([[weight]]),
        tau_mem=20e-3, tau_syn=5e-3, v_th=double(1.0), **more,
    )  # fmt: skip


def one_spike(time):
    return Observed(z=Events(double([[time]]), torch.tensor([[0]]), (1,), 0.1))


def slope_at(time, weight, v_th=1.0, tau_mem=20e-3):
    current = weight * math.exp(-(time - 1e-3) / 5e-3) if time > 1e-3 else 0.0
    return (current - v_th) / tau_mem


@pytest.mark.parametrize(
    ("vdot_min", "time"),
    [(None, t) for t in (2e-3, 4e-3, 30e-3, 0.5e-3)]
    + [(0.0, t) for t in (2e-3, 4e-3)]
    + [(least, t) for least in (1.0, 20.0, 500.0) for t in (2e-3, 4e-3, 30e-3, 0.5e-3)],
)
def test_the_slope_at_a_recorded_spike_is_clipped_from_below(vdot_min, time):
    # dt/dth = 1/vdot, and vdot is the model's at v = th whatever v the model has then
    backend = snn_eventprop.exact(vdot_min=vdot_min)
    found = gradients(single_neuron(), of_times_plain, backend, one_spike(time))
    least = 0.1 * 1.0 / 20e-3 if vdot_min is None else vdot_min
    assert found["v_th"].item() == pytest.approx(1 / max(slope_at(time, 4.0), least), rel=1e-12)


def of_times_plain(out):
    return out.output.times[real(out.output)].sum()


def test_the_default_clip_is_of_each_neuron():
    v_th, tau = double([1.0, 2.0]), double([20e-3, 10e-3])
    net = single_neuron().replace(weight=double([[0.0], [0.0]]), v_th=v_th, tau_mem=tau)
    recorded = Events(double([[5e-3, 6e-3]]), torch.tensor([[0, 1]]), (2,), 0.1)
    found = gradients(net, of_times_plain, observed=Observed(z=recorded))
    torch.testing.assert_close(found["v_th"], 1 / (0.1 * v_th / tau), rtol=1e-12, atol=0)


def test_a_simulation_is_not_clipped_unless_asked():
    # a spike near its tangency: the slope is far below 0.1 th/tau
    net = single_neuron(weight=6.3497)
    assert len(recording_of(net).times[0]) == 1
    time = recording_of(net).times[0, 0].item()
    slope = slope_at(time, 6.3497)
    assert 0 < slope < 0.1 / 20e-3
    found = gradients(net, of_times_plain)
    assert found["v_th"].item() == pytest.approx(1 / slope, rel=1e-6)
    least = gradients(net, of_times_plain, snn_eventprop.exact(vdot_min=5.0))
    assert least["v_th"].item() == pytest.approx(1 / 5.0, rel=1e-12)


@nets
def test_spikes_that_the_model_cannot_explain_have_finite_gradients(net):
    source = torch.Generator().manual_seed(1)
    times = torch.rand(2, 30, generator=source, dtype=torch.float64) * net.duration
    index = torch.randint(0, 4, (2, 30), generator=source)
    recorded = Events.of(times, index, (4,), net.duration)
    with torch.no_grad():
        out = net.run(observed=Observed(z=recorded)).output
    assert torch.equal(out.times, recorded.times)
    assert torch.equal(out.index, recorded.index)
    for name, value in gradients(net, of_both, observed=Observed(z=recorded)).items():
        assert bool(value.isfinite().all()), name


def test_neurons_without_recorded_spikes_get_no_gradient():
    net = random_net(61, recurrent=False)
    recorded = recording_of(net)
    kept = recorded.index != 2
    recorded = Events.of(
        recorded.times.masked_fill(~kept, math.inf), recorded.index, (4,), net.duration
    )
    found = gradients(net, of_times, observed=Observed(z=recorded))
    for name in ("weight", "delay", "v_th", "v_reset", "v_leak", "tau_mem", "tau_syn"):
        assert not found[name][2].any(), name
        assert found[name][0].any(), name


def test_recorded_spikes_need_not_come_in_a_width_of_their_own():
    net = random_net(62)
    recorded = recording_of(net)
    wide = recorded._replace(
        times=torch.nn.functional.pad(recorded.times, (0, 7), value=math.inf),
        index=torch.nn.functional.pad(recorded.index, (0, 7), value=-1),
    )
    narrow_ones = gradients(net, of_both, observed=Observed(z=recorded))
    for name, value in gradients(net, of_both, observed=Observed(z=wide)).items():
        assert torch.equal(value, narrow_ones[name]), name


@pytest.mark.parametrize(("jitter", "least"), [(1e-6, 0.9999), (20e-6, 0.98)])
def test_a_small_jitter_turns_the_gradient_a_little(jitter, least):
    cosines = []
    for seed in range(8):
        net = random_net(70 + seed, n=10, k=15, recurrent=False, delays=False, strength=1.2)
        recorded = recording_of(net)
        noise = torch.randn(
            recorded.times.shape, generator=torch.Generator().manual_seed(seed)
        ).double()
        noisy = shifted(recorded, jitter * noise)
        exact = gradients(net, of_times)["weight"]
        found = gradients(net, of_times, observed=Observed(z=noisy))["weight"]
        cosines.append(torch.cosine_similarity(exact.flatten(), found.flatten(), dim=0).item())
    assert sorted(cosines)[len(cosines) // 2] > least


def test_the_reset_of_a_recorded_spike_is_the_models():
    # between recorded spikes and after the last one v runs from v_reset on
    net = single_neuron(weight=3.0, v_reset=double(-0.5))
    out = net.run(observed=one_spike(5e-3))
    h, current = 0.1 - 5e-3, 3.0 * math.exp(-4e-3 / 5e-3)
    a, b = math.exp(-h / 20e-3), math.exp(-h / 5e-3)
    assert end_of(out).v.item() == pytest.approx(-0.5 * a + current * (a - b) / 3, rel=1e-12)
    found = gradients(net, lambda out: end_of(out).v.sum(), observed=one_spike(5e-3))
    assert found["v_reset"].item() == pytest.approx(a, rel=1e-12)
