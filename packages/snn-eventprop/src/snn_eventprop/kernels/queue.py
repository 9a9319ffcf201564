"""A queue of deliveries, the earliest first: a binary heap in arrays that grow.

The first ``size`` entries count; each is the time of a delivery, its source and its rank among the
source's synapses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn_eventprop.kernels.compiling import Floats, Ints, compiled


class Queue(NamedTuple):
    """The entries; parents come before their children, 2 n + 1 and 2 n + 2."""

    times: Floats
    sources: Ints
    ranks: Ints


@compiled
def empty_queue(room: int) -> Queue:
    """Room for so many entries."""
    return Queue(np.empty(room), np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64))


@compiled
def grown_queue(queue: Queue, size: int) -> Queue:
    """The queue with room for one more."""
    if size < len(queue.times):
        return queue
    longer = empty_queue(2 * size)
    longer.times[:size] = queue.times
    longer.sources[:size] = queue.sources
    longer.ranks[:size] = queue.ranks
    return longer


@compiled
def first_time(queue: Queue, size: int) -> float:
    """When the next delivery is; inf if there is none."""
    return queue.times[0] if size > 0 else np.inf


@compiled
def comes_before(queue: Queue, one: int, other: int) -> bool:
    """Earlier, or at the same time from the smaller source: the order is always the same."""
    if queue.times[one] != queue.times[other]:
        return queue.times[one] < queue.times[other]
    return queue.sources[one] < queue.sources[other]


@compiled
def exchange(queue: Queue, one: int, other: int) -> None:
    """Swap two entries."""
    queue.times[one], queue.times[other] = queue.times[other], queue.times[one]
    queue.sources[one], queue.sources[other] = queue.sources[other], queue.sources[one]
    queue.ranks[one], queue.ranks[other] = queue.ranks[other], queue.ranks[one]


@compiled
def push(queue: Queue, size: int, time: float, source: int, rank: int) -> tuple[Queue, int]:
    """Add an entry to a queue that has room; returns it and its new size."""
    at = size
    queue.times[at], queue.sources[at], queue.ranks[at] = time, source, rank
    while at > 0 and comes_before(queue, at, (at - 1) // 2):
        exchange(queue, at, (at - 1) // 2)
        at = (at - 1) // 2
    return queue, size + 1


@compiled
def pop(queue: Queue, size: int) -> tuple[int, int, int]:
    """Take the first entry out: its source, its rank, and the new size."""
    source, rank = queue.sources[0], queue.ranks[0]
    size -= 1
    exchange(queue, 0, size)
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and comes_before(queue, child + 1, child):
            child += 1
        if not comes_before(queue, child, at):
            break
        exchange(queue, at, child)
        at = child
    return source, rank, size
