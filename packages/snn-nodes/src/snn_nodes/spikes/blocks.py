"""Blocks: stretches of a product that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

BLOCK = 1 << 20
"""Spikes in a block, a byte each. Measured at (12800, 784) to 512: a quarter and twice as many cost
the same; in one block the conversion to float32 alone takes a third of the dense product's time."""


def blocks(length: int, width: int) -> Iterator[slice]:
    """Stretches of an axis of ``length`` with about ``BLOCK`` entries of ``width`` times as many.

    >>> [(part.start, part.stop) for part in blocks(5, BLOCK // 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    step = max(1, BLOCK // max(1, width))
    for start in range(0, length, step):
        yield slice(start, min(length, start + step))


def runs_along_rows(matrix: Tensor) -> bool:
    """Whether a row lies together in memory, rather than a column.

    >>> import torch
    >>> runs_along_rows(torch.zeros(3, 2)), runs_along_rows(torch.zeros(3, 2).t())
    (True, False)
    """
    return matrix.stride(0) >= matrix.stride(1)
