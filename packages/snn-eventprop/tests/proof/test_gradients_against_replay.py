"""Every gradient of the exact engine against automatic differentiation of a replayed history."""

from __future__ import annotations

import pytest
import torch

from .comparing import assert_close
from .nets import (
    BACKEND,
    TIME_CONSTANTS,
    coefficients,
    end_of,
    gradients,
    loss_of_state,
    loss_of_times,
    random_net,
    real,
)
from .replay import replay

RTOL = 1e-9  # what the conditioning of the nets leaves of 1e-16


def replayed(net, of_times=1.0, of_state=0.0, of_ref=0.0):
    """The gradient of the same loss by replay, of the spikes that the package finds."""
    net = net.attached()
    with torch.no_grad():
        events = net.run().output
    total = torch.zeros((), dtype=torch.float64)
    for b in range(len(net.times)):
        mask = real(events)[b]
        times, v, i, ref = replay(net.sample(b), events.times[b][mask], events.index[b][mask])
        end = type("End", (), {"v": v[None], "i": i[None]})
        total = total + of_times * (coefficients(events)[b][mask] * times).sum()
        total = total + of_state * loss_of_state(end) + of_ref * ref.sum()
    found = torch.autograd.grad(total, list(net.leaves.values()), allow_unused=True)
    return {
        name: torch.zeros_like(leaf) if one is None else one
        for (name, leaf), one in zip(net.leaves.items(), found, strict=True)
    }


def assert_exact(net, rtol=RTOL, **weights):
    weights = {"of_times": 1.0, "of_state": 0.0, "of_ref": 0.0, **weights}

    def loss(out):
        total = weights["of_times"] * loss_of_times(out.output)
        total = total + weights["of_state"] * loss_of_state(end_of(out))
        if weights["of_ref"]:
            total = total + weights["of_ref"] * end_of(out).ref.sum()
        return total

    assert_close(gradients(net, loss, BACKEND), replayed(net, **weights), rtol)


@pytest.mark.parametrize("taus", TIME_CONSTANTS.values(), ids=TIME_CONSTANTS)
@pytest.mark.parametrize("refractory", [0.0, 3e-3], ids=["free", "refractory"])
@pytest.mark.parametrize("leak_above", [False, True], ids=["leak_below", "leak_above"])
def test_spike_times_of_recurrent_nets_with_delays(taus, refractory, leak_above):
    assert_exact(random_net(21, taus=taus, refractory=refractory, leak_above=leak_above, b=1))


@pytest.mark.parametrize("taus", TIME_CONSTANTS.values(), ids=TIME_CONSTANTS)
@pytest.mark.parametrize("refractory", [0.0, 3e-3], ids=["free", "refractory"])
def test_the_state_at_the_end(taus, refractory):
    # the last input early enough that the end is not far from the last spike, nor refractory only
    net = random_net(22, taus=taus, refractory=refractory, leak_above=True, b=1, duration=0.04)
    assert_exact(net, of_times=0.0, of_state=1.0)
    assert_exact(net, of_times=10.0, of_state=1.0)


def test_what_is_left_of_a_refractory_period_at_the_end():
    net = random_net(23, refractory=15e-3, leak_above=True, duration=0.05)
    with torch.no_grad():
        assert (end_of(net.run()).ref > 0).any()
    assert_exact(net, of_times=0.0, of_ref=1.0)


@pytest.mark.parametrize("refractory", [0.0, 3e-3], ids=["free", "refractory"])
def test_recurrence_without_delay(refractory):
    assert_exact(random_net(24, delays=False, refractory=refractory, leak_above=True))


def test_layers_without_recurrence():
    assert_exact(random_net(25, recurrent=False, delays=False))
    assert_exact(random_net(25, recurrent=False, delays=True, refractory=2e-3))


@pytest.mark.parametrize("shape", [(), (5,), (4, 1), (1, 5), (4, 5)], ids=str)
def test_delays_of_every_shape(shape):
    net, source = random_net(26, b=1), torch.Generator().manual_seed(0)
    delay = 4e-3 * torch.rand(shape, generator=source, dtype=torch.float64)
    back = 4e-3 * torch.rand(shape and (shape[0], 4)[-len(shape) :], generator=source).double()
    back = back if back.ndim < 2 or shape[1] != 1 else back[:, :1]
    if back.shape == (5,):
        back = back[:4]
    assert_exact(net.replace(delay=delay, recurrent_delay=back))


