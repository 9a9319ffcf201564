"""Warnings about growing schemes that ``integrate`` cannot know of: it sees single parameters.

The texts hold no values of parameters, so that one which is learnt does not warn anew each time.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from snn_core.checking import readable
from snn_core.errors import NumericsWarning
from snn_core.types import Value
from torch import Tensor


def warn_if_coarse(dt: float, c_mem: Value, g_l: Value) -> None:
    """Warn if dt exceeds the membrane time constant c_mem / g_l of a leaky neuron."""
    _, largest = extremes(dt * g_l / c_mem)
    if largest > 1:
        warnings.warn(
            f"dt = {dt:g} s is longer than c_mem / g_l: an Euler step overshoots, and beyond twice "
            f"this time constant it grows; use a shorter dt, or the exp_cuba functions",
            NumericsWarning,
            stacklevel=3,
        )


def warn_if_growing(factors: Mapping[str, Value]) -> None:
    """Warn of each decay factor outside (0, 1); they should be ``exp(-dt / tau)``."""
    for name, factor in factors.items():
        least, largest = extremes(factor)
        if least <= 0 or largest >= 1:
            warnings.warn(
                f"{name} lies outside (0, 1); it should be exp(-dt / tau): from 1 on nothing "
                f"decays, below 0 it oscillates",
                NumericsWarning,
                stacklevel=3,
            )


def extremes(value: Value) -> tuple[float, float]:
    """The least and the greatest value; a harmless pair where there is none, or none to look at.

    >>> extremes(torch.tensor([0.5, 2.0])), extremes(torch.empty(0))
    ((0.5, 2.0), (0.5, 0.5))
    """
    if not isinstance(value, Tensor):
        return value, value
    values = readable(value)
    if values is None or values.numel() == 0:
        return 0.5, 0.5
    least, largest = torch.aminmax(values)
    return least.item(), largest.item()
