"""Held and Seen: what a layer has on the chip, and what happened to it so far."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import torch
from torch import Tensor

from snn_hardware.observation import Lost
from snn_hardware.placement import Place
from snn_hardware.synapses import Weights
from snn_hardware.units import Units


class Held(NamedTuple):
    """What a layer has on the chip: a place for each of its runs, one after the other.

    Args:
        name: of the layer.
        runs: one, or several if the layer was too large; each has the chip to itself then.
        alone: whether its runs have the chip to themselves.
    """

    name: str
    runs: tuple[Place, ...]
    alone: bool

    @property
    def circuits(self) -> Tensor:
        """The circuit that keeps the membrane of each neuron, ``(N_out,)``."""
        return torch.cat([one.circuits[:, 0] for one in self.runs])


@dataclasses.dataclass
class Seen:
    """What happened to a layer so far, for the report."""

    calls: int = 0
    samples: int = 0
    chip_time: float = 0.0
    lost: Lost = dataclasses.field(default_factory=Lost)
    weights: tuple[Weights, ...] = ()
    scale: float = 0.0
    units: Units | None = None
