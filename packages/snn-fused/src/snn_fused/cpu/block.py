"""A block of lanes: its arrays in memory, read and written group by group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from snn_fused.cpu.code import Code
from snn_fused.cpu.memory import WHOLE, element, load, prefetch, store, store_past_cache
from snn_fused.cpu.operations import write
from snn_fused.cpu.table import Table, every_group, row
from snn_fused.cpu.vectors import Vector
from snn_fused.graph.body import Body

BLOCK_BYTES = 4096
"""One array's share of a block at most: a page, so that a row of a block is read in one go."""

APART = BLOCK_BYTES + 1024
"""From one array in scratch memory to the next. Were it a multiple of a page, a load from one would
wait for the store to the other, which has the same last twelve bits of address."""

AHEAD = 3
"""Rows from the one in work to the one that is fetched into the second cache."""


class Block(NamedTuple):
    """Where the values of a block of lanes are, by the names of a body.

    Args:
        code: where to write.
        group: the type of a group.
        table: the caller's arrays.
        numbers: values that all lanes share.
        past_cache: i1, whether the caller's arrays are too large to be written to the cache.
        start, n_lanes: i64, the first lane, and how many they are.
        work: addresses of scratch memory, which has room for whole groups.
        rows: addresses of rows of the caller's arrays, at the first lane.
        later: the same of rows that will be read.
    """

    code: Code
    group: Vector
    table: Table
    numbers: Mapping[str, str]
    past_cache: str
    start: str
    n_lanes: str
    work: Mapping[str, str]
    rows: Mapping[str, str]
    later: Mapping[str, str]

    def at_step(self, step: str) -> Block:
        """The block with its rows at a step."""
        return self._replace(rows=self._rows_at(step))

    def before_step(self, later: str) -> Block:
        """The same, where rows are fetched that a later step will read."""
        return self._replace(later=self._rows_at(later))

    def _rows_at(self, step: str) -> dict[str, str]:
        slots = self.table.slots.items()
        return {name: row(self.code, self.group, slot, step, self.start) for name, slot in slots}

    def with_rows(self, rows: Mapping[str, str]) -> Block:
        """The same with other rows under some names."""
        return self._replace(rows={**self.rows, **rows})

    def with_work(self, work: Mapping[str, str]) -> Block:
        """The same with more scratch memory."""
        return self._replace(work={**self.work, **work})

    def read(self, name: str, place: str, mask: str) -> str:
        """The value called so, of the group that begins at a lane of the block."""
        if name in self.numbers:
            return self.numbers[name]
        if name in self.work:
            return load(self.code, self.group, self._at(self.work, name, place))
        if name in self.later and not name.startswith("lane."):
            prefetch(self.code, self._at(self.later, name, place))
        return load(self.code, self.group, self._at(self.rows, name, place), mask)

    def write(self, name: str, value: str, place: str, mask: str) -> None:
        """Store a group under a name."""
        if name in self.work:
            store(self.code, self.group, value, self._at(self.work, name, place))
        elif name in self.later and mask == WHOLE:
            address = self._at(self.rows, name, place)
            store_past_cache(self.code, self.group, value, address, self.past_cache)
        else:
            store(self.code, self.group, value, self._at(self.rows, name, place), mask)

    def _at(self, arrays: Mapping[str, str], name: str, place: str) -> str:
        return element(self.code, self.group.scalar, arrays[name], place)

    def read_all(self, names: Iterable[str], place: str, mask: str) -> dict[str, str]:
        """The values called so, by name."""
        return {name: self.read(name, place, mask) for name in names}

    def read_missing(
        self, names: Iterable[str], given: Mapping[str, str], place: str, mask: str
    ) -> dict[str, str]:
        """What is given, and the values of the other names."""
        missing = [name for name in names if name not in given]
        return {**self.read_all(missing, place, mask), **given}

    def write_all(self, values: Mapping[str, str], place: str, mask: str) -> None:
        """Store groups under names."""
        for name, value in values.items():
            self.write(name, value, place, mask)

    def copy(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Copy arrays; a pair is the name of the source and that of the target."""

        def inside(place: str, mask: str) -> None:
            for source, target in pairs:
                self.write(target, self.read(source, place, mask), place, mask)

        every_group(self.code, self.group, self.n_lanes, inside)

    def compute(
        self, body: Body, known: Mapping[int, str], wanted: Mapping[str, int]
    ) -> dict[str, str]:
        """The values of some places of a body, by the names that they are to have."""
        values = write(self.code, self.group, body, known, wanted.values())
        return {name: values[place] for name, place in wanted.items()}


def work_arrays(code: Code, names: Sequence[str]) -> dict[str, str]:
    """Addresses in scratch memory of arrays of up to ``BLOCK_BYTES``."""
    return {name: element(code, "i8", "%scratch", k * APART) for k, name in enumerate(names)}


def by_place(body: Body, named: Mapping[str, str]) -> dict[int, str]:
    """Values by the places of the inputs of a body; names that it does not have are left out."""
    return {place: named[name] for place, name in enumerate(body.inputs) if name in named}
