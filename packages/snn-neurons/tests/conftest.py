"""An implementation of the reference's step of its own, line by line after its description.

It shares nothing with the package: numbers and plain autograd, the surrogate as a value of H with
the gradient of a smooth function, products where the package selects.
"""

from types import SimpleNamespace

import pytest
import torch


def spike(u, alpha):
    """1[u > 0] with the gradient of u / (alpha |u| + 1)."""
    smooth = u / (alpha * u.abs() + 1)
    return (u > 0).to(u.dtype) + smooth - smooth.detach()


def replaced(model, measured):
    """The measured value, the model's gradient."""
    return model if measured is None else measured + model - model.detach()


def row(trace, t):
    return None if trace is None else trace[t]


def aelif(
    x,
    *,
    leak=0.0,
    reset=0.0,
    threshold=1.0,
    tau_syn=5e-3,
    c_mem=10e-3,
    g_l=1.0,
    n=0,
    alpha=50.0,
    exp_slope=0.1,
    exp_threshold=1.0,
    a=0.13,
    b=0.13,
    tau_adap=50e-3,
    dt=1e-3,
    leaky=True,
    fire=True,
    refractory=False,
    exponential=False,
    subthreshold_adaptation=False,
    spike_triggered_adaptation=False,
    spikes=None,
    membrane=None,
    adaptation=None,
):
    """Spikes, membrane, adaptation, current of x (T, B, N); n is the refractory time in steps."""
    zeros = torch.zeros_like(x[0])
    i, w, z, ref = zeros, zeros, zeros, zeros
    v = zeros + leak if leaky or subthreshold_adaptation else zeros
    adapts = subthreshold_adaptation or spike_triggered_adaptation
    rows = []
    for t in range(len(x)):
        current = i
        if leaky:
            current = current + g_l * (leak - v)
        if exponential:
            current = current + g_l * exp_slope * ((v - exp_threshold) / exp_slope).exp()
        if adapts:
            current = current - w
        i = i - dt / tau_syn * i + x[t]
        v = replaced(v + dt * current / c_mem, row(membrane, t))
        held = (ref > 0).to(x.dtype)
        if fire:
            z = spike(v - threshold, alpha)
            z = replaced((1 - held) * z if refractory else z, row(spikes, t))
        if adapts:
            w = w - dt / tau_adap * w
            if subthreshold_adaptation:
                w = w + dt / tau_adap * a * (v - leak)
            if spike_triggered_adaptation:
                w = w + b * z
            w = replaced(w, row(adaptation, t))
        if fire and membrane is None:
            fired = z.detach()
            v = (1 - fired) * v + fired * reset
        if refractory:
            v = replaced((1 - held) * v + held * reset, row(membrane, t))
            fired = z.detach()
            ref = (1 - fired) * (ref - held).clamp(min=0) + fired * n
        rows.append((z, v, w, i))
    return tuple(torch.stack(column) for column in zip(*rows, strict=True))


def exp_lif(
    x,
    *,
    leak=0.0,
    reset=0.0,
    threshold=1.0,
    es,
    em,
    alpha=50.0,
    fire=True,
    spikes=None,
    membrane=None,
):
    """Spikes, membrane and current of the exponential-Euler neuron."""
    i = torch.zeros_like(x[0])
    v = i + leak
    z = i
    rows = []
    for t in range(len(x)):
        v, i = leak + em * (v - leak) + (1 - em) * i, es * i + x[t]
        v = replaced(v, row(membrane, t))
        if fire:
            z = replaced(spike(v - threshold, alpha), row(spikes, t))
            if membrane is None:
                fired = z.detach()
                v = (1 - fired) * v + fired * reset
        rows.append((z, v, i))
    return tuple(torch.stack(column) for column in zip(*rows, strict=True))


@pytest.fixture(scope="session")
def independent():
    return SimpleNamespace(aelif=aelif, exp_lif=exp_lif, spike=spike)


@pytest.fixture
def draw():
    """Random float64 tensors, the same in every run: draw(low, high, *shape)."""
    source = torch.Generator().manual_seed(7)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(shape, generator=source, dtype=torch.float64)

    return uniform


@pytest.fixture(scope="session")
def agree():
    """Outputs equal, and the gradients of one scalar of them, to 1e-10 relative to their size."""

    def check(given, expected, leaves):
        for one, other in zip(given, expected, strict=True):
            torch.testing.assert_close(one.detach(), other.detach(), rtol=1e-10, atol=1e-10)
        gradients = []
        for outputs in (given, expected):
            weights = [
                torch.cos(torch.arange(one.numel(), dtype=one.dtype) + k).reshape(one.shape)
                for k, one in enumerate(outputs)
            ]
            total = sum((one * weight).sum() for one, weight in zip(outputs, weights, strict=True))
            gradients.append(
                torch.autograd.grad(total, leaves, retain_graph=True, allow_unused=True)
            )
        for one, other, leaf in zip(*gradients, leaves, strict=True):
            one, other = (torch.zeros_like(leaf) if g is None else g for g in (one, other))
            scale = max(1.0, float(other.abs().max()))
            torch.testing.assert_close(one / scale, other / scale, rtol=1e-10, atol=1e-10)

    return check
