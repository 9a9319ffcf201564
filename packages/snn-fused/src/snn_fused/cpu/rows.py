"""Rows: where a kernel finds the rows of a tensor, one row a step."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Rows(NamedTuple):
    """The address of the first row and, in elements, the distance from one row to the next."""

    address: int
    stride: int


def rows_of(tensor: Tensor) -> Rows:
    """Those of a stream ``(L, B, N)`` whose rows are contiguous.

    >>> import torch
    >>> rows_of(torch.zeros(5, 2, 3)).stride
    6
    """
    return Rows(tensor.data_ptr(), tensor.stride(0))


def single_row(tensor: Tensor) -> Rows:
    """That of a contiguous tensor ``(B, N)``."""
    return Rows(tensor.data_ptr(), 0)


def rows_from(tensor: Tensor, first: int) -> Rows:
    """Those of a stream from step ``first`` on."""
    skipped = first * tensor.stride(0) * tensor.element_size()
    return Rows(tensor.data_ptr() + skipped, tensor.stride(0))
