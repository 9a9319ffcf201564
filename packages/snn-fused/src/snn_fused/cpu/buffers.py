"""Memory for outputs, used again when they are gone: new memory costs more than to fill it.

The system hands out memory page by page, at the first touch of each, and takes it back when it is
freed: for a layer that is as long as its kernel, or longer. So the larger outputs lie in memory of
this module, which a tensor borrows until its last reference is gone. What is free is kept, up to a
limit; beyond it the longest unused goes back to the system.
"""

from __future__ import annotations

import collections
import ctypes
import functools
import math
import mmap
import threading
import weakref

import torch
from torch import Tensor

WORTH_KEEPING = 1 << 17
"""Bytes from which on an array is borrowed; the C library keeps smaller ones well."""

KEPT_BYTES = 256 << 20
"""What is kept at most of memory that nobody uses."""

HUGE = 4 << 20
"""Bytes from which on the system is asked for pages of 2 MB, where it knows them."""


class Pool:
    """Free blocks by size.

    >>> pool = Pool(kept_bytes=1000)
    >>> block = pool.take(800)
    >>> pool.give(block)
    >>> pool.take(800) is block
    True
    """

    def __init__(self, kept_bytes: int) -> None:
        self._limit, self._held = kept_bytes, 0
        self._free: collections.OrderedDict[int, mmap.mmap] = collections.OrderedDict()
        # Reentrant: a tensor may be let go, and give its block back, while one is being taken.
        self._lock = threading.RLock()

    def take(self, n_bytes: int) -> mmap.mmap:
        """A block of this size, its content undefined: the one freed last, or a new one."""
        with self._lock:
            for key in reversed(self._free):
                if len(self._free[key]) == n_bytes:
                    self._held -= n_bytes
                    return self._free.pop(key)
        return _new_block(n_bytes)

    def give(self, block: mmap.mmap) -> None:
        """Take back a block that nothing refers to any more."""
        if len(block) > self._limit:
            return
        with self._lock:
            self._free[id(block)] = block
            self._held += len(block)
            while self._held > self._limit:
                _, oldest = self._free.popitem(last=False)
                self._held -= len(oldest)


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A contiguous tensor of undefined content, on the CPU.

    >>> empty((3, 4), torch.float64).shape
    torch.Size([3, 4])
    """
    n_bytes = math.prod(shape) * dtype.itemsize
    if n_bytes < WORTH_KEEPING:
        return torch.empty(shape, dtype=dtype, device="cpu")
    pool = _pool()
    block = pool.take(_rounded(n_bytes))
    # The tensor holds the loan, the loan the block.
    loan = (ctypes.c_char * n_bytes).from_buffer(block)
    weakref.finalize(loan, pool.give, block).atexit = False
    # no view: outputs of a layer may be changed in place
    tensor: Tensor = torch.ops.aten._unsafe_view(torch.frombuffer(loan, dtype=dtype), shape)
    return tensor


def zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """As ``empty``, but zero.

    >>> zeros((2,), torch.float32)
    tensor([0., 0.])
    """
    return empty(shape, dtype).zero_()


def _rounded(n_bytes: int) -> int:
    """The size of the block for an array: up to a quarter larger, so that others fit it again."""
    step: int = 1 << max(0, n_bytes.bit_length() - 3)
    return -(-n_bytes // step) * step


def _new_block(n_bytes: int) -> mmap.mmap:
    # Private, as all other memory: a forked process must not write into ours.
    private = (
        {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    )
    block = mmap.mmap(-1, n_bytes, **private)
    if n_bytes >= HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        block.madvise(mmap.MADV_HUGEPAGE)
    return block


@functools.cache
def _pool() -> Pool:
    """The blocks of this process."""
    return Pool(KEPT_BYTES)
