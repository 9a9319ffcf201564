"""Flatten in time-first form."""

from __future__ import annotations

from torch import Tensor, nn

from snn_nodes.layer.time_first import TimeFirst, check_tensor
from snn_nodes.naming import label


class Flatten(TimeFirst, nn.Flatten):
    """The axes of a step as one, time and batch left alone: ``(T, B, C, H, W)`` to ``(T, B, N)``.

    Args:
        start_dim, end_dim: first and last axis to merge, counted in one step ``(B, *)``; not the
            batch.
        step_mode: ``'s'`` or ``'m'``.

    Raises:
        ValueError: ``start_dim`` is the batch.

    >>> import torch
    >>> Flatten(step_mode="m")(torch.zeros(5, 2, 3, 4, 4)).shape
    torch.Size([5, 2, 48])
    """

    STEP = ("B, N, *",)

    def __init__(self, start_dim: int = 1, end_dim: int = -1, step_mode: str = "s") -> None:
        nn.Flatten.__init__(self, start_dim, end_dim)
        self.step_mode = step_mode

    def forward(self, x: Tensor) -> Tensor:
        """``(B, *)`` to ``(B, N)``, or ``(T, B, *)`` to ``(T, B, N)``."""
        check_tensor(self, x)
        axes = x.ndim - (self.step_mode == "m")
        if self.start_dim == 0 or self.start_dim == -axes:
            raise ValueError(
                f"{label(self)} would merge the batch, axis 0 of a step, of {tuple(x.shape)}; "
                f"start at start_dim=1"
            )
        return super().forward(x)
