"""norse: LIF cells with two state variables and hard reset, as ours, stepped by a loop.

Its own modules over time index their input a step at a time, which makes a backward quadratic in
the number of steps: on a whole sequence the loop over ``x.unbind(0)`` is faster.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import torch
from norse.torch import LICell, LIFCell, LIFRecurrentCell
from torch import Tensor, nn
from work import N_HIDDEN, N_IN, N_OUT, Forward, Network, Variant


def over_time(cell: Any, x: Tensor) -> Tensor:
    outputs, state = [], None
    for row in x.unbind(0):
        out, state = cell(row, state)
        outputs.append(out)
    return torch.stack(outputs)


def layer() -> Forward:
    cell = LIFCell()
    return lambda x: over_time(cell, x)


class Net(Network):
    def __init__(self) -> None:
        super().__init__()
        self.project, self.hidden = nn.Linear(N_IN, N_HIDDEN, bias=False), LIFCell()
        self.readout, self.integrator = nn.Linear(N_HIDDEN, N_OUT, bias=False), LICell()
        self.input_weight = self.project.weight

    def run(self, x: Tensor) -> tuple[Tensor, Tensor]:
        spikes = over_time(self.hidden, self.project(x))
        return spikes, over_time(self.integrator, self.readout(spikes))


class RecurrentNet(Network):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = LIFRecurrentCell(N_IN, N_HIDDEN)
        self.readout, self.integrator = nn.Linear(N_HIDDEN, N_OUT, bias=False), LICell()
        self.input_weight = self.hidden.input_weights
        with torch.no_grad():  # as strong as those of the others
            self.hidden.recurrent_weights.uniform_(-(N_HIDDEN**-0.5), N_HIDDEN**-0.5)

    def run(self, x: Tensor) -> tuple[Tensor, Tensor]:
        spikes = over_time(self.hidden, x)
        return spikes, over_time(self.integrator, self.readout(spikes))


VERSION = version("norse")
VARIANTS = {
    "LIFCell": Variant(
        layers={"lif": layer}, networks={"feed-forward": Net, "recurrent": RecurrentNet}
    )
}