@pytest.mark.parametrize("refractory", [None, 2e-3])
def test_parameters_that_all_neurons_share(refractory):
    shared = {"tau_mem": 12e-3, "tau_syn": 5e-3, "v_th": 1.0, "v_reset": -0.1, "v_leak": 0.05}
    net = random_net(27, refractory=refractory or 0.0)
    scalars = {name: torch.tensor(value, dtype=torch.float64) for name, value in shared.items()}
    if refractory:
        scalars["refractory_time"] = torch.tensor(refractory, dtype=torch.float64)
    assert_exact(net.replace(**scalars), of_state=0.1)
    assert_exact(net.replace(**{name: value[None] for name, value in scalars.items()}))


def test_one_scalar_among_parameters_per_neuron():
    net = random_net(28)
    assert_exact(net.replace(tau_mem=torch.tensor(15e-3, dtype=torch.float64), v_reset=0.0))


def test_time_constants_that_differ_from_neuron_to_neuron():
    pairs = torch.tensor(list(TIME_CONSTANTS.values()), dtype=torch.float64)
    net = random_net(29, n=5, taus=(10e-3, 8e-3))
    assert_exact(net.replace(tau_mem=pairs[:, 0].clone(), tau_syn=pairs[:, 1].clone()))


@pytest.mark.parametrize("eps", [0.0, 1e-15, 1e-13, 1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1])
def test_nearly_equal_time_constants(eps):
    """Where series take over from closed forms, neither may lose digits."""
    for sign in (1, -1):
        net = random_net(30, taus=(10e-3, 10e-3 * (1 + sign * eps)), b=1, k=8, refractory=1e-3)
        assert_exact(net, rtol=1e-10, of_state=0.1)


@pytest.mark.parametrize("taus", [(1.0, 1e-3), (1e-3, 1.0), (20e-3, 1e-5)], ids=str)
def test_extreme_ratios_of_the_time_constants(taus):
    net = random_net(31, taus=taus, b=1, recurrent=False, delays=False, strength=2.0)
    assert_exact(net.replace(weight=net.weight.clamp(-300, 300)), of_state=0.1)


def test_a_start_at_rest_sends_its_gradient_to_the_leak():
    assert_exact(random_net(32).replace(v=None, i=None))


def test_a_start_in_the_middle_of_a_refractory_period():
    net = random_net(33, refractory=3e-3, leak_above=True)
    left = torch.tensor([[0.5e-3, 1e-3, 5e-3, 30e-3], [1e-3, 1e-4, 1e-4, 0.2]]).double()
    assert set(net.replace(ref=left).leaves) == set(net.leaves) | {"ref"}
    assert_exact(net.replace(ref=left), of_state=0.1, of_ref=0.1)


def test_only_what_asks_for_a_gradient_gets_one():
    net = random_net(34, refractory=2e-3)
    everything = gradients(net, lambda out: loss_of_times(out.output))
    for name in net.leaves:
        leaf = net.leaves[name].detach().clone().requires_grad_()
        loss = loss_of_times(net.replace(**{name: leaf}).run().output)
        (alone,) = torch.autograd.grad(loss, [leaf])
        torch.testing.assert_close(alone, everything[name], rtol=0, atol=0)


def test_stacked_layers_pass_the_gradient_of_their_times():
    first = random_net(35, recurrent=False, refractory=1e-3)
    second = random_net(36, n=3, m=4, recurrent=False, strength=1.2)
    attached, after = first.attached(), second.attached()
    hidden = attached.run().output
    # The second layer takes the first one's events, padded with inf as they are.
    out = after.replace(times=hidden.times, index=hidden.index).run().output
    assert real(out).sum() > 3
    total = loss_of_times(out)
    found = torch.autograd.grad(total, [attached.weight, attached.tau_mem, after.weight])
    again, later = first.attached(), second.attached()
    total = torch.zeros((), dtype=torch.float64)
    for b in range(2):
        kept, mask = real(hidden)[b], real(out)[b]
        index = hidden.index[b][kept]
        times, *_ = replay(again.sample(b), hidden.times[b][kept].detach(), index)
        net = later.sample(b).replace(times=times[None], index=index[None])
        times, *_ = replay(net, out.times[b][mask].detach(), out.index[b][mask])
        total = total + (coefficients(out)[b][mask] * times).sum()
    expected = torch.autograd.grad(total, [again.weight, again.tau_mem, later.weight])
    for given, value in zip(found, expected, strict=True):
        torch.testing.assert_close(given, value, rtol=RTOL, atol=RTOL * value.abs().max().item())
