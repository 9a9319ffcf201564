"""Our networks, as a user writes them."""

from __future__ import annotations

from typing import Any, NamedTuple

import snn_core as snn
import torch
from problem import ALPHA, TAU0, TAU1
from rows import NETS
from snn_core import Events
from snn_eventprop import first_spike, ttfs_cross_entropy
from torch import Tensor

BACKEND = "eventprop_exact"
DURATION = 0.1  # seconds; every spike of these nets lies before it
T_MAX = 30e-3  # of the recipe: the spike of the value 1
N_HIDDEN, N_CLASSES = 200, 3


class Net(NamedTuple):
    """A net of LIF neurons.

    Attributes:
        neuron, params: of both layers.
        hidden, output: weights that ask for gradients.
    """

    neuron: str
    params: Any
    hidden: Tensor
    output: Tensor

    def spikes(self, inputs: Events) -> tuple[Events, Events]:
        """Of the hidden and of the output layer."""
        hidden = self.layer(inputs, self.hidden)
        return hidden, self.layer(hidden, self.output)

    def layer(self, inputs: Events, weight: Tensor) -> Events:
        done = snn.integrate(
            self.neuron, inputs, weight=weight, params=self.params, backend=BACKEND
        )
        spikes: Events = done.output
        return spikes

    def loss(self, inputs: Events, labels: Tensor) -> Tensor:
        first = first_spike(self.spikes(inputs)[1])
        return ttfs_cross_entropy(first, labels, tau0=TAU0, tau1=TAU1, alpha=ALPHA)


def net(constants: tuple[float, float], once: bool, hidden: Tensor, output: Tensor) -> Net:
    """A net with these time constants and weights; ``once`` is refractory to the end."""
    tau_mem, tau_syn = constants
    if once:
        neuron, more = "lif_refractory", {"refractory_time": DURATION}
    else:
        neuron, more = "lif", {}
    params = snn.neuron(neuron).Params(tau_mem=tau_mem, tau_syn=tau_syn, **more)
    return Net(neuron, params, hidden, output)


def drawn(name: str, seed: int) -> Net:
    """One of ``NETS`` with weights as in the recipe; a slower synapse has weaker ones."""
    constants = NETS[name]
    scale = NETS["full"][1] / constants[1]  # the charge of a spike stays the same
    draw = torch.Generator().manual_seed(seed)
    hidden, output = (
        scale * torch.empty(shape).double().normal_(mean, std, generator=draw)
        for shape, mean, std in (((N_HIDDEN, 5), 1.5, 0.78), ((N_CLASSES, N_HIDDEN), 0.93, 0.1))
    )
    return net(constants, name == "single", hidden.requires_grad_(), output.requires_grad_())
