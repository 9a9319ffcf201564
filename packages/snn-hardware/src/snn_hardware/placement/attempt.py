"""Attempt: one layer onto what is left of the chip, without a search for remedies."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from snn_hardware.figures import COLUMNS
from snn_hardware.placement.errors import LABELS, NoRoom
from snn_hardware.placement.merging import choose
from snn_hardware.placement.occupancy import holders
from snn_hardware.placement.request import Place, Request
from snn_hardware.placement.routing import route


def attempt(request: Request, taken: Sequence[Place], usable: Tensor) -> Place:
    """The place of a layer among those that are there, with as few circuits a neuron as needed.

    Raises:
        NoRoom: what ran out and by how much; it names no remedy.
        ValueError, TypeError: a request that makes no sense (``Request.check``).

    >>> attempt(Request("a", n_out=1, n_in=129), (), torch.ones(512).bool()).circuits.tolist()
    [[0, 256]]
    """
    request.check()
    held = holders(taken, usable)
    short: NoRoom | None = None
    for merged in sizes(request):
        try:
            circuits = choose(request, merged, held)
        except NoRoom as none:
            # Rows that ran out with fewer circuits say more than circuits that ran out for them.
            raise short or none from None
        try:
            return route(request, torch.tensor(circuits, dtype=torch.int64), taken)
        except NoRoom as none:
            short = none
            if none.what == LABELS:
                break  # no number of circuits adds labels
    assert short is not None
    raise short


def sizes(request: Request) -> range:
    """The numbers of circuits a neuron that are worth a try, from the least on.

    >>> sizes(Request("a", n_out=1, n_in=129))
    range(2, 257)
    """
    if request.merged is not None:
        return range(request.merged, request.merged + 1)
    if not request.fits_rows:
        return range(1, 2)  # no number helps; one try says so
    half = int(COLUMNS.value)  # 2 rows of 128 columns
    return range(request.least_merged, max(half, request.least_merged) + 1)
