"""Merging: which circuits join to one neuron, and which free ones a layer takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from snn_hardware.figures import BUSES, CIRCUITS, COLUMNS
from snn_hardware.links import output_channels
from snn_hardware.placement.errors import CIRCUITS as CIRCUITS_OUT
from snn_hardware.placement.errors import HALF, MANUAL, NoRoom
from snn_hardware.placement.request import Request

_WIDTH = int(COLUMNS.value)
_HALF = _WIDTH // 2


def block(first: int, merged: int) -> tuple[int, ...] | None:
    """The circuits that join with ``first``, itself in front; None if they would leave its half.

    Neighbours join row to row and column to column within the left or the right half (halco). An
    even number takes whole columns to the right, an odd one goes on from row to row and column to
    column, and leaves the rest of its last column to the next neuron.

    >>> block(0, 2), block(0, 3), block(257, 3), block(127, 4)
    ((0, 256), (0, 256, 1), (257, 2, 258), None)
    """
    row, column = divmod(first, _WIDTH)
    start = 2 * column + row
    if merged > 1 and merged % 2 == 0:
        found = [(column + i // 2) + _WIDTH * ((row + i) % 2) for i in range(merged)]
    else:
        found = [p // 2 + _WIDTH * (p % 2) for p in range(start, start + merged)]
    within = found[-1] % _WIDTH // _HALF == column // _HALF and merged <= 2 * _HALF
    return tuple(found) if within else None


def free_blocks(merged: int, held: Sequence[str]) -> list[tuple[int, ...]]:
    """The neurons of ``merged`` circuits that fit the free ones, from the lowest on.

    ``held``: who holds each circuit, "" for nobody.

    >>> len(free_blocks(8, [""] * 512)), len(free_blocks(7, [""] * 512))
    (64, 72)
    """
    free = [not who for who in held]
    blocks = []
    for first in _firsts(merged):
        found = block(first, merged) if free[first] else None
        if found is not None and all(free[circuit] for circuit in found):
            blocks.append(found)
            for circuit in found:
                free[circuit] = False
    return blocks


def choose(request: Request, merged: int, held: Sequence[str]) -> list[tuple[int, ...]]:
    """The circuits of each neuron of a layer: those asked for by hand, or the lowest free ones.

    Raises:
        NoRoom: too few circuits, or too few of them side by side; a circuit asked for by hand
            that is held or cannot be merged.

    >>> choose(Request("a", n_out=2, n_in=1), 2, ["", "x"] + [""] * 510)
    [(0, 256), (2, 258)]
    """
    if request.circuits is not None:
        return _by_hand(request, request.circuits, merged, held)
    blocks = free_blocks(merged, held)
    if len(blocks) < request.n_out:
        raise _too_few(request, merged, held, len(blocks))
    return blocks[: request.n_out]


def spread(n_out: int, merged: int, held: Sequence[str]) -> tuple[int, ...] | None:
    """First circuits for ``n_out`` neurons, spread evenly over the buses that they drive.

    None if there are too few circuits.

    >>> spread(4, 1, [""] * 512)
    (0, 32, 64, 96)
    """
    firsts = [found[0] for found in free_blocks(merged, held)]
    outputs = output_channels(torch.tensor(firsts, dtype=torch.int64)) % int(BUSES.value)
    ranks = [0] * int(BUSES.value)
    order = []
    for first, bus in zip(firsts, outputs.tolist(), strict=True):
        order.append((ranks[bus], bus, first))
        ranks[bus] += 1
    taken = sorted(order)[:n_out]
    return tuple(sorted(first for *_, first in taken)) if len(taken) == n_out else None


def _firsts(merged: int) -> Iterator[int]:
    """Where a neuron can begin, in the order in which circuits are given away."""
    if merged == 1:
        yield from range(int(CIRCUITS.value))
        return
    for column in range(_WIDTH):
        yield column
        if merged % 2:  # an odd number before may have left the second row of the column
            yield column + _WIDTH


def _by_hand(
    request: Request, firsts: tuple[int, ...], merged: int, held: Sequence[str]
) -> list[tuple[int, ...]]:
    who = list(held)
    blocks = []
    for neuron, first in enumerate(firsts):
        asked = f"layer {request.name!r}: circuit {first}, asked for neuron {neuron},"
        found = block(first, merged)
        if found is None:
            beyond = f"the {merged - 1} that it needs lie beyond its half of the chip"
            raise NoRoom(MANUAL, 1, f"{asked} cannot be merged: {beyond}")
        for circuit in found:
            if who[circuit]:
                which = "is" if circuit == first else f"cannot be merged: circuit {circuit} is"
                raise NoRoom(MANUAL, 1, f"{asked} {which} {who[circuit]}")
            who[circuit] = f"taken by neuron {neuron} of this layer"
        blocks.append(found)
    return blocks


def _too_few(request: Request, merged: int, held: Sequence[str], found: int) -> NoRoom:
    free = sum(not who for who in held)
    needed = request.n_out * merged
    asked = (
        f"layer {request.name!r} needs {needed} circuits, {merged} for each of {request.n_out} "
        f"neurons, and {free} of {len(held)} are free"
    )
    if free < needed:
        return NoRoom(CIRCUITS_OUT, needed - free, f"{asked}: {needed - free} too few")
    missing = request.n_out - found
    return NoRoom(
        HALF,
        missing * merged,
        f"{asked}, but side by side within a half only for {found} neurons: {missing} too few",
    )
