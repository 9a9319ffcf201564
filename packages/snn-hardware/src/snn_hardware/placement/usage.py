"""Usage: how much of the chip layers take, of how much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from snn_hardware.figures import (
    BUS_ROWS,
    BUSES,
    CIRCUITS,
    EVENT_OUTPUTS,
    LABELS,
    LINKS,
    OUTPUT_COLUMNS,
    ROWS,
)
from snn_hardware.links import input_channels, output_channels
from snn_hardware.placement.occupancy import (
    DRIVERS,
    hemispheres,
    labels_used,
    rows_used,
    sources,
)
from snn_hardware.placement.request import Place

_BUSES, _BUS_ROWS = int(BUSES.value), int(BUS_ROWS.value)


class Usage(NamedTuple):
    """What layers take of the chip; ``WHOLE`` has how much there is.

    Args:
        circuits: neuron circuits.
        synapses: that hold a weight, on either row of a pair.
        rows: synapse rows of each hemisphere.
        drivers: synapse drivers of each hemisphere.
        buses: rows on each bus of each hemisphere, ``(2, 4)``.
        sources: sources on each bus of each hemisphere, ``(2, 4)``; one with rows on two buses
            counts on both.
        labels: the most that one driver answers to.
        outputs: neurons on each event output.
        links: inputs on each external link.

    >>> WHOLE.circuits, WHOLE.rows
    (512, (256, 256))
    """

    circuits: int
    synapses: int
    rows: tuple[int, ...]
    drivers: tuple[int, ...]
    buses: tuple[tuple[int, ...], ...]
    sources: tuple[tuple[int, ...], ...]
    labels: int
    outputs: tuple[int, ...]
    links: tuple[int, ...]


WHOLE = Usage(
    circuits=int(CIRCUITS.value),
    synapses=int(CIRCUITS.value * ROWS.value),
    rows=(int(ROWS.value),) * 2,
    drivers=(DRIVERS,) * 2,
    buses=((_BUS_ROWS,) * _BUSES,) * 2,
    sources=((_BUS_ROWS // 2 * int(LABELS.value),) * _BUSES,) * 2,
    labels=int(LABELS.value),
    outputs=(2 * int(OUTPUT_COLUMNS.value),) * int(EVENT_OUTPUTS.value),
    links=(1 << 14,) * int(LINKS.value),  # halco: 14 bits of an event label
)
"""How much of each there is."""


def usage(places: Sequence[Place]) -> Usage:
    """What these layers take of one chip.

    >>> from snn_hardware.placement import Request, place
    >>> one = place(Request("hidden", n_out=3, n_in=5), (), torch.ones(512).bool())
    >>> usage([one]).circuits, usage([one]).rows, usage([one]).links
    (3, (10, 0), (2, 1, 1, 1))
    """
    rows = rows_used(places)
    firsts = _join(place.circuits[:, 0] for place in places)
    links = _join(input_channels(len(place.part)) for place in places)
    return Usage(
        circuits=sum(place.circuits.numel() for place in places),
        synapses=sum(_synapses(place) for place in places),
        rows=_tuple(rows.sum(-1)),
        drivers=_tuple(rows.reshape(2, DRIVERS, 2).any(-1).sum(-1)),
        buses=_tuples(rows.reshape(2, _BUSES, _BUS_ROWS).sum(-1)),
        sources=_tuples(_sources(places)),
        labels=int(labels_used(places).sum(-1).max()),
        outputs=_tuple(output_channels(firsts).bincount(minlength=int(EVENT_OUTPUTS.value))),
        links=_tuple(links.bincount(minlength=int(LINKS.value))),
    )


def describe(used: Usage) -> str:
    """The numbers in words, one line each.

    >>> print(describe(WHOLE).splitlines()[0])
    circuits: 512 of 512
    """
    lines = [f"circuits: {used.circuits} of {WHOLE.circuits}"]
    lines.append(f"synapses: {used.synapses} of {WHOLE.synapses}")
    lines.append(f"labels: at most {used.labels} of {WHOLE.labels} on a driver")
    for name, each in (("rows", "hemisphere"), ("drivers", "hemisphere")):
        lines.append(f"{name} of a {each}: {_of(getattr(used, name), getattr(WHOLE, name))}")
    for side, name in enumerate(("upper", "lower")):
        lines.append(f"rows of the {name} buses: {_of(used.buses[side], WHOLE.buses[side])}")
        lines.append(f"sources of the {name} buses: {_of(used.sources[side], WHOLE.sources[side])}")
    lines.append(f"neurons of an event output: {_of(used.outputs, WHOLE.outputs)}")
    lines.append(f"inputs of a link: {_of(used.links, WHOLE.links)}")
    return "\n".join(lines)


def _synapses(place: Place) -> int:
    cells = place.rows[..., 0].numel() + place.recurrent_rows[..., 0].numel()
    return len(place.circuits) * cells * (2 if place.request.signed else 1)


def _sources(places: Sequence[Place]) -> Tensor:
    """Sources on each bus of each hemisphere, ``(2, 4)``."""
    count = torch.zeros(2, _BUSES, dtype=torch.int64)
    for place in places:
        part, rows, _ = sources(place)
        on_bus = rows[..., 0, None] // _BUS_ROWS == torch.arange(_BUSES)
        sides = hemispheres(place.circuits)[part]
        count += (sides[:, :, None] & on_bus.any(1)[:, None, :]).sum(0)
    return count


def _join(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([torch.zeros(0, dtype=torch.int64), *tensors])


def _tuple(values: Tensor) -> tuple[int, ...]:
    return tuple(int(value) for value in values.tolist())


def _tuples(values: Tensor) -> tuple[tuple[int, ...], ...]:
    return tuple(_tuple(row) for row in values)


def _of(used: tuple[int, ...], there: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, used))} of {there[0]} each"
