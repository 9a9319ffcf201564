"""Routing: rows and labels of the sources of a layer, by the rules of buses and drivers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from snn_hardware.figures import BUSES, LABELS, ROWS
from snn_hardware.links import output_channels
from snn_hardware.placement.errors import BUS, NoRoom
from snn_hardware.placement.errors import LABELS as LABELS_OUT
from snn_hardware.placement.errors import ROWS as ROWS_OUT
from snn_hardware.placement.occupancy import DRIVERS, hemispheres, labels_used, rows_used
from snn_hardware.placement.request import Place, Request

_BUSES = int(BUSES.value)
_ALL_LABELS = (1 << int(LABELS.value)) - 1


def route(request: Request, circuits: Tensor, taken: Sequence[Place]) -> Place:
    """The rows and labels of all sources of a layer, whose neurons have their circuits.

    The layer's own neurons come first, for they are bound to a bus; inputs take any rows that are
    left. A slot is what one replica of a source takes: a row pair, or a row if not signed.

    Args:
        request: what is asked for.
        circuits: ``(N_out, c)`` int64.
        taken: the layers that are there.

    Raises:
        NoRoom: rows of a circuit, rows of a bus, or labels of a driver run out.

    >>> one = route(Request("a", n_out=1, n_in=2), torch.tensor([[5]]), taken=())
    >>> one.rows.tolist(), one.labels.tolist()
    ([[[0, 1]], [[2, 3]]], [0, 0])
    """
    slots = open_slots(request, circuits, taken)
    labels = [_mask(row) for row in labels_used(taken).tolist()]
    recurrent = _no_seats(0)
    if request.recurrent:
        recurrent = _seat_neurons(request, circuits, taken, slots, labels)
    inputs, left = _seat(request, request.n_in, range(_count(request)), slots, labels)
    if left:
        what = LABELS_OUT if inputs.full else ROWS_OUT
        raise _short(request, what, left, f"{request.n_in} inputs", circuits, taken)
    part, rows, label = _tensors(request, inputs)
    return Place(request, circuits, part, rows, label, *_tensors(request, recurrent))


def open_slots(request: Request, circuits: Tensor, taken: Sequence[Place]) -> list[list[int]]:
    """The slots that each part of the neurons may use, in ascending order.

    The sign is a property of a row (haldls): signed layers have excitatory even and inhibitory odd
    rows and share them. A layer that is not signed shares its rows with no other layer, in the
    hemispheres where it has synapses.

    >>> open_slots(Request("a", 1, 1), torch.tensor([[0]]), taken=())[0][-1]
    127
    """
    blocked = rows_used(_of_other_signs(request, taken))
    if request.signed:
        blocked = blocked.reshape(2, DRIVERS, 2).any(-1)
    # (c, 2) x (2, S): a part is blocked where one of its hemispheres is.
    closed = (hemispheres(circuits)[:, :, None] & blocked[None]).any(1)
    return [[slot for slot, shut in enumerate(part) if not shut] for part in closed.tolist()]


class _Seats(NamedTuple):
    """Part, slots and label of each source; whether all drivers that it could use were full."""

    part: list[int]
    slots: list[list[int]]
    labels: list[int]
    full: bool


def _no_seats(n: int) -> _Seats:
    return _Seats([0] * n, [[]] * n, [0] * n, False)


def _seat_neurons(
    request: Request,
    circuits: Tensor,
    taken: Sequence[Place],
    slots: list[list[int]],
    labels: list[int],
) -> _Seats:
    """Seats of the layer's own neurons; event output k drives bus k mod 4 (halco)."""
    buses = (output_channels(circuits[:, 0]) % _BUSES).tolist()
    seats = _no_seats(len(buses))
    size = _count(request) // _BUSES
    for bus in range(_BUSES):
        neurons = [i for i, drives in enumerate(buses) if drives == bus]
        pool = range(bus * size, (bus + 1) * size)
        found, left = _seat(request, len(neurons), pool, slots, labels)
        if left:
            what = LABELS_OUT if found.full else BUS
            outputs = f"event outputs {bus} and {bus + _BUSES}, which drive bus {bus}"
            who = f"{len(neurons)} recurrent neurons at {outputs}"
            raise _short(request, what, left, who, circuits, taken)
        for seat, neuron in enumerate(neurons):
            seats.part[neuron] = found.part[seat]
            seats.slots[neuron] = found.slots[seat]
            seats.labels[neuron] = found.labels[seat]
    return seats


