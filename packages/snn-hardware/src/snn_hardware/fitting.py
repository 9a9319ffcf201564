"""Fitting: an exponential to the traces of all circuits at once, by Gauss and Newton's method.

    y(t) = offset + amplitude exp(-t / tau),    sum (y - measured)^2 -> min

Each step solves the linear problem in offset, amplitude and log tau. A trace that is the start's
own leaves no remainder, so its start comes back to the bit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

STEPS = 7
"""Enough for full precision from a start that is three times too long or too short."""

LONGEST_STEP = 0.7
"""Of log tau in one step: to twice or half of it, so that a far start does not overshoot."""


class Exponential(NamedTuple):
    """``offset + amplitude exp(-t / tau)``, each ``(N,)``.

    >>> Exponential(torch.zeros(1), torch.ones(1), torch.ones(1)).at(torch.tensor([[0.0, 1.0]]))
    tensor([[1.0000, 0.3679]])
    """

    offset: Tensor
    amplitude: Tensor
    tau: Tensor

    def at(self, times: Tensor) -> Tensor:
        """Its values at times ``(N, T)``."""
        decay = torch.exp(-times / self.tau[:, None])
        return self.offset[:, None] + self.amplitude[:, None] * decay


def fit(times: Tensor, trace: Tensor, start: Exponential) -> Exponential:
    """The exponential with the least squared distance from a trace.

    Args:
        times, trace: ``(N, T)``, T at least 3.
        start: where the search starts; tau within a factor of three.

    Returns:
        It; a fit that runs away has a tau that is not finite or not positive.

    >>> times = torch.arange(50.0).double().expand(1, 50)
    >>> one = torch.ones(1).double()
    >>> trace = Exponential(80 * one, -20 * one, 12 * one).at(times)
    >>> fit(times, trace, Exponential(70 * one, -10 * one, 6 * one)).tau
    tensor([12.0000], dtype=torch.float64)
    """
    found = start
    for _ in range(STEPS):
        found = _step(times, trace, found)
    return found


def _step(times: Tensor, trace: Tensor, found: Exponential) -> Exponential:
    relative = times / found.tau[:, None]
    decay = torch.exp(-relative)
    remainder = trace - (found.offset[:, None] + found.amplitude[:, None] * decay)
    by_log_tau = found.amplitude[:, None] * decay * relative
    slopes = (torch.ones_like(decay), decay, by_log_tau)
    change = _solved([_dots(slope, slopes) for slope in slopes], _dots(remainder, slopes))
    return Exponential(
        found.offset + change[:, 0],
        found.amplitude + change[:, 1],
        found.tau * change[:, 2].clamp(-LONGEST_STEP, LONGEST_STEP).exp(),
    )


def _dots(one: Tensor, others: tuple[Tensor, ...]) -> Tensor:
    """Scalar products over time with each of the others, ``(N, 3)``."""
    return torch.stack([(one * other).sum(1) for other in others], dim=1)


def _solved(columns: list[Tensor], right: Tensor) -> Tensor:
    """Three linear equations for each circuit, by Cramer's rule."""
    a, b, c = columns
    cofactors = tuple(torch.linalg.cross(one, other) for one, other in ((b, c), (c, a), (a, b)))
    determinant: Tensor = (a * cofactors[0]).sum(1, keepdim=True)
    return _dots(right, cofactors) / determinant
