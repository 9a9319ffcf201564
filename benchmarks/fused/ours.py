"""Ours: the fastest backend, and eager for reference."""

from __future__ import annotations

import snn_core as snn
from torch import Tensor
from work import DT, N_HIDDEN, N_IN, N_OUT, Forward, Network, Variant


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


def variant(backend: str) -> Variant:
    return Variant(
        layers={"lif": lambda: layer("lif", backend), "adex": lambda: layer("adex", backend)},
        networks={
            "feed-forward": lambda: Net(backend, recurrent=False),
            "recurrent": lambda: Net(backend, recurrent=True),
        },
    )


VERSION = snn.__version__
VARIANTS = {"auto": variant("auto"), "eager": variant("eager")}
