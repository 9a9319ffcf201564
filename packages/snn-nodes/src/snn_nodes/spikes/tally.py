"""Tally: how many spikes are set, counted once and shared by all views of the same spikes."""

from __future__ import annotations

from torch import Tensor

from snn_nodes.spikes.bits import count


class Tally:
    """A count that is made when it is first asked for.

    >>> import torch
    >>> Tally().count(torch.tensor([True, False, True]))
    2
    """

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count: int | None = None

    @property
    def known(self) -> int | None:
        """The count if it was made."""
        return self._count

    def count(self, elem: Tensor) -> int:
        """The number of ones in ``elem``, which must hold the same spikes at each call."""
        if self._count is None:
            self._count = count(elem)
        return self._count
