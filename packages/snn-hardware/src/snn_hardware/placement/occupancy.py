"""Occupancy: what layers that have their places take of the chip."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from snn_hardware.figures import CIRCUITS, COLUMNS, LABELS, ROWS
from snn_hardware.placement.request import Place

DRIVERS = int(ROWS.value) // 2
"""Synapse drivers of a hemisphere, of two rows each (halco)."""


def holders(taken: Sequence[Place], usable: Tensor) -> list[str]:
    """Who holds each of the 512 circuits, in words; "" for the free ones.

    Raises:
        ValueError: ``usable`` that is not a bool tensor ``(512,)``.

    >>> holders((), torch.ones(512).bool())[:2]
    ['', '']
    """
    if usable.dtype != torch.bool or tuple(usable.shape) != (int(CIRCUITS.value),):
        raise ValueError(
            f"usable must be a bool tensor ({int(CIRCUITS.value)},), one for each circuit, "
            f"got {usable.dtype} {tuple(usable.shape)}"
        )
    who = ["" if good else "masked or failed" for good in usable.tolist()]
    for layer in taken:
        for circuit in layer.circuits.flatten().tolist():
            who[circuit] = f"taken by layer {layer.request.name!r}"
    return who


def hemispheres(circuits: Tensor) -> Tensor:
    """In which hemispheres each part of merged neurons lies: ``(N_out, c)`` to bool ``(c, 2)``.

    >>> hemispheres(torch.tensor([[0, 256], [1, 257]])).tolist()
    [[True, False], [False, True]]
    """
    side = circuits // int(COLUMNS.value)
    return torch.stack([(side == 0).any(0), (side == 1).any(0)], -1)


def sources(place: Place) -> tuple[Tensor, Tensor, Tensor]:
    """Part ``(S,)``, rows ``(S, R, 2)`` and labels ``(S,)`` of all sources, recurrent ones last.

    >>> from snn_hardware.placement import Request, place
    >>> one = place(Request("a", 2, 3, recurrent=True), (), torch.ones(512).bool())
    >>> sources(one)[0].shape
    torch.Size([5])
    """
    return (
        torch.cat([place.part, place.recurrent_part]),
        torch.cat([place.rows, place.recurrent_rows]),
        torch.cat([place.labels, place.recurrent_labels]),
    )


def rows_used(places: Sequence[Place]) -> Tensor:
    """The rows with synapses of these layers, bool ``(2, 256)``: hemisphere, row.

    >>> rows_used(()).sum().item()
    0
    """
    used = torch.zeros(2, int(ROWS.value), dtype=torch.bool)
    for layer in places:
        part, rows, _ = sources(layer)
        sides = hemispheres(layer.circuits)[part]
        for side in range(2):
            used[side, rows[sides[:, side]].flatten()] = True
    return used


def labels_used(places: Sequence[Place]) -> Tensor:
    """The labels that each driver answers to, bool ``(128, 64)``.

    The two rows of a driver get the same events: its 5-bit row select tells drivers apart, not
    rows (haldls). Both hemispheres count as one, since links and neurons reach the buses of both.

    >>> labels_used(()).shape
    torch.Size([128, 64])
    """
    used = torch.zeros(DRIVERS, int(LABELS.value), dtype=torch.bool)
    for layer in places:
        _, rows, labels = sources(layer)
        drivers = rows[..., 0] // 2
        used[drivers, labels[:, None].expand_as(drivers)] = True
    return used
