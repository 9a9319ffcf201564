"""Membrane.maximum: against a fine grid, and its gradient against differences, kinks included."""

import math

import pytest
import torch
from snn_eventprop.engine.sampling import peaks

CASES = [
    ("longer membrane", "no delay"),
    ("equal", "one delay"),
    ("nearly equal", "axonal"),
    ("longer synapse", "dendritic"),
    ("per neuron", "per synapse"),
]
SEEDS = range(6)


def by_grid(membrane):
    """The largest of samples so close that the membrane is known to 1e-6, kinks to 1e-3."""
    return membrane.at(torch.linspace(0.0, membrane.duration, 4001, dtype=torch.float64)).amax(-1)


@pytest.mark.parametrize(("taus", "delay"), CASES)
def test_it_is_the_largest_value(case, taus, delay):
    for seed in SEEDS:
        membrane = case(taus, delay, seed).build()
        found, grid = membrane.maximum(), by_grid(membrane)
        assert bool((found >= grid - 1e-12).all())
        assert bool((found <= grid + 5e-3).all())


def differences(one, name, eps=1e-6):
    """Central differences of the maxima, one entry of one tensor after the other."""
    tensor = one.tensors[name]
    rows = []
    for place in range(tensor.numel()):
        values = []
        for sign in (1, -1):
            moved = tensor.detach().clone()
            moved.view(-1)[place] += sign * eps
            given = [moved if key == name else value for key, value in one.tensors.items()]
            values.append(one.build(*given).maximum().detach())
        rows.append((values[0] - values[1]) / (2 * eps))
    return torch.stack(rows).nan_to_num(0.0)


@pytest.mark.parametrize(("taus", "delay"), CASES)
def test_the_gradient_is_exact_at_kinks_too(case, taus, delay):
    n_kinks = 0
    for seed in SEEDS:
        one = case(taus, delay, seed)
        n_kinks += int((peaks(*one.build())[1] >= 0).sum())
        value = one.build().maximum()
        for name, tensor in one.tensors.items():
            if name == "delay" and not one.delayed:
                continue
            found = [
                torch.autograd.grad(entry, tensor, retain_graph=True, allow_unused=True)[0]
                for entry in value.flatten()
            ]
            found = [torch.zeros_like(tensor) if one is None else one for one in found]
            found = torch.stack(found).reshape(value.numel(), -1).T
            wanted = differences(one, name).flatten(1)
            torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-7)
    assert n_kinks > 0


def kinked(case, w_inhibitory):
    """One excitatory input at 0.5, one inhibitory at 1.0 while the membrane rises."""
    one = case()
    times = torch.full((3, 7), math.inf, dtype=torch.float64)
    times[:, 0], times[:, 1] = 0.5, 1.0
    one.index[:, 0], one.index[:, 1] = 0, 1
    weight = torch.tensor([[2.0, w_inhibitory, 0, 0]] * 2, dtype=torch.float64)
    one.tensors["times"] = times.requires_grad_()
    one.tensors["weight"] = weight.requires_grad_()
    for name in ("v", "i", "v_leak"):
        one.tensors[name] = torch.zeros_like(one.tensors[name]).requires_grad_()
    return one


def test_a_kink_maximum_moves_with_the_inhibitory_arrival(case):
    one = kinked(case, -4.0)
    found = one.gradients(lambda membrane: membrane.maximum()[0, 0])
    # by hand: tau_mem 2, tau_syn 1/2, the rise to 1.0 by an input of 2 at 0.5
    slow, fast = math.exp(-0.25), math.exp(-1.0)
    assert one.build().maximum()[0, 0].item() == pytest.approx(2 / 3 * (slow - fast), rel=1e-14)
    rise = 2 / 3 * (2 * fast - slow / 2)
    assert found["times"][0, :2].tolist() == pytest.approx([-rise, rise], rel=1e-13)
    assert found["weight"][0].tolist() == pytest.approx([(slow - fast) / 3, 0, 0, 0], rel=1e-13)


def test_a_smooth_maximum_does_not_feel_what_comes_later(case):
    one = kinked(case, -0.1)
    later = one.build()
    later.events.times.data[:, 1] = 2.5  # the maximum is at 0.5 + 0.92
    (found,) = torch.autograd.grad(later.maximum().sum(), one.tensors["times"])
    assert found[:, :2].flatten().tolist() == pytest.approx([0.0] * 6, abs=1e-13)


def test_a_membrane_that_only_falls_has_its_maximum_at_the_start(case):
    one = kinked(case, -4.0)
    with torch.no_grad():
        one.tensors["v"] += 1.0
        one.tensors["weight"].clamp_(max=0.0)
    found = one.gradients(lambda membrane: membrane.maximum().sum())
    assert torch.equal(found["v"], torch.ones(3, 2).double())
    assert not found["weight"].any()
    assert not found["times"].any()


def test_no_gradient_is_nan(case):
    one = case("nearly equal", "per synapse")
    found = one.gradients(lambda membrane: membrane.maximum().sum())
    assert all(bool(gradient.isfinite().all()) for gradient in found.values())
