"""A matrix transposed in memory, several times as fast as by ``matrix.t().contiguous()``."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch import Tensor

from snn_fused.cpu.buffers import empty
from snn_fused.cpu.compiling import Kernel, load
from snn_fused.cpu.threads import reading, run, table
from snn_fused.cpu.vectors import vector

_COST = 0.3
"""Nanoseconds to move one number."""


class _Part(NamedTuple):
    """Rows from top to before bottom, columns from left to before right; as LLVM names them."""

    top: str
    bottom: str
    left: str
    right: str


def transposed(matrix: Tensor) -> Tensor:
    """``matrix.t().contiguous()``, without its gradient, for float32 and float64.

    Raises:
        ValueError: it has no two axes.
        TypeError: it has another dtype.

    >>> transposed(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 3.],
            [2., 4.]])
    """
    if matrix.ndim != 2:
        raise ValueError(f"expected a matrix, got the shape {tuple(matrix.shape)}")
    matrix = matrix.detach()
    if matrix.stride(1) != 1:
        matrix = matrix.contiguous()
    n_rows, n_columns = matrix.shape
    out = empty((n_columns, n_rows), matrix.dtype)
    lanes = vector(matrix.dtype).lanes
    sizes = (n_rows, n_columns, matrix.stride(0))
    given = table(matrix.data_ptr(), out.data_ptr(), *sizes)
    cost = _COST * matrix.numel()
    run(_kernel(matrix.dtype), given, n_columns, grain=lanes, scratch_bytes=0, cost=cost)
    return out


@functools.cache
def _kernel(dtype: torch.dtype) -> Kernel:
    return load(source(dtype))


def source(dtype: torch.dtype) -> str:
    """The text of the kernel that writes rows [lo, hi) of the result: square after square of
    whole vectors, then what is left over number by number.
    """
    group = vector(dtype)
    pointers, numbers = ("from", "to"), ("n_rows", "n_columns", "distance")
    names = dict.fromkeys(pointers, "ptr") | dict.fromkeys(numbers, "i64")
    return f"""
define void @kernel(ptr noalias %table, i64 %lo, i64 %hi, ptr %scratch) {{
entry:
{reading(**names)}
  %width = sub i64 %hi, %lo
  %width.cut = and i64 %width, {-group.lanes}
  %whole.column = add i64 %lo, %width.cut
  %whole.row = and i64 %n_rows, {-group.lanes}
  br label %row.head
row.head:
  %row = phi i64 [0, %entry], [%row.next, %square.head]
  %row.next = add i64 %row, {group.lanes}
  %row.more = icmp slt i64 %row, %whole.row
  br i1 %row.more, label %square.head, label %below
square.head:
  %column = phi i64 [%lo, %row.head], [%column.next, %square]
  %column.next = add i64 %column, {group.lanes}
  %square.more = icmp slt i64 %column, %whole.column
  br i1 %square.more, label %square, label %row.head
square:
{_square(dtype)}
  br label %square.head
below:
{_one_by_one(dtype, "below", _Part("%whole.row", "%n_rows", "%lo", "%hi"))}
below.done:
  br label %beside
beside:
{_one_by_one(dtype, "beside", _Part("0", "%whole.row", "%whole.column", "%hi"))}
beside.done:
  ret void
}}
"""


def _square(dtype: torch.dtype) -> str:
    """Transpose a square in registers: swap ever larger squares beside the diagonal."""
    group = vector(dtype)
    lanes, lines = group.lanes, []
    for k in range(lanes):
        lines += [
            f"  %r{k} = add i64 %row, {k}",
            f"  %r{k}.start = mul i64 %r{k}, %distance",
            f"  %r{k}.place = add i64 %r{k}.start, %column",
            f"  %r{k}.at = getelementptr {group.scalar}, ptr %from, i64 %r{k}.place",
            f"  %v{k}.0 = load {group.numbers}, ptr %r{k}.at, align {group.size}",
        ]
    for stage in range(lanes.bit_length() - 1):
        lines += [_swapped(dtype, k, stage) for k in range(lanes)]
    last = lanes.bit_length() - 1
    for k in range(lanes):
        lines += [
            f"  %c{k} = add i64 %column, {k}",
            f"  %c{k}.start = mul i64 %c{k}, %n_rows",
            f"  %c{k}.place = add i64 %c{k}.start, %row",
            f"  %c{k}.at = getelementptr {group.scalar}, ptr %to, i64 %c{k}.place",
            f"  store {group.numbers} %v{k}.{last}, ptr %c{k}.at, align {group.size}",
        ]
    return "\n".join(lines)


def _swapped(dtype: torch.dtype, k: int, stage: int) -> str:
    """Row k after squares of the size 2 ** stage have been swapped."""
    group, size = vector(dtype), 1 << stage
    other = k ^ size
    places = [
        lane if lane & size == k & size else group.lanes + (lane ^ size)
        for lane in range(group.lanes)
    ]
    order = ", ".join(f"i32 {place}" for place in places)
    return (
        f"  %v{k}.{stage + 1} = shufflevector {group.numbers} %v{k}.{stage}, "
        f"{group.numbers} %v{other}.{stage}, <{group.lanes} x i32> <{order}>"
    )


def _one_by_one(dtype: torch.dtype, name: str, part: _Part) -> str:
    """Move the numbers of a part of the matrix; goes on at the label ``{name}.done``."""
    number = vector(dtype).scalar
    return f"""\
  br label %{name}.row.head
{name}.row.head:
  %{name}.row = phi i64 [{part.top}, %{name}], [%{name}.row.next, %{name}.head]
  %{name}.row.next = add i64 %{name}.row, 1
  %{name}.row.more = icmp slt i64 %{name}.row, {part.bottom}
  br i1 %{name}.row.more, label %{name}.head, label %{name}.done
{name}.head:
  %{name}.column = phi i64 [{part.left}, %{name}.row.head], [%{name}.column.next, %{name}.inside]
  %{name}.column.next = add i64 %{name}.column, 1
  %{name}.more = icmp slt i64 %{name}.column, {part.right}
  br i1 %{name}.more, label %{name}.inside, label %{name}.row.head
{name}.inside:
  %{name}.start.from = mul i64 %{name}.row, %distance
  %{name}.place.from = add i64 %{name}.start.from, %{name}.column
  %{name}.from = getelementptr {number}, ptr %from, i64 %{name}.place.from
  %{name}.number = load {number}, ptr %{name}.from
  %{name}.start.to = mul i64 %{name}.column, %n_rows
  %{name}.place.to = add i64 %{name}.start.to, %{name}.row
  %{name}.to = getelementptr {number}, ptr %to, i64 %{name}.place.to
  store {number} %{name}.number, ptr %{name}.to
  br label %{name}.head"""
