"""Warnings about schemes that oscillate or grow: steps too long, decays outside (0, 1)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from snn_core.checking import readable
from snn_core.errors import NumericsWarning
from snn_core.types import Value
from torch import Tensor


def warn_if_coarse(fractions: Mapping[str, Value]) -> None:
    """Warn of each time constant that dt exceeds; ``fractions`` are dt over it, by its name.

    The Euler factor is then negative: it overshoots, and beyond a fraction of 2 it grows.
    """
    for name, fraction in fractions.items():
        _, largest = extremes(fraction)
        if largest > 1:
            warnings.warn(
                f"dt is {largest:g} times {name}; the Euler step overshoots above 1 and grows "
                f"above 2: use a shorter dt, or the exp_cuba functions",
                NumericsWarning,
                stacklevel=3,
            )


def warn_if_growing(factors: Mapping[str, Value]) -> None:
    """Warn of each decay factor outside (0, 1); they should be ``exp(-dt / tau)``."""
    for name, factor in factors.items():
        least, largest = extremes(factor)
        if least <= 0 or largest >= 1:
            outside = least if least <= 0 else largest
            warnings.warn(
                f"{name} is {outside:g}; it should be exp(-dt / tau), between 0 and 1: from 1 on "
                f"nothing decays, below 0 it oscillates",
                NumericsWarning,
                stacklevel=3,
            )


def extremes(value: Value) -> tuple[float, float]:
    """The least and the greatest value; a harmless pair where one must not look (compiling)."""
    if not isinstance(value, Tensor):
        return value, value
    values = readable(value)
    if values is None:
        return 0.5, 0.5
    least, largest = torch.aminmax(values)
    return least.item(), largest.item()
