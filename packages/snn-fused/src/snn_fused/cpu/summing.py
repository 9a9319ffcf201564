"""Kernels that project sparse input: they add rows of a matrix, entry by entry, in registers.

Their table: pointers at the first step; columns; values; the transposed weight, or its gradient;
the outputs, or their gradient; the distances of steps and of samples in rows of the spikes;
n_batch; the number of rows of the outputs; n_in.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch

from snn_fused.cpu.compiling import Kernel, load
from snn_fused.cpu.threads import reading
from snn_fused.cpu.vectors import Vector, vector

TILE = 8
"""How many vectors of sums stay in registers at once; AVX2 has room for them in pairs."""

WIDEST = 4
"""How many vectors wide the sums of a thread are at most, so that those of all inputs stay in the
cache nearest to it but one.
"""


class Piece(NamedTuple):
    """Neighbouring outputs, from ``at`` on, that one vector holds."""

    at: int
    lanes: int


@functools.cache
def gathering(dtype: torch.dtype, n_out: int) -> Kernel:
    """The kernel that writes the sums of rows [lo, hi) of the outputs."""
    return load(gather_source(dtype, n_out))


@functools.cache
def scattering(dtype: torch.dtype, n_out: int, width: int) -> Kernel:
    """The kernel that adds to the gradient of the weight, for the tiles [lo, hi) of its columns,
    each ``width`` wide but the last. It sums in the scratch memory, ``n_in * width`` numbers: where
    two threads write to neighbouring columns, each fetches what the other has just changed.
    """
    return load(scatter_source(dtype, n_out, width))


def tile_width(dtype: torch.dtype, n_out: int, n_threads: int) -> int:
    """How many outputs a tile has, so that all threads have the same number of tiles.

    >>> tile_width(torch.float32, 256, 1), tile_width(torch.float32, 256, 8)
    (64, 32)
    """
    lanes = vector(dtype).lanes
    n_vectors = -(-n_out // lanes)
    n_tiles = n_threads * -(-n_vectors // (WIDEST * n_threads))
    return lanes * -(-n_vectors // n_tiles)


def pieces(group: Vector, n_out: int) -> list[Piece]:
    """All outputs: whole vectors, then ever smaller ones, so that none reaches beyond the row.

    >>> [piece.lanes for piece in pieces(vector(torch.float32), 39)]
    [16, 16, 4, 2, 1]
    """
    found, at, lanes = [], 0, group.lanes
    while at < n_out:
        while lanes > n_out - at:
            lanes //= 2
        found.append(Piece(at, lanes))
        at += lanes
    return found


def gather_source(dtype: torch.dtype, n_out: int) -> str:
    """The text of ``gathering``: for each row one tile of sums after the other."""
    group = vector(dtype)
    every = pieces(group, n_out)
    tiles = [every[k : k + TILE] for k in range(0, len(every), TILE)]
    names = [f"tile{k}" for k in range(len(tiles))]
    text = "\n".join(
        _gathered(group, n_out, tile, name, after)
        for tile, name, after in zip(tiles, names, [*names[1:], "row.done"], strict=True)
    )
    return f"""
define void @kernel(ptr noalias %table, i64 %lo, i64 %hi, ptr %scratch) {{
entry:
{_table()}
  br label %row.head
row.head:
  %row = phi i64 [%lo, %entry], [%row.next, %row.done]
  %row.more = icmp slt i64 %row, %hi
  br i1 %row.more, label %row.inside, label %exit
row.inside:
{_row(group, n_out, "row")}
  br label %tile0
{text}
row.done:
  %row.next = add i64 %row, 1
  br label %row.head
exit:
  ret void
}}
"""


def scatter_source(dtype: torch.dtype, n_out: int, width: int) -> str:
    """The text of ``scattering``: for each tile one row after the other."""
    return f"""
