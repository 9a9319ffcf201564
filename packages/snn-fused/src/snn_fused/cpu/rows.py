"""Where a kernel finds the rows of a tensor, one row a step: an address and a distance.

The distance from one row to the next is in elements. Plain pairs, since every launch has a dozen.
"""

from __future__ import annotations

from torch import Tensor

Rows = tuple[int, int]


def rows_from(tensor: Tensor, first: int) -> Rows:
    """Those of a stream ``(T, B, N)`` from step ``first`` on; each row is contiguous.

    >>> import torch
    >>> stream = torch.zeros(5, 2, 3)
    >>> rows_from(stream, 1) == (stream.data_ptr() + 24, 6)
    True
    """
    stride = tensor.stride(0)
    return tensor.data_ptr() + first * stride * tensor.element_size(), stride


def single_row(tensor: Tensor) -> Rows:
    """That of a contiguous tensor without steps."""
    return tensor.data_ptr(), 0