def _seat(
    request: Request, n: int, pool: range, slots: list[list[int]], labels: list[int]
) -> tuple[_Seats, int]:
    """Seats for ``n`` sources in the pool, part after part, and how many found none.

    What is seated is taken out of ``slots`` and marked in ``labels``, a bit mask for each driver.
    """
    seats = _Seats([], [], [], False)
    for part, there in enumerate(slots):
        if len(seats.part) == n:
            break
        fit = [s for s in there if s in pool and labels[_driver(request, s)] != _ALL_LABELS]
        gone: set[int] = set()
        for start in range(0, len(fit) - request.replicas + 1, request.replicas):
            if len(seats.part) == n:
                break
            group = fit[start : start + request.replicas]
            label = _common_label(labels, [_driver(request, s) for s in group])
            if label is not None:
                seats.part.append(part)
                seats.slots.append(group)
                seats.labels.append(label)
                gone.update(group)
        slots[part] = [s for s in there if s not in gone]
    full = all(labels[_driver(request, s)] == _ALL_LABELS for s in pool)
    return seats._replace(full=full), n - len(seats.part)


def _common_label(labels: list[int], drivers: list[int]) -> int | None:
    """The lowest label that is free on all the drivers, now marked; None if there is none."""
    used = 0
    for driver in drivers:
        used |= labels[driver]
    if used == _ALL_LABELS:
        return None
    lowest = ~used & (used + 1)
    for driver in drivers:
        labels[driver] |= lowest
    return lowest.bit_length() - 1


def _tensors(request: Request, seats: _Seats) -> tuple[Tensor, Tensor, Tensor]:
    slots = torch.tensor(seats.slots, dtype=torch.int64).reshape(-1, request.replicas)
    pair = (2 * slots, 2 * slots + 1) if request.signed else (slots, slots)
    return (
        torch.tensor(seats.part, dtype=torch.int64),
        torch.stack(pair, -1),
        torch.tensor(seats.labels, dtype=torch.int64),
    )


def _short(
    request: Request, what: str, left: int, who: str, circuits: Tensor, taken: Sequence[Place]
) -> NoRoom:
    """The error of sources that found no seat; ``who`` says of how many and of which kind."""
    layer = f"layer {request.name!r} has no"
    if what == LABELS_OUT:
        limit = f"a driver tells {int(LABELS.value)} sources apart"
        return NoRoom(
            what, left, f"{layer} labels for {left} of its {who}: {left} too few, {limit}"
        )
    missing = left * request.rows_each
    have = int(ROWS.value) // (_BUSES if what == BUS else 1)
    limit = f"a neuron has {have} in each of its circuits, of which there are {circuits.shape[1]}"
    reason = f"{layer} rows for {left} of its {who}: {missing} rows too few, {limit}"
    if others := _of_other_signs(request, taken):
        names = ", ".join(repr(other.request.name) for other in others)
        reason += f"; a row has one sign, and those of {names} cannot be shared"
    return NoRoom(what, missing, reason)


def _of_other_signs(request: Request, taken: Sequence[Place]) -> list[Place]:
    """The layers with which this one can share no rows."""
    return [other for other in taken if not (other.request.signed and request.signed)]


def _count(request: Request) -> int:
    return DRIVERS if request.signed else 2 * DRIVERS


def _driver(request: Request, slot: int) -> int:
    return slot if request.signed else slot // 2


def _mask(used: list[bool]) -> int:
    return sum(1 << label for label, one in enumerate(used) if one)
