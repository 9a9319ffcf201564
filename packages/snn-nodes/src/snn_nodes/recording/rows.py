"""Rows: one row a step, of which a bounded number is kept."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

WHEN_FULL = ("last", "thin", "raise")


class Rows:
    """Rows of one shape, one a step, in memory that does not grow beyond ``max_steps`` rows.

    Args:
        max_steps: how many rows are kept at most; None for all.
        every: a row is kept at steps 0, ``every``, 2 ``every``, ...
        when_full: ``'last'`` keeps the last rows, ``'thin'`` keeps every other row and goes on at
            twice the distance, ``'raise'`` takes no more.

    Attributes:
        steps: how many steps there were.
        stride: the distance of the rows that are kept, in steps.

    >>> rows = Rows(2, 1, "thin")
    >>> rows.append(torch.arange(5))
    >>> rows.kept().tolist(), rows.at().tolist(), rows.lost
    ([0, 4], [0, 4], 3)
    """

    def __init__(self, max_steps: int | None, every: int, when_full: str) -> None:
        self._limit, self._every, self._when_full = max_steps, every, when_full
        self.stride = every
        self.steps = 0
        self._first = 0
        self._count = 0
        self._chunks: deque[Tensor] = deque()

    def has_room_for(self, steps: int) -> bool:
        """Whether that many further steps may come: always, but for ``'raise'``."""
        full = self._limit is not None and -(-(self.steps + steps) // self._every) > self._limit
        return not (full and self._when_full == "raise")

    def append(self, rows: Tensor) -> None:
        """The rows ``(k, *)`` of the next k steps; what is kept of them is a copy."""
        kept = rows[-self.steps % self.stride :: self.stride]
        self.steps += len(rows)
        if len(kept):
            self._chunks.append(kept.clone())
            self._count += len(kept)
        while self._limit is not None and self._count > self._limit:
            if self._when_full == "thin":
                self._thin()
            else:
                self._drop(self._count - self._limit)

    def _thin(self) -> None:
        kept = torch.cat(tuple(self._chunks))[::2].clone()
        self._chunks = deque([kept])
        self._count = len(kept)
        self.stride *= 2

    def _drop(self, excess: int) -> None:
        """Forget the oldest rows."""
        self._count -= excess
        self._first += excess * self.stride
        while excess >= len(self._chunks[0]):
            excess -= len(self._chunks.popleft())
        if excess:
            self._chunks[0] = self._chunks[0][excess:].clone()

    def kept(self) -> Tensor:
        """The rows that are there, ``(R, *)``; there must have been a step."""
        return torch.cat(tuple(self._chunks))

    def at(self) -> Tensor:
        """The steps of these rows ``(R,)``, counted from 0."""
        return self._first + self.stride * torch.arange(self._count)

    @property
    def lost(self) -> int:
        """How many rows were left out for want of room."""
        return -(-self.steps // self._every) - self._count

    @property
    def nbytes(self) -> int:
        """The bytes that the rows take."""
        return sum(chunk.nbytes for chunk in self._chunks)
