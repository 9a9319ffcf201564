"""snnTorch: Synaptic has two state variables as ours, Leaky one; both with their default reset.

The user loops over time. The projections take all steps at once, which is faster than the loop
over everything that its tutorials show.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import snntorch
import torch
from snntorch import surrogate
from torch import Tensor, nn
from work import DT, N_HIDDEN, N_IN, N_OUT, TAU_MEM, TAU_SYN, Forward, Network, Variant

Cell = Callable[..., Any]  # makes a cell
SPIKE = {"spike_grad": surrogate.fast_sigmoid()}
ONE = {"beta": 1 - DT / TAU_MEM}
TWO = {"alpha": 1 - DT / TAU_SYN, **ONE}


def over_time(cell: Any, x: Tensor, which: int) -> Tensor:
    """From each step what the cell returns at this place: 0 the spikes, -1 the membrane."""
    cell.reset_mem()
    return torch.stack([cell(row)[which] for row in x.unbind(0)])


def layer(cell: Cell) -> Forward:
    made = cell()
    return lambda x: over_time(made, x, 0)


class Net(Network):
    def __init__(self, hidden: nn.Module, integrator: nn.Module) -> None:
        super().__init__()
        self.project, self.hidden = nn.Linear(N_IN, N_HIDDEN, bias=False), hidden
        self.readout, self.integrator = nn.Linear(N_HIDDEN, N_OUT, bias=False), integrator
        self.input_weight = self.project.weight

    def run(self, x: Tensor) -> tuple[Tensor, Tensor]:
        spikes = over_time(self.hidden, self.project(x), 0)
        return spikes, over_time(self.integrator, self.readout(spikes), -1)


def variant(cell: Cell, recurrent: Cell, constants: dict[str, float]) -> Variant:
    def spiking() -> Any:
        return cell(**constants, **SPIKE)

    def feeding_back() -> Any:
        made = recurrent(**constants, **SPIKE, linear_features=N_HIDDEN)
        with torch.no_grad():  # as strong as those of the others: here the input has no factor
            made.recurrent.weight.mul_(DT / TAU_MEM)
        return made

    def integrator() -> Any:
        return cell(**constants, reset_mechanism="none")

    return Variant(
        layers={"lif": lambda: layer(spiking)},
        networks={
            "feed-forward": lambda: Net(spiking(), integrator()),
            "recurrent": lambda: Net(feeding_back(), integrator()),
        },
    )


VERSION = version("snntorch")
VARIANTS = {
    "Synaptic": variant(snntorch.Synaptic, snntorch.RSynaptic, TWO),
    "Leaky": variant(snntorch.Leaky, snntorch.RLeaky, ONE),
}
