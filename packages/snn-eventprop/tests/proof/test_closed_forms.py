"""Spike times against closed forms: the quadratic at tau_mem = 2 tau_syn, and constant drive."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from .nets import Net, gradients, real


def quadratic(v, i, v_leak, v_th, tau_mem, length):
    """The first crossing: with x = e^(-h/tau_mem), v - v_leak = (v0 - v_leak) x + i (x - x^2)."""
    b, c = v - v_leak + i, v_th - v_leak
    discriminant = b * b - 4 * i * c
    if i == 0 or discriminant <= 0:
        return math.inf
    # The first crossing has the larger x below 1 at which v rises in time, so falls in x.
    roots = [(b + sign * math.sqrt(discriminant)) / (2 * i) for sign in (1, -1)]
    rising = [x for x in roots if math.exp(-length / tau_mem) < x < 1 and b - 2 * i * x < 0]
    return -tau_mem * math.log(max(rising)) if rising else math.inf


def spikes_in_closed_form(weight, times, tau_mem, v_th, v_reset, v_leak, duration):
    """All spikes of one neuron that starts at rest."""
    v, i, now, spikes = v_leak, 0.0, 0.0, []
    for arrival, w in [*zip(times, weight, strict=True), (duration, 0.0)]:
        while True:
            h = quadratic(v, i, v_leak, v_th, tau_mem, arrival - now)
            step = min(h, arrival - now)
            x = math.exp(-step / tau_mem)
            v, i = v_leak + (v - v_leak) * x + i * (x - x * x), i * x * x
            if h == math.inf:
                break
            now += h
            v = v_reset
            spikes.append(now)
        now, i = arrival, i + w
    return spikes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("v_leak", [0.0, -0.2, 0.4])
def test_many_spikes_at_tau_mem_twice_tau_syn(seed, v_leak):
    n, k, source = 200, 10, np.random.default_rng(seed)
    times, weight = np.sort(source.uniform(0, 50e-3, k)), source.normal(1.5, 2.0, (n, k))
    net = Net(
        index=torch.arange(k)[None], duration=0.1, times=torch.from_numpy(times)[None],
        weight=torch.from_numpy(weight), tau_mem=10e-3, tau_syn=5e-3, v_th=1.0, v_reset=-0.3,
        v_leak=v_leak,
    )  # fmt: skip
    events = net.run().output
    given = [events.times[0][events.index[0] == m].tolist() for m in range(n)]
    expected = [spikes_in_closed_form(w, times, 10e-3, 1.0, -0.3, v_leak, 0.1) for w in weight]
    assert [len(row) for row in given] == [len(row) for row in expected]
    assert max(map(len, expected)) > 4
    for one, other in zip(given, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


def test_the_gradient_at_tau_mem_twice_tau_syn():
    # from rest w (x - x^2) = th, so dx/dw = -(x - x^2) / (w (1 - 2 x)), t = -tau ln x
    w = torch.tensor([[6.0]], dtype=torch.float64)
    times = torch.tensor([[2e-3]], dtype=torch.float64)
    net = Net(
        index=torch.tensor([[0]]), duration=8e-3, times=times, weight=w, v_reset=-5.0,
        v_th=torch.tensor(1.0, dtype=torch.float64),
    )  # fmt: skip
    found = gradients(net, lambda out: out.output.times[real(out.output)].sum())
    assert real(net.run().output).sum() == 1
    x = (1 + math.sqrt(1 - 4 / 6)) / 2
    by_weight = 10e-3 / x * (x - x * x) / (6 * (1 - 2 * x))
    assert found["weight"].item() == pytest.approx(by_weight, rel=1e-12)
    assert found["v_th"].item() == pytest.approx(-6.0 * by_weight, rel=1e-12)
    assert found["times"].item() == pytest.approx(1.0, rel=1e-12)


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("refractory", [0.0, 2e-3])
def test_a_leak_above_threshold_fires_like_a_clock(refractory):
    # v = E + (v0 - E) e^(-h/tau), so th is reached after tau ln((E - v0)/(E - th))
    tau, leak, reset, start, duration = 10e-3, 1.5, -0.2, 0.3, 0.1
    net = Net(
        index=torch.empty(1, 0, dtype=torch.long), times=torch.empty(1, 0).double(),
        weight=double([0.0]), duration=duration, tau_mem=double(tau)[0], v_leak=double(leak)[0],
        v_reset=double(reset)[0], v=double([start]), i=double([0.0]),
        refractory_time=double(refractory)[0] if refractory else None,
        ref=double([0.0]) if refractory else None,
    )  # fmt: skip
    times = net.run().output.times[0]
    first = tau * math.log((leak - start) / (leak - 1))
    period = tau * math.log((leak - reset) / (leak - 1)) + refractory
    expected = first + period * np.arange(len(times))
    np.testing.assert_allclose(times.numpy(), expected, rtol=1e-13)
    assert first + len(times) * period >= duration
    n = len(times) - 1
    last = gradients(net, lambda out: out.output.times[0, -1])
    # d/dtau is every logarithm, d/dE each of their derivatives, n periods after the first spike
    slope = (1 / (leak - start) - 1 / (leak - 1)) + n * (1 / (leak - reset) - 1 / (leak - 1))
    assert last["tau_mem"].item() == pytest.approx((expected[-1] - n * refractory) / tau, rel=1e-12)
    assert last["v_leak"].item() == pytest.approx(tau * slope, rel=1e-12)
    assert last["v_reset"].item() == pytest.approx(-tau * n / (leak - reset), rel=1e-12)
    assert last["v"].item() == pytest.approx(-tau / (leak - start), rel=1e-12)
    if refractory:
        assert last["refractory_time"].item() == pytest.approx(n, rel=1e-12)
