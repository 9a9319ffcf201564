"""Threads: chunks of samples on as many threads as torch has.

The chunks depend on the number of samples alone, and sums are added up chunk by chunk: so results
do not depend on the number of threads. Kernels release the GIL while they run.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

MOST_CHUNKS = 8

# Work, in neurons times arrivals, that takes about as long as waking another thread.
_WORTH_A_THREAD = 20_000


def chunks(n_samples: int) -> list[tuple[int, int]]:
    """First and last + 1 of the samples of each chunk.

    >>> chunks(10)[:3], len(chunks(10)), chunks(2)
    ([(0, 1), (1, 2), (2, 3)], 8, [(0, 1), (1, 2)])
    """
    n = min(n_samples, MOST_CHUNKS)
    bounds = [n_samples * c // n for c in range(n + 1)] if n else []
    return list(zip(bounds[:-1], bounds[1:], strict=True))


def run_chunks(task: Callable[[int, int, int], None], n_samples: int, work: int) -> None:
    """Call ``task(first, last, chunk)`` for every chunk.

    Args:
        task: releases the GIL while it works.
        n_samples: of the batch.
        work: roughly, neurons times arrivals of the batch.
    """
    parts = chunks(n_samples)
    n_threads = min(torch.get_num_threads(), len(parts), 1 + work // _WORTH_A_THREAD)
    if n_threads <= 1:
        for number, (first, last) in enumerate(parts):
            task(first, last, number)
        return

    def share(thread: int) -> None:
        for number in range(thread, len(parts), n_threads):
            task(*parts[number], number)

    others = [_pool(os.getpid()).submit(share, thread) for thread in range(1, n_threads)]
    share(0)
    for other in others:
        other.result()


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """The threads of a process: a forked one has none of its parent's."""
    return ThreadPoolExecutor(thread_name_prefix="snn-eventprop")
