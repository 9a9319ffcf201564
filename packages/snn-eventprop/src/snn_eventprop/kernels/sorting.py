"""Sorting by time, equal times in the order in which they came."""

from __future__ import annotations

import numpy as np

from snn_eventprop.kernels.compiling import Floats, Ints, compiled

_SHORT = 16


@compiled
def _insert(times: Floats, order: Ints, first: int, last: int) -> None:
    """Sort a short stretch of the order in place."""
    for j in range(first + 1, last):
        item = order[j]
        k = j
        while k > first and times[order[k - 1]] > times[item]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = item


@compiled
def _merge(times: Floats, source: Ints, target: Ints, first: int, middle: int, last: int) -> None:
    """Merge two sorted stretches of ``source`` into ``target``."""
    a, b = first, middle
    for j in range(first, last):
        if a < middle and (b >= last or times[source[a]] <= times[source[b]]):
            target[j] = source[a]
            a += 1
        else:
            target[j] = source[b]
            b += 1


@compiled
def order_of(times: Floats, n: int) -> Ints:
    """The places of the first n times in ascending order: a merge sort, stable."""
    order, other = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    for j in range(n):
        order[j] = j
    for first in range(0, n, _SHORT):
        _insert(times, order, first, min(first + _SHORT, n))
    width = _SHORT
    while width < n:
        for first in range(0, n, 2 * width):
            middle = min(first + width, n)
            _merge(times, order, other, first, middle, min(first + 2 * width, n))
        order, other = other, order
        width *= 2
    return order


@compiled
def sort_train(times: Floats, rows: Ints, n: int) -> None:
    """Sort the first n entries of a train by time, in place."""
    ascending = True
    for j in range(1, n):
        ascending = ascending and times[j - 1] <= times[j]
    if ascending:
        return
    order = order_of(times, n)
    sorted_times, sorted_rows = np.empty(n), np.empty(n, dtype=np.int64)
    for j in range(n):
        sorted_times[j], sorted_rows[j] = times[order[j]], rows[order[j]]
    for j in range(n):
        times[j], rows[j] = sorted_times[j], sorted_rows[j]
