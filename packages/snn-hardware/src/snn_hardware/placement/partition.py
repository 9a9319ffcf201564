"""Partition: a layer that is too large, in sequential runs over its output neurons."""

from __future__ import annotations

from torch import Tensor

from snn_hardware.placement.attempt import attempt
from snn_hardware.placement.errors import NoRoom
from snn_hardware.placement.merging import free_blocks
from snn_hardware.placement.occupancy import holders
from snn_hardware.placement.remedy import mend
from snn_hardware.placement.request import Place, Request


def partition(request: Request, usable: Tensor) -> tuple[Request, ...]:
    """A layer in as few sequential runs as there are, each on the empty chip.

    Every run holds as many neurons as the chip does, the last one the rest, in the order of the
    neurons; all of them get all inputs. ``place`` each with nothing taken, and put what the runs
    give together along the neurons.

    Raises:
        ValueError: a recurrent layer, whose neurons need each other's events at once; circuits
            given by hand.
        NoRoom: not even one neuron fits; with a remedy.

    >>> import torch
    >>> runs = partition(Request("wide", n_out=1200, n_in=100), torch.ones(512).bool())
    >>> [run.n_out for run in runs]
    [512, 512, 176]
    """
    _check(request)
    merged = _one(request._replace(n_out=1), usable).circuits.shape[1]
    per_run = len(free_blocks(merged, holders((), usable)))
    starts = range(0, request.n_out, per_run)
    return tuple(request._replace(n_out=min(per_run, request.n_out - start)) for start in starts)


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
