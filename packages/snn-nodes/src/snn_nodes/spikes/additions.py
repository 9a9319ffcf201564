"""Spikes times a dense matrix by adding up its rows: work in proportion to the spikes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from snn_nodes.spikes.bits import count
from snn_nodes.spikes.blocks import blocks, runs_along_rows

# Spikes that are listed at a time, 8 bytes each: longer lists take new memory at each call.
_LISTED = 1 << 19
# Entries at a time where columns lie together: the search goes across them, and the part of the
# table that is added up is to stay in the cache.
_ENTRIES = 1 << 20


def add_rows(elem: Tensor, table: Tensor, bias: Tensor | None = None) -> Tensor:
    """``elem @ table + bias`` as sums of the rows of ``table`` where ``elem`` is set.

    An infinite entry of the table reaches only the sums that it is part of; a dense product makes
    NaN of ``0 * inf``.

    Args:
        elem: bool ``(R, C)``, any strides.
        table: floating ``(C, N)``.
        bias: ``(N,)``.

    >>> elem = torch.tensor([[True, False, True], [False, False, False]])
    >>> add_rows(elem, torch.tensor([[1.0], [2.0], [4.0]]))
    tensor([[5.],
            [0.]])
    """
    if runs_along_rows(elem):
        return _row_blocks(elem, table.contiguous(), bias)
    out = _column_blocks(elem, table)
    return out if bias is None else out.add_(bias)


def _row_blocks(elem: Tensor, table: Tensor, bias: Tensor | None) -> Tensor:
    parts = list(blocks(len(elem), count(elem) / max(1, len(elem)), _LISTED))
    if len(parts) <= 1:
        out = _sums(elem, table)
        return out if bias is None else out.add_(bias)
    out = table.new_empty(len(elem), table.shape[1])
    for part in parts:
        sums = _sums(elem[part], table)
        # The sums are still in the cache.
        out[part] = sums if bias is None else sums.add_(bias)
    return out


def _column_blocks(elem: Tensor, table: Tensor) -> Tensor:
    """The same where spikes of a column lie together: the gradient of a weight."""
    parts = list(blocks(elem.shape[1], len(elem), _ENTRIES))
    if len(parts) <= 1:
        return _sums(elem, table.contiguous())
    # Many short sums are added up: not in half precision.
    exact = torch.promote_types(table.dtype, torch.float32)
    out = table.new_zeros(len(elem), table.shape[1], dtype=exact)
    for part in parts:
        out += _sums(elem[:, part], table[part].to(exact).contiguous())
    return out.to(table.dtype)


def _sums(elem: Tensor, table: Tensor) -> Tensor:
    if elem.shape[1] == 0:
        return table.new_zeros(len(elem), table.shape[1])
    index, first = _events(elem)
    return functional.embedding_bag(index, table, first, mode="sum")


def _events(elem: Tensor) -> tuple[Tensor, Tensor]:
    """The columns of all spikes, row by row, and where each row begins among them."""
    rows, columns = elem.shape
    if elem.is_contiguous():
        flat = elem.view(-1).nonzero().squeeze(1)
        starts = torch.arange(0, rows * columns, columns, device=elem.device)
        return flat % columns, torch.searchsorted(flat, starts)
    row, column = elem.nonzero().t().contiguous()
    return column, torch.searchsorted(row, torch.arange(rows, device=elem.device))
