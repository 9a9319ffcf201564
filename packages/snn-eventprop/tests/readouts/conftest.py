"""Membranes to read, and a slow reading of them that shares nothing with the package."""

import dataclasses
import math

import pytest
import torch
from snn_core import Events
from snn_eventprop.membrane import Membrane
from snn_neurons.li import Params
from snn_neurons.lif import State

DURATION = 4.0
SAMPLES, INPUTS, NEURONS = 3, 4, 2

# In units of seconds, so that differences of 1e-6 are small ones.
TIME_CONSTANTS = {
    "longer membrane": (2.0, 0.5),
    "equal": (0.8, 0.8),
    "nearly equal": (0.8, 0.8 * (1 + 1e-7)),
    "longer synapse": (0.5, 1.2),
    "per neuron": ([2.0, 0.8], [0.5, 0.8]),
}
DELAYS = {
    "no delay": None,
    "one delay": [0.3],
    "axonal": [0.0, 0.3, 0.6, 1.5],
    "dendritic": [[0.2], [0.7]],
    "per synapse": [[0.0, 0.3, 0.6, 1.5], [0.4, 0.1, 0.2, 0.9]],
}


def double(values):
    return torch.tensor(values, dtype=torch.float64)


@dataclasses.dataclass
class Case:
    """A membrane's arguments as tensors that ask for gradients; ``build`` takes others in turn."""

    tensors: dict[str, torch.Tensor]
    index: torch.Tensor
    delayed: bool

    def build(self, *values):
        given = dict(zip(self.tensors, values or self.tensors.values(), strict=True))
        silent = given["times"].detach().isinf()
        events = Events(given["times"], self.index.masked_fill(silent, -1), (INPUTS,), DURATION)
        params = Params(given["tau_mem"], given["tau_syn"], given["v_leak"])
        delay = given["delay"] if self.delayed else None
        return Membrane(events, given["weight"], delay, params, State(given["v"], given["i"]))

    def gradients(self, loss):
        """The derivative of ``loss(membrane)`` with respect to every tensor that it has."""
        wanted = [name for name in self.tensors if name != "delay" or self.delayed]
        tensors = [self.tensors[name] for name in wanted]
        found = torch.autograd.grad(loss(self.build()), tensors, allow_unused=True)
        return dict(zip(wanted, found, strict=True))


@pytest.fixture
def case():
    """Three samples of seven, four and no input events for two leaky integrators."""

    def make(taus="longer membrane", delay="no delay", seed=0):
        random = torch.Generator().manual_seed(seed)

        def normal(*size):
            return torch.randn(size, generator=random, dtype=torch.float64)

        times = (DURATION * torch.rand(SAMPLES, 7, generator=random, dtype=torch.float64)).sort()[0]
        times[1, 4:] = math.inf
        times[2] = math.inf
        index = torch.randint(INPUTS, times.shape, generator=random)
        tau_mem, tau_syn = TIME_CONSTANTS[taus]
        delays = DELAYS[delay]
        tensors = {
            "times": times,
            "weight": normal(NEURONS, INPUTS),
            "delay": double(0.0 if delays is None else delays),
            "tau_mem": double(tau_mem),
            "tau_syn": double(tau_syn),
            "v_leak": double([0.1, -0.4]),
            "v": normal(SAMPLES, NEURONS),
            "i": normal(SAMPLES, NEURONS),
        }
        tensors = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
        return Case(tensors, index, delays is not None)

    return make


@pytest.fixture
def slow_voltage():
    """``(membrane, sample, neuron, time) -> V``: the sum of responses, one by one, in floats."""

    def voltage(membrane, b, n, time):
        tau_mem, tau_syn, leak = (
            torch.as_tensor(value).double().expand(NEURONS)[n].item() for value in membrane.params
        )
        v, i = membrane.state.v[b, n].item(), membrane.state.i[b, n].item()
        delay = torch.as_tensor(membrane.delay if membrane.delay is not None else 0.0)
        delay = delay.double().expand(membrane.weight.shape)[n].tolist()
        weight = membrane.weight[n].tolist()
        total = leak + (v - leak) * math.exp(-time / tau_mem) + i * bump(time, tau_mem, tau_syn)
        events = membrane.events
        for t, channel in zip(events.times[b].tolist(), events.index[b].tolist(), strict=True):
            if t < math.inf and t + delay[channel] < time:
                total += weight[channel] * bump(time - t - delay[channel], tau_mem, tau_syn)
        return total

    return voltage


def bump(h, tau_mem, tau_syn):
    """The response to a unit input; by a series where the rates are close."""
    x = h / tau_mem - h / tau_syn
    if abs(x) > 0.1:
        return tau_syn / (tau_mem - tau_syn) * (math.exp(-h / tau_mem) - math.exp(-h / tau_syn))
    series = sum(x**k / math.factorial(k + 1) for k in range(12))
    return h / tau_mem * math.exp(-h / tau_mem) * series