define void @kernel(ptr noalias %table, i64 %lo, i64 %hi, ptr %scratch) {{
entry:
{_table()}
  br label %tile.head
tile.head:
  %tile = phi i64 [%lo, %entry], [%tile.next, %tile.done]
  %tile.more = icmp slt i64 %tile, %hi
  br i1 %tile.more, label %tile.inside, label %exit
tile.inside:
  %start = mul i64 %tile, {width}
  %tile.next = add i64 %tile, 1
  %tile.whole = icmp slt i64 %tile, {n_out // width}
  br i1 %tile.whole, label %whole, label %rest
{_scattered(dtype, n_out, width, "whole")}
{_scattered(dtype, n_out, n_out % width, "rest")}
tile.done:
  br label %tile.head
exit:
  ret void
}}

declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""


def _table() -> str:
    pointers = ("pointers", "columns", "values", "weight", "outputs")
    numbers = ("step", "batch", "n_batch", "n_rows", "n_in")
    return reading(**dict.fromkeys(pointers, "ptr"), **dict.fromkeys(numbers, "i64"))


def _row(group: Vector, n_out: int, row: str) -> str:
    """Where the entries of a row begin and end, and where its outputs are."""
    return f"""\
  %{row}.t = udiv i64 %{row}, %n_batch
  %{row}.b = urem i64 %{row}, %n_batch
  %{row}.t.rows = mul i64 %{row}.t, %step
  %{row}.b.rows = mul i64 %{row}.b, %batch
  %{row}.place = add i64 %{row}.t.rows, %{row}.b.rows
  %{row}.begin.at = getelementptr i64, ptr %pointers, i64 %{row}.place
  %{row}.begin = load i64, ptr %{row}.begin.at
  %{row}.end.at = getelementptr i64, ptr %{row}.begin.at, i64 1
  %{row}.end = load i64, ptr %{row}.end.at
  %{row}.first = mul i64 %{row}, {n_out}
  %{row}.outputs = getelementptr {group.scalar}, ptr %outputs, i64 %{row}.first"""


def _entry(group: Vector, matrix: str, length: int, name: str, tile: Sequence[Piece]) -> str:
    """Entry k: its row of a matrix, and its value in vectors of all sizes that the tile has."""
    sizes = sorted({piece.lanes for piece in tile})
    return f"""\
  %{name}.column.at = getelementptr i32, ptr %columns, i64 %{name}.k
  %{name}.column = load i32, ptr %{name}.column.at
  %{name}.column.long = zext i32 %{name}.column to i64
  %{name}.skipped = mul i64 %{name}.column.long, {length}
  %{name}.weights = getelementptr {group.scalar}, ptr {matrix}, i64 %{name}.skipped
  %{name}.value.at = getelementptr {group.scalar}, ptr %values, i64 %{name}.k
  %{name}.value = load {group.scalar}, ptr %{name}.value.at
""" + "\n".join(
        f"  %{name}.one.{size} = insertelement <{size} x {group.scalar}> poison, "
        f"{group.scalar} %{name}.value, i64 0\n"
        f"  %{name}.value.{size} = shufflevector <{size} x {group.scalar}> %{name}.one.{size}, "
        f"<{size} x {group.scalar}> poison, <{size} x i32> zeroinitializer"
        for size in sizes
    )


def _gathered(group: Vector, n_out: int, tile: Sequence[Piece], name: str, after: str) -> str:
    """The sums of one tile of a row."""
    sums, adds, stores = [], [], []
    for j, (at, lanes) in enumerate(tile):
        kind = f"<{lanes} x {group.scalar}>"
        sums.append(
            f"  %{name}.sum{j} = phi {kind} [zeroinitializer, %{name}], "
            f"[%{name}.new{j}, %{name}.inside]"
        )
        adds.append(f"""\
  %{name}.at{j} = getelementptr {group.scalar}, ptr %{name}.weights, i64 {at}
  %{name}.weight{j} = load {kind}, ptr %{name}.at{j}, align {group.size}
  %{name}.part{j} = fmul contract {kind} %{name}.weight{j}, %{name}.value.{lanes}
  %{name}.new{j} = fadd contract {kind} %{name}.sum{j}, %{name}.part{j}""")
        stores.append(f"""\
  %{name}.to{j} = getelementptr {group.scalar}, ptr %row.outputs, i64 {at}
  store {kind} %{name}.sum{j}, ptr %{name}.to{j}, align {group.size}""")
    lines = "\n".join
    return f"""\
{name}:
  br label %{name}.head
{name}.head:
  %{name}.k = phi i64 [%row.begin, %{name}], [%{name}.k.next, %{name}.inside]
{lines(sums)}
  %{name}.more = icmp slt i64 %{name}.k, %row.end
  br i1 %{name}.more, label %{name}.inside, label %{name}.done
{name}.inside:
{_entry(group, "%weight", n_out, name, tile)}
{lines(adds)}
  %{name}.k.next = add i64 %{name}.k, 1
  br label %{name}.head
{name}.done:
{lines(stores)}
  br label %{after}"""


def _scattered(dtype: torch.dtype, n_out: int, width: int, name: str) -> str:
    """A tile of ``width`` outputs from ``start`` on: sums of all rows in the scratch memory, then
    added to the gradient of the weight.
    """
    group = vector(dtype)
    tile = pieces(group, width)
    loads, adds = [], []
    for j, (at, lanes) in enumerate(tile):
        kind = f"<{lanes} x {group.scalar}>"
        loads.append(f"""\
  %{name}.place{j} = add i64 %start, {at}
  %{name}.from{j} = getelementptr {group.scalar}, ptr %{name}.row.outputs, i64 %{name}.place{j}
  %{name}.grad{j} = load {kind}, ptr %{name}.from{j}, align {group.size}""")
        adds.append(f"""\
  %{name}.at{j} = getelementptr {group.scalar}, ptr %{name}.weights, i64 {at}
  %{name}.sum{j} = load {kind}, ptr %{name}.at{j}, align {group.size}
  %{name}.part{j} = fmul contract {kind} %{name}.grad{j}, %{name}.value.{lanes}
  %{name}.new{j} = fadd contract {kind} %{name}.sum{j}, %{name}.part{j}
  store {kind} %{name}.new{j}, ptr %{name}.at{j}, align {group.size}""")
    lines = "\n".join
    return f"""\
{name}:
  %{name}.bytes = mul i64 %n_in, {width * group.size}
  call void @llvm.memset.p0.i64(ptr %scratch, i8 0, i64 %{name}.bytes, i1 false)
  br label %{name}.head
{name}.head:
  %{name}.row = phi i64 [0, %{name}], [%{name}.row.next, %{name}.done]
  %{name}.row.next = add i64 %{name}.row, 1
  %{name}.row.more = icmp slt i64 %{name}.row, %n_rows
  br i1 %{name}.row.more, label %{name}.row.inside, label %{name}.end
{name}.row.inside:
{_row(group, n_out, f"{name}.row")}
  %{name}.some = icmp slt i64 %{name}.row.begin, %{name}.row.end
  br i1 %{name}.some, label %{name}.loads, label %{name}.done
{name}.loads:
{lines(loads)}
  br label %{name}.inside
{name}.inside:
  %{name}.k = phi i64 [%{name}.row.begin, %{name}.loads], [%{name}.k.next, %{name}.inside]
{_entry(group, "%scratch", width, name, tile)}
{lines(adds)}
  %{name}.k.next = add i64 %{name}.k, 1
  %{name}.more = icmp slt i64 %{name}.k.next, %{name}.row.end
  br i1 %{name}.more, label %{name}.inside, label %{name}.done
{name}.done:
  br label %{name}.head
{name}.end:
{_added(group, n_out, tile, f"{name}.added")}"""


def _added(group: Vector, n_out: int, tile: Sequence[Piece], name: str) -> str:
    """Add the scratch memory, a row for each input, to the gradient of the weight."""
    width = sum(piece.lanes for piece in tile)
    adds = []
    for j, (at, lanes) in enumerate(tile):
        kind = f"<{lanes} x {group.scalar}>"
        adds.append(f"""\
  %{name}.from{j} = getelementptr {group.scalar}, ptr %{name}.sums, i64 {at}
  %{name}.sum{j} = load {kind}, ptr %{name}.from{j}, align {group.size}
  %{name}.at{j} = getelementptr {group.scalar}, ptr %{name}.weights, i64 {at}
  %{name}.before{j} = load {kind}, ptr %{name}.at{j}, align {group.size}
  %{name}.after{j} = fadd {kind} %{name}.before{j}, %{name}.sum{j}
  store {kind} %{name}.after{j}, ptr %{name}.at{j}, align {group.size}""")
    return f"""\
  br label %{name}
{name}:
  br label %{name}.head
{name}.head:
  %{name}.k = phi i64 [0, %{name}], [%{name}.k.next, %{name}.inside]
  %{name}.k.next = add i64 %{name}.k, 1
  %{name}.more = icmp slt i64 %{name}.k, %n_in
  br i1 %{name}.more, label %{name}.inside, label %tile.done
{name}.inside:
  %{name}.skipped = mul i64 %{name}.k, {width}
  %{name}.sums = getelementptr {group.scalar}, ptr %scratch, i64 %{name}.skipped
  %{name}.passed = mul i64 %{name}.k, {n_out}
  %{name}.place = add i64 %{name}.passed, %start
  %{name}.weights = getelementptr {group.scalar}, ptr %weight, i64 %{name}.place
{chr(10).join(adds)}
  br label %{name}.head"""
