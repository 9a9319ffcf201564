"""Hidden gradients of 5-30-3 networks tend to those of continuous time as dt falls."""

import functools

import numpy as np
import pytest
import torch
from snn_eventprop.functional import (
    EventPropNeuron,
    EventPropParams,
    EventPropReadoutFunction,
    EventPropSynapseFunction,
)

from . import exact_network as exact
from . import plain_adjoint

PARAMS = EventPropParams(0.0, 0.0, 1.0, exact.TAU_SYN, exact.TAU_MEM)
NETS = exact.nets(10, seed=1)


def inputs(net, dt):
    x = np.zeros((round(exact.DURATION / dt), exact.N_INPUTS))
    x[np.round(net.times / dt).astype(int), np.arange(exact.N_INPUTS)] = 1
    return x


def tensors(net, dt):
    """Input ``(T, 1, 5)``, hidden and output weights."""
    hidden, output = (torch.tensor(one, requires_grad=True) for one in (net.hidden, net.output))
    return torch.from_numpy(inputs(net, dt)).unsqueeze(1), hidden, output


def package(net, dt):
    x, hidden, output = tensors(net, dt)
    z = EventPropNeuron.apply(EventPropSynapseFunction.apply(x, hidden), PARAMS, dt).spikes
    z = EventPropNeuron.apply(EventPropSynapseFunction.apply(z, output), PARAMS, dt).spikes
    g = torch.zeros_like(z)
    g[z.argmax(0), 0, torch.arange(3)] = -torch.from_numpy(exact.FACTORS)
    z.backward(g)
    return hidden.grad.numpy(), output.grad.numpy()


def reference(net, dt):
    x, taus = inputs(net, dt), (exact.TAU_MEM, exact.TAU_SYN)
    hidden = plain_adjoint.grid(x @ net.hidden.T, dt, *taus)
    output = plain_adjoint.grid(hidden[0] @ net.output.T, dt, *taus)
    g = np.zeros_like(output[0])
    g[output[0].argmax(0), np.arange(3)] = -exact.FACTORS
    to_hidden = plain_adjoint.reference(g, *output, dt, *taus)[1] @ net.output
    return (plain_adjoint.reference(to_hidden, *hidden, dt, *taus)[0].T @ x,)


@functools.cache
def exact_gradients():
    return [exact.gradient(net) for net in NETS]


def cosine(one, other):
    return (one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other)


@functools.cache
def errors(scheme, dt):
    """Median cosine and relative error against continuous time, of each layer's weights."""
    found = []
    for given, expected in zip(map(scheme, NETS, [dt] * len(NETS)), exact_gradients(), strict=True):
        pairs = list(zip(given, expected, strict=False))
        found.append([(cosine(g, e), np.linalg.norm(g - e) / np.linalg.norm(e)) for g, e in pairs])
    return np.median(found, axis=0)


def test_the_exact_gradient_is_the_derivative():
    net, h = NETS[0], 1e-6
    slopes = zip((net.hidden, net.output), exact_gradients()[0], strict=True)
    for layer, (weights, slope) in enumerate(slopes):
        where = np.unravel_index(np.abs(slope).argmax(), slope.shape)
        shifted = []
        for step in (h, -h):
            moved = weights.copy()
            moved[where] += step
            shifted.append(exact.value(net._replace(**{("hidden", "output")[layer]: moved})))
        assert (shifted[0] - shifted[1]) / (2 * h) == pytest.approx(slope[where], rel=1e-6)


def test_the_networks_spike_often():
    assert np.mean([len(exact.hidden_spikes(net).times) for net in NETS]) > 45


@pytest.mark.parametrize("layer", [0, 1])
def test_the_error_falls_with_dt(layer):
    found = [errors(package, exact.TAU_SYN / n)[layer] for n in (5, 50, 250)]
    cosines, relative = zip(*found, strict=True)
    assert relative[0] > 3 * relative[1] > 6 * relative[2]
    assert relative[2] < 0.05
    assert cosines[2] > 0.999


@pytest.mark.parametrize("n", [5, 50])
def test_it_is_smaller_than_the_references(n):
    """At equal dt, though both have the same spikes: the rest is the Euler forward's."""
    dt = exact.TAU_SYN / n
    (cosines, relative), _ = errors(package, dt)
    ((their_cosines, their_relative),) = errors(reference, dt)
    assert relative < 0.85 * their_relative
    assert cosines > their_cosines


SAMPLES = (20e-3, 35e-3, 50e-3)  # when the readout's membranes are looked at


def exact_readout(net):
    """Hidden gradient of sum_k factor_k V_k over the samples, V a leaky integrator of the output
    weights in continuous time."""
    hidden = exact.hidden_spikes(net)
    to_hidden = np.zeros(len(hidden.times))
    for k, (t, n) in enumerate(zip(hidden.times, hidden.neurons, strict=True)):
        slopes = sum(-exact.response_slope(s - t) for s in SAMPLES if s > t)
        to_hidden[k] = exact.FACTORS @ net.output[:, n] * slopes
    return exact.hidden_gradient(net, hidden, to_hidden)


def through_readout(net, dt, amplitudes=False):
    """The package's. With ``amplitudes`` the spikes get dL/dz, as from an ordinary readout."""
    x, hidden, output = tensors(net, dt)
    z = EventPropNeuron.apply(EventPropSynapseFunction.apply(x, hidden), PARAMS, dt).spikes
    leaf = z.detach().requires_grad_()
    y = EventPropSynapseFunction.apply(leaf, output.detach())
    y.retain_grad()
    v = EventPropReadoutFunction.apply(y, 0.0, exact.TAU_SYN, exact.TAU_MEM, None, dt).membrane
    rows = [round(s / dt) for s in SAMPLES]
    (v[rows, 0] @ torch.from_numpy(exact.FACTORS)).sum().backward()
    z.backward(y.grad[0] @ output.detach() if amplitudes else leaf.grad)
    return hidden.grad.numpy()


def test_the_readout_hands_on_gradients_of_times():
    dt, right, wrong = exact.TAU_SYN / 500, [], []
    for net in NETS[:6]:
        expected = exact_readout(net)
        right.append(cosine(through_readout(net, dt), expected))
        wrong.append(cosine(through_readout(net, dt, amplitudes=True), expected))
    assert np.median(right) > 0.998
    assert np.median(np.abs(wrong)) < 0.8
