"""Whether a product of spikes is faster as sums of weight rows: a cost model with measured figures.

Times of both ways were measured on one processor (x86-64, AVX-512, torch 2.13) for 64 to 8000 rows,
100 to 2048 columns, 10 to 1024 outputs and 0.5 to 30 % activity, forward and gradient of the
weight, and fitted by the sums below; the fits are off by 20 % (root mean square), so additions must
win by more than that. Two processors gain about the same on both ways. On processors whose dense
products are slower, additions pay at more activities than this lets them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

MARGIN = 0.8
"""Additions must cost at most this part of the dense product."""


class Limits(NamedTuple):
    """Up to which activity additions are expected to pay; 0 or less: never.

    Args:
        forward: for the product.
        gradient: for the gradient of its weight.
    """

    forward: float
    gradient: float


class Product(NamedTuple):
    """``(R, C)`` spikes times a dense ``(C, N)``.

    Args:
        rows, columns, outputs: R, C, N.
        along_rows: the spikes of a row lie together: forward. Else those of a column: the gradient
            of a weight.
        dtype: of the dense matrix.
    """

    rows: int
    columns: int
    outputs: int
    along_rows: bool
    dtype: torch.dtype


class Costs(NamedTuple):
    """What each part of a product costs, in ns on one processor.

    Args:
        multiply: for each of R C N in a dense product.
        read: for each of R C in a dense product, its conversion from bits included.
        add: for each of N in a row that is added.
        event: for each spike.
        scan: for each of R C that is searched for spikes, along rows.
        scan_across: the same where columns lie together.
        out: for each of R N sums.
        copy: for each of C N; forward alone, where the weight has to be transposed.
        call: for a call.
    """

    multiply: float
    read: float
    add: float
    event: float
    scan: float
    scan_across: float
    out: float
    copy: float
    call: float


_SINGLE = Costs(0.024, 0.6, 0.075, 11, 1.3, 2.2, 1.0, 1.2, 30e3)
_DOUBLE = Costs(0.050, 1.0, 0.18, 44, 1.2, 2.2, 1.6, 1.6, 30e3)
# Dense products as fast as where the processor has instructions for bfloat16.
_HALF = Costs(0.0105, 0.3, 0.047, 11, 1.2, 2.0, 0.9, 0.6, 30e3)


def costs(dtype: torch.dtype) -> Costs:
    """The figures for a dtype."""
    if dtype.itemsize < 4:
        return _HALF
    return _SINGLE if dtype == torch.float32 else _DOUBLE


def break_even(product: Product) -> float:
    """The activity up to which additions are expected to pay; 0 or less: never.

    >>> forward = Product(12800, 784, 512, along_rows=True, dtype=torch.float32)
    >>> round(break_even(forward), 2), break_even(forward._replace(outputs=1)) < 0
    (0.17, True)
    """
    rows, columns, outputs, along_rows, dtype = product
    entries = rows * columns
    if entries * outputs == 0:
        return 0.0
    cost = costs(dtype)
    dense = cost.multiply * entries * outputs + cost.read * entries
    idle = cost.call + cost.out * rows * outputs
    if along_rows:
        idle += cost.scan * entries + cost.copy * columns * outputs
    else:
        idle += cost.scan_across * entries
    spike = cost.event + cost.add * outputs
    return (MARGIN * dense - idle) / (spike * entries)
