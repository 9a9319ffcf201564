"""A few samples of a recurrent layer: their scratch memory, the feedback that links their steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from snn_fused.cpu.block import Block
from snn_fused.cpu.code import Code
from snn_fused.cpu.dense_sum import SAMPLES
from snn_fused.cpu.feeding import feed
from snn_fused.cpu.march import Link, Values
from snn_fused.cpu.memory import element
from snn_fused.cpu.operations import WRITE
from snn_fused.cpu.rows_sum import list_bytes
from snn_fused.cpu.table import Table, row, smaller
from snn_fused.cpu.vectors import GROUP_BYTES, Vector, vector

FED, TO_FED = "feedback.sum", "grad.feedback"
"""Names in scratch memory: what the neurons receive from each other, and the gradient that they
send each other."""

GAP = 1024 + GROUP_BYTES
"""Between two arrays in scratch memory, see ``APART`` of ``block``."""


class Samples(NamedTuple):
    """A few samples as a block, and scratch memory that is no row.

    Args:
        block: all their neurons.
        number: i64, how many samples.
        listed: address of room for the list of ``rows_sum``.
        kept: address of what is left of the scratch memory.
        pitch: i64, lanes of the block, rounded up to whole groups.
    """

    block: Block
    number: str
    listed: str
    kept: str
    pitch: str

    def feed(self, now: Block, amounts: str, matrix: str, sums: str) -> None:
        """Write amounts (an address) @ matrix (a slot) to sums (a row in scratch memory)."""
        n, there = now.table.header["n_neurons"], now.table.slots[matrix].address
        given = (amounts, self.number, n, there, self.listed, now.work[sums])
        feed(now.code, now.group, given)


def samples_from(
    code: Code, group: Vector, table: Table, numbers: Values, work: Sequence[str], first: str
) -> Samples:
    """Write where the samples from ``first`` (i64) on have their values.

    Args:
        code: where to.
        group: the type of the numbers.
        table, numbers: as of a ``Block``.
        work: names of their rows in scratch memory.
        first: sample.
    """
    n, left = table.header["n_neurons"], code.value(f"sub i64 %hi, {first}")
    number = smaller(code, left, str(SAMPLES))
    count, start = (code.value(f"mul i64 {some}, {n}") for some in (number, first))
    up = code.value(f"add i64 {count}, {group.lanes - 1}")
    pitch = code.value(f"and i64 {up}, {-group.lanes}")
    bytes_ = code.value(f"mul i64 {pitch}, {group.size}")
    apart = code.value(f"add i64 {bytes_}, {GAP}")
    rows = {}
    for k, name in enumerate([*work, FED]):
        rows[name] = element(code, "i8", "%scratch", code.value(f"mul i64 {apart}, {k}"))
    listed = element(code, "i8", rows[FED], apart)
    double = code.value(f"mul i64 {apart}, 2")
    block = Block(code, group, table, numbers, "false", start, count, rows, {}, {})
    kept = element(code, "i8", listed, double)
    return Samples(block.at_step("0"), number, listed, kept, pitch)


def samples_bytes(dtype: torch.dtype, n_rows: int, n_kept: int, n_neurons: int) -> int:
    """What a few samples take of scratch memory.

    Args:
        dtype: of their values.
        n_rows: how many names ``work`` of ``samples_from`` has.
        n_kept: rows behind that.
        n_neurons: N.
    """
    group = vector(dtype)
    row_bytes = -(-SAMPLES * n_neurons // group.lanes) * GROUP_BYTES
    assert list_bytes(group, n_neurons) <= 2 * (row_bytes + GAP)
    return (n_rows + 3) * (row_bytes + GAP) + n_kept * row_bytes


def fed_forward(samples: Samples) -> Link:
    """The input of a step: that from outside and that from the step before."""
    block, slots = samples.block, samples.block.table.slots

    def enter(now: Block, done: str) -> None:
        code = now.code
        is_first = code.value(f"icmp eq i64 {done}, 0")
        last = code.value(f"sub i64 {done}, 1")
        there = row(code, now.group, slots["output"], last, now.start)
        sent = code.value(f"select i1 {is_first}, ptr {block.rows['output.before']}, ptr {there}")
        samples.feed(now, sent, "feedback.transposed", FED)

    def given(now: Block, place: str, mask: str) -> Values:
        outside, fed = now.read("x", place, mask), now.read(FED, place, mask)
        return {"x": WRITE["add"](now.code, now.group, outside, fed)}

    return Link(enter, given, lambda now: None)


def fed_backward(samples: Samples) -> Link:
    """The gradient to the output of a step: that from outside and that from the step after."""

    def given(now: Block, place: str, mask: str) -> Values:
        outside, fed = now.read("grad.output", place, mask), now.read(TO_FED, place, mask)
        return {"grad.output": WRITE["add"](now.code, now.group, outside, fed)}

    def leave(now: Block) -> None:
        samples.feed(now, now.rows["grad.x"], "feedback", TO_FED)

    return Link(lambda now, done: None, given, leave)
