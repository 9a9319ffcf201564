"""Tally: how many spikes are set, counted once and shared by all views of the same spikes."""

from __future__ import annotations

from torch import Tensor

from snn_nodes.spikes.bits import count
from snn_nodes.spikes.values import sampled_activity


class Tally:
    """A count that is made when it is first asked for.

    >>> import torch
    >>> Tally().count(torch.tensor([True, False, True]))
    2
    """

    __slots__ = ("_count", "estimate")

    def __init__(self) -> None:
        self._count: int | None = None
        self.estimate: float | None = None

    @property
    def known(self) -> int | None:
        """The count if it was made."""
        return self._count

    def at_most(self, activity: float, elem: Tensor) -> bool:
        """Whether at most this fraction of ``elem`` are ones.

        A count reads all of them; so a sample is looked at first, and if it is far above, that is
        the answer.
        """
        if self._count is None:
            self.estimate = sampled_activity(elem)
            if self.estimate > 2 * activity:
                return False
        return self.count(elem) <= activity * elem.numel()

    def count(self, elem: Tensor) -> int:
        """The number of ones in ``elem``, which must hold the same spikes at each call."""
        if self._count is None:
            self._count = count(elem)
        return self._count
