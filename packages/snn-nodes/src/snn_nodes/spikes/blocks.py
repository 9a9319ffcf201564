"""Blocks: stretches of a product that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor


def blocks(length: int, width: float, size: float) -> Iterator[slice]:
    """Stretches of an axis of ``length`` with about ``size`` entries, ``width`` times as many.

    >>> [(part.start, part.stop) for part in blocks(5, 3, size=7)]
    [(0, 2), (2, 4), (4, 5)]
    """
    step = max(1, int(size / width)) if width else max(1, length)
    for start in range(0, length, step):
        yield slice(start, min(length, start + step))


def runs_along_rows(matrix: Tensor) -> bool:
    """Whether a row lies together in memory, rather than a column.

    >>> import torch
    >>> runs_along_rows(torch.zeros(3, 2)), runs_along_rows(torch.zeros(3, 2).t())
    (True, False)
    """
    return matrix.stride(0) >= matrix.stride(1)
