"""Four rows of numbers times a matrix, where few of the numbers are zero."""

from __future__ import annotations

from snn_fused.cpu.code import Code, Parameter
from snn_fused.cpu.memory import WHOLE, element, fused, load, spread, store
from snn_fused.cpu.table import every_group
from snn_fused.cpu.vectors import Vector

NAME = "dense_sum"

SAMPLES = 4
"""Rows done at once: what is loaded of the matrix serves all of them."""

TILE = 2
"""Groups of a row of the result that are in registers at once."""

GIVEN = [
    Parameter("ptr", "%amounts"),
    Parameter("i64", "%n"),
    Parameter("ptr", "%matrix"),
    Parameter("ptr", "%sums"),
]


def dense_sum(code: Code, group: Vector, amounts: str, n: str, matrix: str, sums: str) -> None:
    """Write amounts @ matrix to sums, each sum from the first row of the matrix to the last.

    Args:
        code: where to.
        group: the type of the numbers.
        amounts: address of ``(SAMPLES, n)``.
        n: i64.
        matrix: address of ``(n, n)``.
        sums: address of ``(SAMPLES, n)``.
    """
    if NAME not in code.needs:
        code.needs[NAME] = _function(code.needs, group)
    given = zip(GIVEN, (amounts, n, matrix, sums), strict=True)
    code.do(NAME, [(parameter.type, value) for parameter, value in given])


def _function(needs: dict[str, str], group: Vector) -> str:
    code = Code(needs)
    tile = TILE * group.lanes
    tiles = code.value(f"udiv i64 %n, {tile}")
    width = code.value(f"mul i64 {tiles}, {tile}")
    with code.loop("0", width, tile) as at:
        _sum_tile(code, group, at, [WHOLE] * TILE)
    rest = code.value(f"sub i64 %n, {width}")

    def inside(place: str, mask: str) -> None:
        _sum_tile(code, group, code.value(f"add i64 {width}, {place}"), [mask])

    every_group(code, group, rest, inside)
    code.line("ret void")
    return code.define(f"internal void @{NAME}", GIVEN, "noinline nounwind")


def _sum_tile(code: Code, group: Vector, column: str, masks: list[str]) -> None:
    """All rows of the matrix, some groups of columns, all samples."""
    zeros = [(group.numbers, "zeroinitializer")] * (SAMPLES * len(masks))
    with code.carry("0", "%n", 1, zeros) as carried:
        row = code.value(f"mul i64 {carried.counter}, %n")
        first = _at(code, group, "%matrix", row, column)
        weights = [
            load(code, group, element(code, group.scalar, first, k * group.lanes), mask)
            for k, mask in enumerate(masks)
        ]
        totals = iter(carried.values)
        for sample in range(SAMPLES):
            place = _at(code, group, "%amounts", _row(code, sample), carried.counter)
            amount = code.value(f"load {group.scalar}, ptr {place}")
            factor = spread(code, group.numbers, group.scalar, amount)
            for weight in weights:
                carried.following.append(fused(code, group, factor, weight, next(totals)))
    totals = iter(carried.values)
    for sample in range(SAMPLES):
        first = _at(code, group, "%sums", _row(code, sample), column)
        for k, mask in enumerate(masks):
            there = element(code, group.scalar, first, k * group.lanes)
            store(code, group, next(totals), there, mask)


def _row(code: Code, sample: int) -> str:
    return code.value(f"mul i64 %n, {sample}")


def _at(code: Code, group: Vector, base: str, row: str, column: str) -> str:
    return element(code, group.scalar, base, code.value(f"add i64 {row}, {column}"))
