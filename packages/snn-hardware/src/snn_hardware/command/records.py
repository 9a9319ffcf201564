"""What the commands find, for what they print and for its picture."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from snn_hardware.command.networks import Layer
from snn_hardware.synapses import Weights


class Mapped(NamedTuple):
    """A layer as the chip would have it.

    Args:
        layer: its weights.
        replicas: synapses that share one of them.
        scale: steps for a weight of 1.
        weights: its weights, and behind them the recurrent ones, on steps.
    """

    layer: Layer
    replicas: int
    scale: float
    weights: Weights


class Recording(NamedTuple):
    """What a neuron did; potentials in LSB, times in seconds of the chip.

    Args:
        times, membrane: as the circuit had it, ``(T,)``.
        cadc: as the CADC read it at the same times, ``(T,)``.
        madc: times and values of the MADC, ``(M,)``.
        spikes: ``(K,)``.
    """

    times: Tensor
    membrane: Tensor
    cadc: Tensor
    madc: tuple[Tensor, Tensor]
    spikes: Tensor
