"""How a kernel begins: what its table says, the numbers of all lanes, the loop over lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from snn_fused.cpu.code import Code, Parameter
from snn_fused.cpu.memory import WHOLE, element, first_lanes, spread
from snn_fused.cpu.slots import HEADER
from snn_fused.cpu.vectors import GROUP_BYTES, Vector
from snn_fused.graph.body import Body

KERNEL = [
    Parameter("ptr", "%table"),
    Parameter("i64", "%lo"),
    Parameter("i64", "%hi"),
    Parameter("ptr", "%scratch"),
]
"""The parameters of a kernel."""

CACHED_BYTES = 4 << 20
"""Larger arrays of a row a step are written past the cache: they would not stay in it."""


class Slot(NamedTuple):
    """An array of the table: names of its address and of the distance of its rows."""

    address: str
    stride: str


class Table(NamedTuple):
    """What the table of a kernel says, by name."""

    header: dict[str, str]
    slots: dict[str, Slot]


def read_table(code: Code, slots: Sequence[str]) -> Table:
    """Load the entries of the table; LLVM drops those that are not used."""

    def entry(kind: str, at: int) -> str:
        return code.value(f"load {kind}, ptr {element(code, 'i64', '%table', at)}")

    header = {name: entry("i64", k) for k, name in enumerate(HEADER)}
    places = range(len(HEADER), len(HEADER) + 2 * len(slots), 2)
    found = {
        name: Slot(entry("ptr", k), entry("i64", k + 1))
        for name, k in zip(slots, places, strict=True)
    }
    return Table(header, found)


def read_numbers(code: Code, group: Vector, table: Table, bodies: Sequence[Body]) -> dict[str, str]:
    """number.k of the bodies in every lane, by name, each rounded once."""
    names = dict.fromkeys(name for body in bodies for name in body.names("number."))
    numbers = {}
    for name in names:
        at = element(code, "double", table.slots["numbers"].address, name.removeprefix("number."))
        value = code.value(f"load double, ptr {at}")
        if group.size == 4:
            value = code.value(f"fptrunc double {value} to float")
        numbers[name] = spread(code, group.numbers, group.scalar, value)
    return numbers


def row(code: Code, group: Vector, slot: Slot, step: str, start: str) -> str:
    """The address of lane ``start`` in the row of a step."""
    skipped = code.value(f"mul i64 {step}, {slot.stride}")
    at = code.value(f"add i64 {skipped}, {start}")
    return element(code, group.scalar, slot.address, at)


def every_group(code: Code, group: Vector, count: str, inside: Callable[[str, str], None]) -> None:
    """Go through ``count`` lanes group by group.

    Args:
        code: where to.
        group: the type of a group.
        count: i64, the number of lanes.
        inside: writes the work on one group, given its first lane and the mask of its lanes; it
            is called once for whole groups and once for the rest.
    """
    whole = code.value(f"and i64 {count}, {-group.lanes}")
    with code.loop("0", whole, group.lanes) as place:
        inside(place, WHOLE)
    with code.when(code.value(f"icmp slt i64 {whole}, {count}")):
        left = code.value(f"sub i64 {count}, {whole}")
        inside(whole, first_lanes(code, group, left))


def smaller(code: Code, a: str, b: str) -> str:
    """The smaller of two i64."""
    return code.call("i64", "llvm.smin.i64", [("i64", a), ("i64", b)])


def clipped(code: Code, step: str, n_steps: str) -> str:
    """A step that there is: the first or last one where ``step`` lies before or behind."""
    last = code.value(f"sub i64 {n_steps}, 1")
    below = smaller(code, step, last)
    return code.call("i64", "llvm.smax.i64", [("i64", below), ("i64", "0")])


def goes_past_cache(code: Code, group: Vector, table: Table, written: Sequence[str]) -> str:
    """i1: whether arrays of a row a step are too large for the cache, and begin where lines do."""
    header = table.header
    lanes = code.value(f"mul i64 {header['n_steps']}, {header['n_lanes']}")
    past = code.value(f"icmp ugt i64 {lanes}, {CACHED_BYTES // group.size}")
    for name in written:
        address, stride = table.slots[name]
        number = code.value(f"ptrtoint ptr {address} to i64")
        distance = code.value(f"mul i64 {stride}, {group.size}")
        either = code.value(f"or i64 {number}, {distance}")
        rest = code.value(f"and i64 {either}, {GROUP_BYTES - 1}")
        fits = code.value(f"icmp eq i64 {rest}, 0")
        past = code.value(f"and i1 {past}, {fits}")
    return past
