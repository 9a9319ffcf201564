"""Fit: whether layers fit one chip together, and in how many runs each would otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from snn_hardware.placement.errors import NoRoom
from snn_hardware.placement.partition import partition
from snn_hardware.placement.placing import place
from snn_hardware.placement.remedy import attempted
from snn_hardware.placement.request import Place, Request
from snn_hardware.placement.usage import Usage, usage


class Fit(NamedTuple):
    """How layers fit one chip.

    Args:
        places: of the layers in order, up to the first that found no room.
        reason: why that one did not fit, with the remedy; "" if all did.
        usage: what the places take.
        runs: for each layer, the runs that it takes in sequence on a chip of its own; 0 if it does
            not fit in any number.

    >>> Fit((), "", usage(()), ()).fits
    True
    """

    places: tuple[Place, ...]
    reason: str
    usage: Usage
    runs: tuple[int, ...]

    @property
    def fits(self) -> bool:
        """Whether all layers have room at once.

        >>> Fit((), "no room", usage(()), (2,)).fits
        False
        """
        return not self.reason


def fit(requests: Sequence[Request], usable: Tensor) -> Fit:
    """How layers fit one chip, placed in this order; a misfit is told, not raised.

    Raises:
        ValueError, TypeError: a request that makes no sense (``Request.check``).

    >>> import torch
    >>> two = [Request("hidden", n_out=600, n_in=5), Request("out", n_out=3, n_in=600)]
    >>> found = fit(two, torch.ones(512, dtype=torch.bool))
    >>> found.fits, found.runs
    (False, (2, 1))
    """
    for request in requests:
        request.check()
    places: list[Place] = []
    reason = ""
    for request in requests:
        try:
            places.append(place(request, places, usable))
        except NoRoom as short:
            reason = str(short)
            break
    runs = tuple(_runs(request, usable) for request in requests)
    return Fit(tuple(places), reason, usage(places), runs)


def _runs(request: Request, usable: Tensor) -> int:
    if attempted(request, (), usable) is not None:
        return 1
    if request.recurrent:
        return 0
    try:
        return partition(request._replace(circuits=None), usable).runs
    except NoRoom:
        return 0
