"""surrogate_width: where a surrogate passes gradient on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

_DECADES, _PER_DECADE, _HALVINGS = 9, 20, 60


class Width(NamedTuple):
    """Where ``v - v_threshold`` lies within a surrogate's width; ``low == high`` if it has none."""

    low: float
    high: float

    def share_of(self, x: Tensor) -> Tensor:
        """The share of values that lie within, 0-d.

        >>> Width(-1.0, 1.0).share_of(torch.tensor([-3.0, 0.5]))
        tensor(0.5000)
        """
        if self.low == self.high:
            return torch.zeros((), device=x.device)
        return ((x >= self.low) & (x <= self.high)).float().mean()


def slope_of(spike: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What ``spike`` multiplies a gradient by at ``x = v - v_threshold``, of x's shape.

    >>> import snn_core as snn
    >>> slope_of(snn.threshold("triangle", alpha=2.0), torch.tensor([0.0, 0.5, 1.5]))
    tensor([2., 1., 0.])
    """
    with torch.enable_grad():
        at = x.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(spike(at).sum(), at)
    return slope


def surrogate_width(
    spike: Callable[[Tensor], Tensor],
    share: float = 0.1,
    device: torch.device | str | None = None,
) -> Width:
    """Where the slope of a surrogate is at least this share of its peak.

    Found from the slope itself, so for every registered threshold, surrogate object or function:
    on a grid from 1e-9 to 1e9 either side of the threshold, then by bisection. The slope is taken
    to fall from its peak outwards.

    Args:
        spike: ``(v - v_threshold) -> spikes``.
        share: of the peak, ``0 < share <= 1``.
        device: where ``spike`` computes, if it has tensors of its own.

    Returns:
        Width(low, high), in the unit of v; infinite where the slope does not fall, 0 and 0 where
        there is none.

    Raises:
        ValueError: a share out of range.

    >>> import snn_core as snn
    >>> low, high = surrogate_width(snn.threshold("super_spike", alpha=50.0))
    >>> round(low, 4), round(high, 4)  # 1 / (50 x + 1)^2 = 0.1
    (-0.0432, 0.0432)
    >>> surrogate_width(snn.threshold("straight_through"))
    Width(low=-inf, high=inf)
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be one of the peak, 0 < share <= 1, got {share!r}")
    exponents = torch.linspace(-_DECADES, _DECADES, 2 * _DECADES * _PER_DECADE + 1)
    side = (10.0 ** exponents.double()).to(device)
    grid = torch.cat((-side.flip(0), side.new_zeros(1), side))
    slopes = slope_of(spike, grid)
    level = share * slopes.max()
    if not level > 0:
        return Width(0.0, 0.0)
    inside = (slopes >= level).nonzero().flatten()
    ends = torch.stack((inside[0], inside[-1]))
    beyond = (ends + torch.tensor([-1, 1], device=device)).clamp(0, len(grid) - 1)
    low, high = _between(spike, grid[ends], grid[beyond], level).tolist()
    reach = grid[-1].item()
    return Width(-torch.inf if low <= -reach else low, torch.inf if high >= reach else high)


def _between(
    spike: Callable[[Tensor], Tensor], within: Tensor, beyond: Tensor, level: Tensor
) -> Tensor:
    """Where the slope falls below the level, by bisection on both sides at once."""
    for _ in range(_HALVINGS):
        middle = (within + beyond) / 2
        inside = slope_of(spike, middle) >= level
        within, beyond = torch.where(inside, middle, within), torch.where(inside, beyond, middle)
    return within
