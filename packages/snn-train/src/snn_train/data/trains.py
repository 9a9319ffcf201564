"""Spike trains as the inputs of a data set: events of all samples, cut by rows."""

from __future__ import annotations

from typing import NamedTuple

import torch
from snn_core import Events
from torch import Tensor


class SpikeTrains:
    """Events of many samples, made and checked once, so that a batch of them costs two gathers.

    Args:
        events: of all samples, ``(S, K)``; their times carry no gradient.

    Raises:
        ValueError, TypeError: as ``Events.check``.

    >>> times = torch.tensor([[0.1, 0.2], [0.0, 0.3], [0.2, 0.2]])
    >>> trains = SpikeTrains(Events(times, torch.tensor([[0, 1]] * 3), (2,), 0.5))
    >>> len(trains), trains[1:].events.times[0].tolist()
    (3, [0.0, 0.30000001192092896])
    """

    def __init__(self, events: Events) -> None:
        self.events = events.check()

    def __len__(self) -> int:
        """Number of samples S."""
        return len(self.events.times)

    def __getitem__(self, rows: slice | Tensor) -> SpikeTrains:
        """The samples of these rows, a slice or indices ``(B,)``; they were checked already."""
        events = self.events
        return _checked(events._replace(times=events.times[rows], index=events.index[rows]))

    def to(self, device: torch.device | str) -> SpikeTrains:
        """The same samples on another device."""
        return _checked(self.events.to(device))

    @property
    def shape(self) -> tuple[int, ...]:
        """``(S, K)``, samples and places for events."""
        return tuple(self.events.times.shape)

    @property
    def device(self) -> torch.device:
        """Where the events are."""
        return self.events.times.device


def _checked(events: Events) -> SpikeTrains:
    """Trains of events that are known to be well formed."""
    trains = object.__new__(SpikeTrains)
    trains.events = events
    return trains


class EventDataset(NamedTuple):
    """Spike trains and their classes; rows belong together, as in :class:`snn_train.Dataset`.

    Args:
        inputs: S samples.
        labels: ``(S,)``, int64 class of each sample, from 0.

    >>> events = Events(torch.zeros(3, 1), torch.zeros(3, 1).long(), (1,), 0.5)
    >>> EventDataset(SpikeTrains(events), torch.tensor([0, 1, 1])).to("cpu").labels.tolist()
    [0, 1, 1]
    """

    inputs: SpikeTrains
    labels: Tensor

    def to(self, device: torch.device | str) -> EventDataset:
        """The same samples on another device."""
        return EventDataset(self.inputs.to(device), self.labels.to(device))
