"""The two references of these tests against each other, before anything is measured by them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from .comparing import is_voltage
from .nets import TIME_CONSTANTS, random_net
from .propagators import propagators
from .replay import replay
from .simulator import simulate

SMALL = {"n": 3, "m": 3, "k": 6, "b": 1, "duration": 0.06}


def test_the_propagators_are_the_closed_form_where_that_is_exact():
    h = np.linspace(0.0, 0.3, 500)
    a, phi, b = propagators(h, 20e-3, 5e-3, exp=np.exp, longest=60.0)
    np.testing.assert_allclose(a, np.exp(-h / 20e-3), rtol=1e-14)
    np.testing.assert_allclose(b, np.exp(-h / 5e-3), rtol=1e-14)
    np.testing.assert_allclose(phi[1:], ((a - b) / 3)[1:], rtol=1e-13)


def test_the_propagators_at_equal_time_constants():
    h = np.linspace(0.0, 0.3, 500)
    phi = propagators(h, 10e-3, 10e-3, exp=np.exp, longest=30.0)[1]
    np.testing.assert_allclose(phi, h / 10e-3 * np.exp(-h / 10e-3), rtol=1e-13)
    near = propagators(h, 10e-3, 10e-3 * (1 + 1e-9), exp=np.exp, longest=30.0)[1]
    np.testing.assert_allclose(near, phi * (1 + 0.5e-9 * h / 10e-3), rtol=1e-12)


def test_a_single_spike_has_the_time_of_the_quadratic():
    # tau_mem = 2 tau_syn, from rest: v = w (x - x^2) with x = exp(-h / tau_mem)
    net = random_net(0, **SMALL, taus=(10e-3, 5e-3), recurrent=False, delays=False)
    net = net.replace(
        index=torch.tensor([[0]]), times=torch.tensor([[5e-3]], dtype=torch.float64),
        weight=torch.tensor([[6.0]]), v_th=1.0, v_reset=0.0, v_leak=0.0, v=None, i=None,
        tau_mem=10e-3, tau_syn=5e-3, duration=9e-3,
    )  # fmt: skip
    run = simulate(net)
    x = (1 + math.sqrt(1 - 4 / 6.0)) / 2
    assert run.times == pytest.approx([5e-3 - 10e-3 * math.log(x)], rel=1e-14)


@pytest.mark.parametrize("taus", TIME_CONSTANTS.values(), ids=TIME_CONSTANTS)
@pytest.mark.parametrize("refractory", [0.0, 3e-3])
def test_a_replay_of_the_simulation_is_the_simulation(taus, refractory):
    net = random_net(3, **SMALL, taus=taus, refractory=refractory, leak_above=True)
    run = simulate(net)
    assert len(run.times) > 3
    again = replay(net, run.times, run.neurons)
    for given, expected in zip(again, (run.times, run.v, run.i, run.ref), strict=True):
        np.testing.assert_allclose(given.numpy(), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_gradient_of_a_replay_is_the_difference_quotient_of_the_simulation(seed):
    net = random_net(seed, **SMALL, refractory=2e-3, leak_above=True)
    run = simulate(net)
    factors = torch.linspace(1.0, 2.0, len(run.times), dtype=torch.float64)
    attached = net.attached()
    times, v, i, _ = replay(attached, run.times, run.neurons)
    total = (factors * times).sum() + 0.1 * v.sum() - 0.2 * i.sum()
    leaves = {k: leaf for k, leaf in attached.leaves.items() if k != "ref"}
    found = torch.autograd.grad(total, list(leaves.values()))
    source = torch.Generator().manual_seed(seed)
    for (name, leaf), gradient in zip(leaves.items(), found, strict=True):
        scale = 1e-7 if is_voltage(name) else 1e-9
        direction = torch.randn(leaf.shape, generator=source, dtype=torch.float64)
        values = []
        for sign in (1, -1):
            there = simulate(net.replace(**{name: leaf.detach() + sign * scale * direction}))
            assert there.neurons.tolist() == run.neurons.tolist()
            total = (factors.numpy() * there.times).sum() + 0.1 * there.v.sum()
            values.append(total - 0.2 * there.i.sum())
        slope = (values[0] - values[1]) / (2 * scale)
        assert slope == pytest.approx((gradient * direction).sum().item(), rel=1e-5), name
