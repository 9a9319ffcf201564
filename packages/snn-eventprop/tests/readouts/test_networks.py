"""Readouts on top of a spiking layer: the gradient of the whole network against differences."""

import math

import pytest
import snn_core as snn
import torch
from snn_core import Events
from snn_eventprop.decode import first_spike
from snn_eventprop.losses import (
    integral_cross_entropy,
    maximum_cross_entropy,
    sample_cross_entropy,
    spike_time_mse,
    ttfs_cross_entropy,
)
from snn_eventprop.membrane import Membrane
from snn_neurons import li, lif
from torch.autograd import gradcheck

LABELS = torch.tensor([0, 2, 1, 1])
SAMPLED = torch.tensor([1.0, 3.0, 5.5], dtype=torch.float64)
HIDDEN = lif.Params(2.0, 0.5)


def weights(n_out=3, seed=0):
    random = torch.Generator().manual_seed(seed)
    first = 4.0 + 2.0 * torch.randn(6, 3, generator=random, dtype=torch.float64)
    second = 1.4 + 0.5 * torch.randn(n_out, 6, generator=random, dtype=torch.float64)
    times = 3.0 * torch.rand(4, 3, generator=random, dtype=torch.float64)
    return first.requires_grad_(), second.requires_grad_(), times.requires_grad_()


def events(times):
    index = torch.arange(times.shape[1]).expand_as(times)
    return Events.of(times, index, (times.shape[1],), 12.0)


def layer(neuron, x, weight, params, **rest):
    return snn.integrate(neuron, x, weight=weight, params=params, backend="eventprop_exact", **rest)


def hidden(first, times):
    return layer("lif", events(times), first, HIDDEN).output


READOUTS = {
    "maximum": lambda membrane: maximum_cross_entropy(membrane, LABELS, scale=3.0),
    "integral": lambda membrane: integral_cross_entropy(membrane, LABELS, scale=3.0),
    "weighted integral": lambda membrane: integral_cross_entropy(membrane, LABELS, tau=1.5),
    "samples": lambda membrane: sample_cross_entropy(membrane, LABELS, SAMPLED),
}


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("taus", [(2.0, 0.5), (0.5, 0.5)])
def test_membranes_of_a_network(readout, taus):
    def loss(first, second, times):
        spikes = hidden(first, times)
        assert spikes.times.isfinite().sum() > 20
        return READOUTS[readout](layer("li", spikes, second, li.Params(*taus)).output)

    assert gradcheck(loss, weights(), eps=1e-7, atol=1e-7, rtol=1e-5)


def test_first_spikes_of_a_network():
    def loss(first, second, times):
        found = first_spike(layer("lif", hidden(first, times), second, HIDDEN).output)
        assert bool(found.isfinite().any(1).all())
        return ttfs_cross_entropy(found, LABELS, tau0=0.5, tau1=2.0, alpha=0.1)

    assert gradcheck(loss, weights(), eps=1e-7, atol=1e-7, rtol=1e-5)


def test_spike_times_of_a_network():
    def loss(first, second, times):
        found = first_spike(layer("lif", hidden(first, times), second, HIDDEN).output)
        return spike_time_mse(found, torch.full_like(found, 2.0))

    assert gradcheck(loss, weights(), eps=1e-7, atol=1e-7, rtol=1e-5)


def test_the_output_of_li_is_its_membrane():
    first, second, times = weights()
    start = lif.State(*torch.rand(2, 4, 3, dtype=torch.float64))
    params = li.Params(2.0, 0.5, v_leak=0.3)
    out = layer("li", hidden(first, times), second, params, state=start, delay=0.25)
    assert isinstance(out.output, Membrane)
    end = out.output.at(torch.tensor([12.0], dtype=torch.float64))[..., 0]
    torch.testing.assert_close(end, out.state.v, rtol=1e-12, atol=1e-14)


def test_single_precision_is_close_to_double():
    first, second, times = weights()
    found = {}
    for dtype in (torch.float32, torch.float64):
        spikes = hidden(first.to(dtype), times.to(dtype))
        membrane = layer("li", spikes, second.to(dtype), li.Params(2.0, 0.5)).output
        losses = [readout(membrane) for readout in READOUTS.values()]
        assert {loss.dtype for loss in losses} == {dtype}
        found[dtype] = [loss.item() for loss in losses]
        found[dtype] += torch.autograd.grad(sum(losses), first)[0].flatten().tolist()
    assert found[torch.float32] == pytest.approx(found[torch.float64], rel=1e-4, abs=1e-4)


def test_an_output_that_never_fires_gives_no_nan():
    first, second, times = weights()
    with torch.no_grad():
        second[1] = -1.0
    found = first_spike(layer("lif", hidden(first, times), second, HIDDEN).output)
    assert bool((found[:, 1] == math.inf).all())
    loss = ttfs_cross_entropy(found, LABELS, tau0=0.5, tau1=2.0, alpha=0.1)
    gradients = torch.autograd.grad(loss, (first, second, times))
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)
    assert not gradients[1][1].any()
