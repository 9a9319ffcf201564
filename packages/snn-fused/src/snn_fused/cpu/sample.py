"""A sample of a recurrent layer: its scratch memory, and the feedback that links its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from snn_fused.cpu.block import Block
from snn_fused.cpu.code import Code
from snn_fused.cpu.march import Link, Values
from snn_fused.cpu.memory import element
from snn_fused.cpu.operations import WRITE
from snn_fused.cpu.rows_sum import list_bytes, sum_rows
from snn_fused.cpu.table import Table, row
from snn_fused.cpu.vectors import GROUP_BYTES, Vector, vector

FED, TO_FED = "feedback.sum", "grad.feedback"
"""Names in scratch memory: what the neurons receive from each other, and the gradient that they
send each other."""

GAP = 1024 + GROUP_BYTES
"""Between two arrays in scratch memory, see ``APART`` of ``block``."""


class Sample(NamedTuple):
    """One sample as a block, and scratch memory that is no row.

    Args:
        block: all its neurons.
        listed: address of room for the list of ``rows_sum``.
        kept: address of what is left of the scratch memory.
        pitch: i64, its neurons rounded up to whole groups.
    """

    block: Block
    listed: str
    kept: str
    pitch: str


def sample_of(
    code: Code, group: Vector, table: Table, numbers: Values, work: Sequence[str], index: str
) -> Sample:
    """Write where sample ``index`` (i64) has its values; work names its rows in scratch memory."""
    n = table.header["n_neurons"]
    up = code.value(f"add i64 {n}, {group.lanes - 1}")
    pitch = code.value(f"and i64 {up}, {-group.lanes}")
    bytes_ = code.value(f"mul i64 {pitch}, {group.size}")
    apart = code.value(f"add i64 {bytes_}, {GAP}")
    rows = {}
    for k, name in enumerate([*work, FED]):
        rows[name] = element(code, "i8", "%scratch", code.value(f"mul i64 {apart}, {k}"))
    listed = element(code, "i8", rows[FED], apart)
    double = code.value(f"mul i64 {apart}, 2")
    start = code.value(f"mul i64 {index}, {n}")
    block = Block(code, group, table, numbers, "false", start, n, rows, {}, {})
    return Sample(block.at_step("0"), listed, element(code, "i8", listed, double), pitch)


def sample_bytes(dtype: torch.dtype, n_rows: int, n_kept: int, n_neurons: int) -> int:
    """What a sample takes of scratch memory.

    Args:
        dtype: of its values.
        n_rows: how many names ``work`` of ``sample_of`` has.
        n_kept: rows behind that.
        n_neurons: N.
    """
    group = vector(dtype)
    row_bytes = -(-n_neurons // group.lanes) * GROUP_BYTES
    assert list_bytes(group, n_neurons) <= 2 * (row_bytes + GAP)
    return (n_rows + 3) * (row_bytes + GAP) + n_kept * row_bytes


def fed_forward(sample: Sample) -> Link:
    """The input of a step: that from outside and that from the step before."""
    block, slots = sample.block, sample.block.table.slots

    def enter(now: Block, done: str) -> None:
        code = now.code
        is_first = code.value(f"icmp eq i64 {done}, 0")
        last = code.value(f"sub i64 {done}, 1")
        there = row(code, now.group, slots["output"], last, now.start)
        sent = code.value(f"select i1 {is_first}, ptr {block.rows['output.before']}, ptr {there}")
        matrix = slots["feedback.transposed"].address
        sum_rows(code, now.group, sent, now.count, matrix, sample.listed, now.work[FED])

    def given(now: Block, place: str, mask: str) -> Values:
        outside, fed = now.read("x", place, mask), now.read(FED, place, mask)
        return {"x": WRITE["add"](now.code, now.group, outside, fed)}

    return Link(enter, given, lambda now: None)


def fed_backward(sample: Sample) -> Link:
    """The gradient to the output of a step: that from outside and that from the step after."""

    def given(now: Block, place: str, mask: str) -> Values:
        outside, fed = now.read("grad.output", place, mask), now.read(TO_FED, place, mask)
        return {"grad.output": WRITE["add"](now.code, now.group, outside, fed)}

    def leave(now: Block) -> None:
        matrix = now.table.slots["feedback"].address
        given = now.rows["grad.x"]
        sum_rows(now.code, now.group, given, now.count, matrix, sample.listed, now.work[TO_FED])

    return Link(lambda now, done: None, given, leave)
