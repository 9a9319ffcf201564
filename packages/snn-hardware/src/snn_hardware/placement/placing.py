"""Placing: a layer onto what is left of the chip, or an error with the smallest remedy."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from snn_hardware.placement.attempt import attempt
from snn_hardware.placement.errors import NoRoom
from snn_hardware.placement.partition import partition
from snn_hardware.placement.remedy import attempted, mend
from snn_hardware.placement.request import Place, Request


def place(request: Request, taken: Sequence[Place], usable: Tensor) -> Place:
    """The place of a layer: the lowest free circuits, or those asked for by hand.

    Args:
        request: what the layer asks for.
        taken: the layers that have their places, in any order.
        usable: the circuits that may be used, bool ``(512,)``; not the masked and failed ones.

    Raises:
        NoRoom: what ran out, by how much, and the smallest change that helps. Each remedy that is
            named was tried and works.
        ValueError, TypeError: a request that makes no sense (``Request.check``).

    >>> import torch
    >>> usable = torch.ones(512, dtype=torch.bool)
    >>> hidden = place(Request("hidden", n_out=246, n_in=256), (), usable)
    >>> hidden.circuits[:2].tolist()
    [[0, 256], [1, 257]]
    >>> place(Request("out", n_out=21, n_in=246), (hidden,), usable)
    Traceback (most recent call last):
    ...
    snn_hardware.placement.errors.NoRoom: no room (circuits): layer 'out' needs 42 circuits, 2 for
    each of 21 neurons, and 20 of 512 are free: 22 too few. Remedy: 1 sequential run of its own
    (partition=True)
    """
    try:
        return attempt(request, taken, usable)
    except NoRoom as short:
        raise short.with_remedy(*_remedy(request, taken, usable)) from None


def _remedy(request: Request, taken: Sequence[Place], usable: Tensor) -> tuple[str, Request | None]:
    """The smallest change that helps, in words, and the changed request if it is one."""
    text, changed = mend(request, taken, usable)
    if text is not None:
        return text, changed
    runs = _runs(request, usable)
    if runs:
        return f"{runs} sequential run{'s' * (runs > 1)} of its own (partition=True)", None
    for layer in sorted(taken, key=lambda other: other.circuits.numel()):
        others = [other for other in taken if other is not layer]
        if attempted(request, others, usable) is not None:
            return f"free layer {layer.request.name!r}, {layer.circuits.numel()} circuits", None
    return "no single change is enough; make the layer smaller", None


def _runs(request: Request, usable: Tensor) -> int:
    """Into how many runs the layer can be split, 0 if it cannot."""
    if request.recurrent or request.circuits is not None:
        return 0
    try:
        return partition(request, usable).runs
    except NoRoom:
        return 0
