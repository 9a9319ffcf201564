"""Partition: a layer that is too large, in sequential runs over its output neurons."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from snn_hardware.placement.attempt import attempt
from snn_hardware.placement.errors import NoRoom
from snn_hardware.placement.merging import free_blocks
from snn_hardware.placement.occupancy import holders
from snn_hardware.placement.remedy import mend
from snn_hardware.placement.request import Place, Request


class Partition(NamedTuple):
    """The sequential runs of a layer, each on the empty chip.

    Args:
        slices: the output neurons of each run.
        places: where they lie, one for each run.

    >>> Partition((slice(0, 4),), ()).runs
    1
    """

    slices: tuple[slice, ...]
    places: tuple[Place, ...]

    @property
    def runs(self) -> int:
        """How often the chip is used, one run after the other.

        >>> Partition((slice(0, 4), slice(4, 6)), ()).runs
        2
        """
        return len(self.slices)


def partition(request: Request, usable: Tensor) -> Partition:
    """A layer in as few sequential runs as there are, with as many neurons in each as the chip has.

    All runs get all inputs; what they give is put together along the neurons, in their order.

    Raises:
        ValueError: a recurrent layer, whose neurons need each other's events at once; circuits
            given by hand.
        NoRoom: not even one neuron fits; with a remedy.

    >>> import torch
    >>> partition(Request("wide", n_out=1000, n_in=100), torch.ones(512).bool()).slices
    (slice(0, 512, None), slice(512, 1000, None))
    """
    _check(request)
    merged = _one(request._replace(n_out=1), usable).circuits.shape[1]
    per_run = len(free_blocks(merged, holders((), usable)))
    starts = range(0, request.n_out, per_run)
    slices = tuple(slice(start, min(start + per_run, request.n_out)) for start in starts)
    sizes = [one.stop - one.start for one in slices]
    # All runs but the last are alike, and take one place.
    at = {n: attempt(request._replace(n_out=n), (), usable) for n in set(sizes)}
    return Partition(slices, tuple(at[n] for n in sizes))


def _one(request: Request, usable: Tensor) -> Place:
    try:
        return attempt(request, (), usable)
    except NoRoom as short:
        text, changed = mend(request, (), usable)
        raise short.with_remedy(text or "give it fewer inputs", changed) from None


def _check(request: Request) -> None:
    request.check()
    if request.recurrent:
        raise ValueError(
            f"layer {request.name!r} is recurrent and cannot be split into runs: its neurons need "
            "each other's events at once; make it smaller, or leave out the recurrence"
        )
    if request.circuits is not None:
        raise ValueError(
            f"layer {request.name!r}: runs choose their circuits themselves; pass circuits=None, "
            "and mask those that must not be used"
        )
