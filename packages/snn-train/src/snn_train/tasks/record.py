"""The record of a task, and the part of its settings that every task has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from snn_train.data.records import Splits
from snn_train.network import SpikingClassifier


class Schedule(NamedTuple):
    """How long and how fast to train.

    Args:
        epochs: passes over the training data.
        batch_size: samples per update.
        learning_rate: of Adam at the start; it falls along a cosine to 0 at the last update.
    """

    epochs: int
    batch_size: int
    learning_rate: float


class Task(NamedTuple):
    """What ``snn train`` trains.

    Args:
        name: as on the command line.
        schedule: its defaults.
        settings: those of its network, a NamedTuple of numbers with the field ``dt``.
        load: its data, the same in every run.
        network: ``(settings, backend) -> network``; the weights come from torch's random numbers.
    """

    name: str
    schedule: Schedule
    settings: Any
    load: Callable[[], Splits]
    network: Callable[[Any, str], SpikingClassifier]
