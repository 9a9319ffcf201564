"""Running a kernel block by block over the columns of tensors ``(T, B, *N)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eventprop.engine.threads import run_spans
from snn_eventprop.functional.euler import BLOCK

DTYPES = {torch.float32: np.float32, torch.float64: np.float64}
"""What the kernels can compute in."""


def in_columns(tensor: Tensor) -> NDArray[Any]:
    """``(T, B, *N)`` as an array ``(T, C)`` on the same memory, if that is contiguous.

    >>> import torch
    >>> in_columns(torch.zeros(5, 2, 3, 4)).shape
    (5, 24)
    """
    columns: NDArray[Any] = tensor.detach().contiguous().reshape(len(tensor), -1).numpy()
    return columns


def n_blocks(like: Tensor) -> int:
    """How many blocks the columns of ``(T, B, *N)`` make.

    >>> import torch
    >>> n_blocks(torch.zeros(5, 2, 1000))
    2
    """
    return -(-like[0].numel() // BLOCK)


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor in NumPy's memory: that is asked for in large pages, a quarter of the cost.

    >>> empty((3, 2), torch.float32).shape
    torch.Size([3, 2])
    """
    return torch.from_numpy(np.empty(shape, DTYPES[dtype]))


def run_blocks(kernel: Callable[..., None], like: Tensor, *arguments: Any) -> None:
    """Run a kernel on every block of the columns of ``like``, on as many threads as torch has.

    Blocks share nothing that is written, so results do not depend on the number of threads.
    """

    def run(first: int, last: int) -> None:
        for block in range(first, last):
            kernel(block, *arguments)

    run_spans(run, n_blocks(like), like.numel())
