"""Ours: the fastest backend, eager for reference, and the stateful nodes."""

from __future__ import annotations

import snn_core as snn
import torch
from snn_nodes import LIFNode, reset_net, surrogate
from torch import Tensor
from work import DT, N_HIDDEN, N_IN, N_OUT, TAU_MEM, Forward, Network, Variant


class Net(Network):
    def __init__(self, backend: str, recurrent: bool) -> None:
        super().__init__()
        self.hidden = snn.Layer(N_IN, N_HIDDEN, "lif", dt=DT, recurrent=recurrent, backend=backend)
        self.readout = snn.Layer(N_HIDDEN, N_OUT, "li", dt=DT, backend=backend)
        self.input_weight = self.hidden.weight

    def run(self, x: Tensor) -> tuple[Tensor, Tensor]:
        spikes = self.hidden(x).output
        return spikes, self.readout(spikes).output


def layer(neuron: str, backend: str) -> Forward:
    return lambda x: snn.integrate(neuron, x, dt=DT, backend=backend).output


def node(step_mode: str) -> Forward:
    """SpikingJelly's LIFNode by our hand, with the settings of its entry."""
    lif = LIFNode(
        tau=TAU_MEM / DT,
        decay_input=False,
        surrogate_function=surrogate.SuperSpikeScaled(),
        detach_reset=True,
        step_mode=step_mode,
    )

    def forward(x: Tensor) -> Tensor:
        reset_net(lif)
        if step_mode == "m":
            return lif(x)  # type: ignore[no-any-return]
        return torch.stack([lif(row) for row in x.unbind(0)])

    return forward


def variant(backend: str) -> Variant:
    return Variant(
        layers={"lif": lambda: layer("lif", backend), "adex": lambda: layer("adex", backend)},
        networks={
            "feed-forward": lambda: Net(backend, recurrent=False),
            "recurrent": lambda: Net(backend, recurrent=True),
        },
    )


VERSION = snn.__version__
VARIANTS = {
    "auto": variant("auto"),
    "eager": variant("eager"),
    "LIFNode": Variant(layers={"lif": lambda: node("m")}),
    "LIFNode, a call a step": Variant(layers={"lif": lambda: node("s")}),
}
