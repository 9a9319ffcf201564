"""Threads: the samples of a batch on as many threads as torch has.

Sums over samples are made in chunks, which depend on the number of samples alone, and added up
chunk by chunk: so results do not depend on the number of threads. Kernels release the GIL while
they run.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

MOST_CHUNKS = 32

# Work, in neurons times arrivals, that takes about as long as waking another thread.
_WORTH_A_THREAD = 20_000


# Numbers in the sums of all chunks together, unless there are four of them or fewer.
_MOST_NUMBERS = 1_000_000


def number_of_chunks(n_samples: int, work: int, size: int) -> int:
    """In how many chunks a batch is summed: each has sums of the size of the weights.

    >>> number_of_chunks(1, work=10**9, size=1000), number_of_chunks(1000, work=10**9, size=1000)
    (1, 32)
    >>> number_of_chunks(32, work=50_000, size=1000), number_of_chunks(1000, 10**9, size=10**7)
    (2, 4)
    """
    room = max(4, _MOST_NUMBERS // max(size, 1))
    return min(n_samples, MOST_CHUNKS, room, max(1, work // _WORTH_A_THREAD))


def run_spans(task: Callable[[int, int], None], n: int, work: int) -> None:
    """Divide items 0 to n - 1 among threads: each calls ``task(first, last + 1)`` once.

    Args:
        task: releases the GIL while it works.
        n: samples, or chunks of them.
        work: roughly, neurons times arrivals of the batch.

    >>> run_spans(lambda first, last: print(first, last), 5, work=1)
    0 5
    """
    n_threads = max(1, min(torch.get_num_threads(), n, work // _WORTH_A_THREAD))
    bounds = [n * thread // n_threads for thread in range(n_threads + 1)]
    spans = list(itertools.pairwise(bounds))
    others = [_pool(os.getpid()).submit(task, *span) for span in spans[1:]]
    task(*spans[0])
    for other in others:
        other.result()


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """The threads of a process: a forked one has none of its parent's."""
    return ThreadPoolExecutor(thread_name_prefix="snn-eventprop")
