"""SpikingJelly: LIFNode over all steps, one state variable; its own backward where it has one.

The reset's gradient is cut, as in ours. "soft reset" is its cheapest way: two operations fewer
a step.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import torch
from spikingjelly.activation_based import functional, neuron, surrogate
from spikingjelly.activation_based.layer import LinearRecurrentContainer
from torch import Tensor, nn
from work import DT, N_HIDDEN, N_IN, N_OUT, TAU_MEM, Forward, Network, Variant


def node(v_reset: float | None, step_mode: str) -> nn.Module:
    return neuron.LIFNode(  # type: ignore[no-any-return]
        tau=TAU_MEM / DT,
        decay_input=False,
        v_reset=v_reset,
        surrogate_function=surrogate.SuperSpike(),
        detach_reset=True,
        step_mode=step_mode,
    )


def layer(v_reset: float | None) -> Forward:
    lif = node(v_reset, "m")

    def forward(x: Tensor) -> Tensor:
        functional.reset_net(lif)
        return lif(x)  # type: ignore[no-any-return]

    return forward


class Net(Network):
    def __init__(self, hidden: nn.Module) -> None:
        super().__init__()
        self.project, self.hidden = nn.Linear(N_IN, N_HIDDEN, bias=False), hidden
        self.readout = nn.Linear(N_HIDDEN, N_OUT, bias=False)
        self.integrator = neuron.NonSpikingLIFNode(tau=TAU_MEM / DT)
        self.input_weight = self.project.weight

    def run(self, x: Tensor) -> tuple[Tensor, Tensor]:
        functional.reset_net(self)
        spikes = self.hidden(self.project(x))
        return spikes, torch.stack(self.integrator(self.readout(spikes)))


class ByHand(nn.Module):
    """A recurrent layer as a loop of the user's: LIFNode a step, and a Linear of its spikes."""

    def __init__(self, lif: nn.Module) -> None:
        super().__init__()
        self.lif, self.feedback = lif, nn.Linear(N_HIDDEN, N_HIDDEN, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        z, spikes = torch.zeros_like(x[0]), []
        for row in x.unbind(0):
            z = self.lif(row + self.feedback(z))
            spikes.append(z)
        return torch.stack(spikes)


def contained(lif: nn.Module) -> Any:
    return LinearRecurrentContainer(lif, N_HIDDEN, N_HIDDEN, bias=False, step_mode="m")


def variant(v_reset: float | None) -> Variant:
    return Variant(
        layers={"lif": lambda: layer(v_reset)},
        networks={
            "feed-forward": lambda: Net(node(v_reset, "m")),
            "recurrent": lambda: Net(ByHand(node(v_reset, "s"))),
        },
    )


VERSION = version("spikingjelly")
VARIANTS = {
    "LIFNode": variant(0.0),
    "LIFNode, soft reset": variant(None),
    "LIFNode in a container": Variant(
        networks={"recurrent": lambda: Net(contained(node(0.0, "s")))}
    ),
}
