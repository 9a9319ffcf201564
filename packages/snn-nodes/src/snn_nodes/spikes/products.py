"""Matrix products of spikes with a dense matrix, each in the way that is faster there."""

from __future__ import annotations

import torch
from torch import Tensor

from snn_nodes.spikes.additions import add_rows
from snn_nodes.spikes.bits import as_floats
from snn_nodes.spikes.blocks import blocks, runs_along_rows
from snn_nodes.spikes.choice import Product, break_even
from snn_nodes.spikes.plain import has_values
from snn_nodes.spikes.tally import Tally

# Bytes of floats at a time, as measured at 512 and 784 columns, 128 and 512 outputs. Forward they
# should stay in the cache; for the gradient of a weight each block is added to all of it. A buffer
# for all spikes is new at each call, and clearing its pages took a quarter of the product's time.
_ROW_BUFFER = 1 << 22
_COLUMN_BUFFER = 1 << 24


def spikes_times_dense(
    elem: Tensor, table: Tensor, tally: Tally, bias: Tensor | None = None
) -> Tensor:
    """``elem @ table + bias``, dense, in the dtype of ``table``.

    Args:
        elem: bool ``(R, C)``.
        table: ``(C, N)``.
        tally: counts the spikes of ``elem``.
        bias: ``(N,)``.
    """
    if _adds(elem, table, tally):
        return add_rows(elem, table, bias)
    return multiply(elem, table, bias)


def dense_times_spikes(table: Tensor, elem: Tensor, tally: Tally) -> Tensor:
    """``table @ elem``, dense: ``(N, C)`` times bool ``(C, R)``, as in the gradient of a weight."""
    return spikes_times_dense(elem.t(), table.t(), tally).t().contiguous()


def multiply(elem: Tensor, table: Tensor, bias: Tensor | None = None) -> Tensor:
    """``elem @ table + bias`` as a dense product, without the spikes as floats all at once.

    >>> multiply(torch.tensor([[True, True]]), torch.tensor([[1.0], [2.0]]))
    tensor([[3.]])
    """
    along_rows = runs_along_rows(elem)
    size = (_ROW_BUFFER if along_rows else _COLUMN_BUFFER) // table.dtype.itemsize
    # In half precision a sum over blocks would be rounded at each.
    rounds = table.dtype.itemsize < 4 and not along_rows
    if elem.numel() <= size or rounds or not has_values(elem, table):
        return _product(as_floats(elem, table.dtype), table, bias)
    if along_rows:
        return _row_blocks(elem, table, bias, size)
    out = _column_blocks(elem, table, size)
    return out if bias is None else out.add_(bias)


def _adds(elem: Tensor, table: Tensor, tally: Tally) -> bool:
    if not has_values(elem, table):
        return False
    rows, columns = elem.shape
    product = Product(rows, columns, table.shape[1], runs_along_rows(elem), table.dtype)
    limit = break_even(product)
    return limit > 0 and tally.at_most(limit, elem)


def _row_blocks(elem: Tensor, table: Tensor, bias: Tensor | None, size: int) -> Tensor:
    out = table.new_empty(len(elem), table.shape[1])
    parts = list(blocks(len(elem), elem.shape[1], size))
    buffer = table.new_empty(parts[0].stop, elem.shape[1])
    for part in parts:
        floats = buffer[: part.stop - part.start].copy_(elem[part].view(torch.uint8))
        if bias is None:
            torch.mm(floats, table, out=out[part])
        else:
            torch.addmm(bias, floats, table, out=out[part])
    return out


def _column_blocks(elem: Tensor, table: Tensor, size: int) -> Tensor:
    """The same where a column lies together: transposed, since the floats lie as the spikes do."""
    out = table.new_zeros(table.shape[1], len(elem))
    parts = list(blocks(elem.shape[1], len(elem), size))
    buffer = table.new_empty(parts[0].stop, len(elem))
    for part in parts:
        spikes = elem[:, part].t().view(torch.uint8)
        out.addmm_(table[part].t(), buffer[: len(spikes)].copy_(spikes))
    return out.t()


def _product(floats: Tensor, table: Tensor, bias: Tensor | None) -> Tensor:
    if bias is not None:
        return torch.addmm(bias, floats, table)
    if runs_along_rows(floats):
        return floats @ table
    return (table.t() @ floats.t()).t()  # as torch makes the gradient of a weight
