"""A sum of rows of a matrix, each times a number; rows times 0 are left out.

That is the feedback of a recurrent layer: forward the rows of the neurons that spiked, backward
the rows of the neurons that have a gradient.
"""

from __future__ import annotations

from snn_fused.cpu.code import Code, Parameter
from snn_fused.cpu.memory import WHOLE, element, first_lanes, fused, load, spread, store
from snn_fused.cpu.table import every_group
from snn_fused.cpu.vectors import Vector

NAME = "sum_of_rows"

TILES = (8, 2)
"""Groups of a row that are summed in registers at once; what is left goes one by one."""

GIVEN = [
    Parameter("ptr", "%amounts"),
    Parameter("i64", "%n"),
    Parameter("ptr", "%matrix"),
    Parameter("ptr", "%list"),
    Parameter("ptr", "%sums"),
]


def sum_rows(
    code: Code, group: Vector, amounts: str, n: str, matrix: str, listed: str, sums: str
) -> None:
    """Write amounts @ matrix to sums.

    Args:
        code: where to.
        group: the type of the numbers.
        amounts: address of ``(n,)``.
        n: i64.
        matrix: address of ``(n, n)``.
        listed: address of scratch memory of ``list_bytes``.
        sums: address of ``(n,)``, with room for whole groups.
    """
    if NAME not in code.needs:
        code.needs[NAME] = _function(code.needs, group)
    given = zip(GIVEN, (amounts, n, matrix, listed, sums), strict=True)
    code.do(NAME, [(parameter.type, value) for parameter, value in given])


def list_bytes(group: Vector, n_neurons: int) -> int:
    """What the list of the rows that count takes: their places, then their factors."""
    return 2 * _list_length(n_neurons, group.lanes) * group.size


def _list_length(n: int, lanes: int) -> int:
    """Entries of a list: a whole group is written at its end."""
    return (n // lanes + 2) * lanes


def _function(needs: dict[str, str], group: Vector) -> str:
    code = Code(needs)
    groups = code.value(f"udiv i64 %n, {group.lanes}")
    more = code.value(f"add i64 {groups}, 2")
    length = code.value(f"mul i64 {more}, {group.lanes}")
    factors = element(code, group.scalar, "%list", length)
    found = _list_rows(code, group, factors)
    column = "0"
    for size in TILES:
        tile = size * group.lanes
        left = code.value(f"sub i64 %n, {column}")
        tiles = code.value(f"udiv i64 {left}, {tile}")
        width = code.value(f"mul i64 {tiles}, {tile}")
        end = code.value(f"add i64 {column}, {width}")
        with code.loop(column, end, tile) as at:
            _sum_tile(code, group, factors, found, at, [WHOLE] * size)
        column = end
    rest = code.value(f"sub i64 %n, {column}")

    def inside(place: str, mask: str) -> None:
        at = code.value(f"add i64 {column}, {place}")
        _sum_tile(code, group, factors, found, at, [mask])

    every_group(code, group, rest, inside)
    code.line("ret void")
    return code.define(f"internal void @{NAME}", GIVEN, "noinline nounwind")


def _list_rows(code: Code, group: Vector, factors: str) -> str:
    """Write places and factors of the rows that count; returns how many they are."""
    lanes, whole = group.lanes, code.value(f"and i64 %n, {-group.lanes}")
    with code.carry("0", whole, lanes, [("i64", "0")]) as carried:
        carried.following.append(
            _list_group(code, group, factors, carried.counter, WHOLE, carried.values[0])
        )
    # the rest is listed always, perhaps with no lane: then nothing is added
    left = code.value(f"sub i64 %n, {whole}")
    mask = first_lanes(code, group, left)
    return _list_group(code, group, factors, whole, mask, carried.values[0])


def _list_group(code: Code, group: Vector, factors: str, place: str, mask: str, found: str) -> str:
    """List the rows of one group of amounts; returns the new length of the list."""
    kind, lanes = group.integers, group.lanes
    amounts = load(code, group, element(code, group.scalar, "%amounts", place), mask)
    counts = code.value(f"fcmp une {group.numbers} {amounts}, zeroinitializer")
    first = code.value(f"trunc i64 {place} to i32") if group.size == 4 else place
    steps = ", ".join(f"{group.integer} {k}" for k in range(lanes))
    places = code.value(f"add {kind} {spread(code, kind, group.integer, first)}, <{steps}>")
    for values, type_, suffix, target in (
        (places, kind, f"v{lanes}{group.integer}", "%list"),
        (amounts, group.numbers, group.suffix, factors),
    ):
        packed = code.call(
            type_,
            f"llvm.experimental.vector.compress.{suffix}",
            [(type_, values), (group.flags, counts), (type_, "poison")],
        )
        address = element(code, group.scalar, target, found)
        code.line(f"store {type_} {packed}, ptr {address}, align {group.size}")
    bits = code.value(f"bitcast {group.flags} {counts} to i{lanes}")
    number = code.call(f"i{lanes}", f"llvm.ctpop.i{lanes}", [(f"i{lanes}", bits)])
    return code.value(f"add i64 {found}, {code.value(f'zext i{lanes} {number} to i64')}")


def _sum_tile(
    code: Code, group: Vector, factors: str, found: str, column: str, masks: list[str]
) -> None:
    """Sum some groups of all listed rows."""
    zeros = [(group.numbers, "zeroinitializer")] * len(masks)
    with code.carry("0", found, 1, zeros) as carried:
        first = _row_start(code, group, carried.counter, column)
        there = element(code, group.scalar, factors, carried.counter)
        factor = code.value(f"load {group.scalar}, ptr {there}")
        factor = spread(code, group.numbers, group.scalar, factor)
        for k, (before, mask) in enumerate(zip(carried.values, masks, strict=True)):
            there = element(code, group.scalar, first, k * group.lanes)
            given = (factor, load(code, group, there, mask), before)
            carried.following.append(fused(code, group, *given))
    sums = element(code, group.scalar, "%sums", column)
    for k, total in enumerate(carried.values):
        store(code, group, total, element(code, group.scalar, sums, k * group.lanes))


def _row_start(code: Code, group: Vector, listed: str, column: str) -> str:
    """The address where a listed row of the matrix has a column."""
    there = element(code, group.integer, "%list", listed)
    place = code.value(f"load {group.integer}, ptr {there}")
    if group.size == 4:
        place = code.value(f"zext i32 {place} to i64")
    skipped = code.value(f"mul i64 {place}, %n")
    at = code.value(f"add i64 {skipped}, {column}")
    return element(code, group.scalar, "%matrix", at)
