"""The outputs of some samples times the recurrent weight, by the cheaper of two ways.

Both add up in the same order, and a row times 0 adds nothing: the result is the same to the bit.
"""

from __future__ import annotations

from snn_fused.cpu.code import Code, Parameter
from snn_fused.cpu.dense_sum import SAMPLES, dense_sum
from snn_fused.cpu.memory import element, load
from snn_fused.cpu.rows_sum import sum_rows
from snn_fused.cpu.table import every_group
from snn_fused.cpu.vectors import Vector

NAME = "feed"

DENSE = 3
"""One of so many amounts must count for the dense way, which does a row in a third of the time."""

GIVEN = [
    Parameter("ptr", "%amounts"),
    Parameter("i64", "%samples"),
    Parameter("i64", "%n"),
    Parameter("ptr", "%matrix"),
    Parameter("ptr", "%list"),
    Parameter("ptr", "%sums"),
]


def feed(code: Code, group: Vector, given: tuple[str, ...]) -> None:
    """Write amounts @ matrix to sums.

    Args:
        code: where to.
        group: the type of the numbers.
        given: names of the address of the amounts ``(samples, n)``; i64, samples, at most
            ``SAMPLES``; i64, n; the addresses of the matrix ``(n, n)``, of room for a list (see
            ``rows_sum``), and of the sums ``(samples, n)`` with room for whole groups behind.
    """
    if NAME not in code.needs:
        code.needs[NAME] = _function(code.needs, group)
    code.do(NAME, [(parameter.type, value) for parameter, value in zip(GIVEN, given, strict=True)])


def _function(needs: dict[str, str], group: Vector) -> str:
    code = Code(needs)
    count = code.value("mul i64 %samples, %n")
    weighed = code.value(f"mul i64 {_counting(code, group, count)}, {DENSE}")
    many = code.value(f"icmp ugt i64 {weighed}, {count}")
    full = code.value(f"icmp eq i64 %samples, {SAMPLES}")
    with code.choice(code.value(f"and i1 {many}, {full}")) as otherwise:
        dense_sum(code, group, "%amounts", "%n", "%matrix", "%sums")
        otherwise()
        with code.loop("0", "%samples", 1) as sample:
            start = code.value(f"mul i64 {sample}, %n")
            amounts = element(code, group.scalar, "%amounts", start)
            sums = element(code, group.scalar, "%sums", start)
            sum_rows(code, group, amounts, "%n", "%matrix", "%list", sums)
    code.line("ret void")
    return code.define(f"internal void @{NAME}", GIVEN, "noinline nounwind")


def _counting(code: Code, group: Vector, count: str) -> str:
    """How many of the amounts are not zero."""
    total = code.value("alloca i64")
    code.line(f"store i64 0, ptr {total}")

    def inside(place: str, mask: str) -> None:
        amounts = load(code, group, element(code, group.scalar, "%amounts", place), mask)
        counts = code.value(f"fcmp une {group.numbers} {amounts}, zeroinitializer")
        bits = code.value(f"bitcast {group.flags} {counts} to i{group.lanes}")
        kind = f"i{group.lanes}"
        number = code.call(kind, f"llvm.ctpop.{kind}", [(kind, bits)])
        wide = code.value(f"zext {kind} {number} to i64")
        before = code.value(f"load i64, ptr {total}")
        code.line(f"store i64 {code.value(f'add i64 {before}, {wide}')}, ptr {total}")

    every_group(code, group, count, inside)
    return code.value(f"load i64, ptr {total}")
