"""Remedy: the smallest change of a request with which it fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from snn_hardware.placement.attempt import attempt, sizes
from snn_hardware.placement.errors import NoRoom
from snn_hardware.placement.merging import spread
from snn_hardware.placement.occupancy import holders
from snn_hardware.placement.request import Place, Request


def attempted(request: Request, taken: Sequence[Place], usable: Tensor) -> Place | None:
    """The place of a layer, or None if it finds no room.

    >>> import torch
    >>> attempted(Request("wide", n_out=513, n_in=1), (), torch.ones(512).bool()) is None
    True
    """
    try:
        return attempt(request, taken, usable)
    except NoRoom:
        return None


def mend(
    request: Request, taken: Sequence[Place], usable: Tensor
) -> tuple[str, Request] | tuple[None, None]:
    """What to change of a request that does not fit, in words, and the changed one, which fits.

    ``(None, None)`` if no single change of the request is enough.

    >>> import torch
    >>> mend(Request("a", n_out=300, n_in=60, replicas=3), (), torch.ones(512).bool())[0]
    'fewer replicas of a source (replicas=2)'
    """
    for text, changed in _changes(request, taken, usable):
        found = attempted(changed, taken, usable)
        if found is not None:
            return text.format(merged=found.circuits.shape[1]), changed
    return None, None


def _changes(
    request: Request, taken: Sequence[Place], usable: Tensor
) -> Iterator[tuple[str, Request]]:
    """Requests that ask for less or for something else, the smallest change first."""
    if request.circuits is not None:
        yield "leave the circuits to the chip (circuits=None)", request._replace(circuits=None)
    if request.merged is not None:
        yield "another number of circuits a neuron (merged={merged})", request._replace(merged=None)
    if request.recurrent:
        yield from _spread(request, taken, usable)
    for fewer in range(request.replicas - 1, 0, -1):
        yield f"fewer replicas of a source (replicas={fewer})", request._replace(replicas=fewer)
    if request.signed:
        yield (
            "weights of one sign only, which take half of the rows (signed=False)",
            request._replace(signed=False),
        )


def _spread(
    request: Request, taken: Sequence[Place], usable: Tensor
) -> Iterator[tuple[str, Request]]:
    """The same neurons in columns of all event outputs, so that they come over all buses."""
    held = holders(taken, usable)
    for merged in sizes(request):
        firsts = spread(request.n_out, merged, held)
        if firsts is None:
            return
        yield (
            "neurons in columns of other event outputs (circuits=..., merged={merged}; "
            "the `mended` of this error has them)",
            request._replace(circuits=firsts, merged=merged),
        )
