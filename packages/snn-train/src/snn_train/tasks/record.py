"""The record of a task: one way to train on one data set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch.nn import functional
from torch.optim import Adam, Optimizer

from snn_train.data.records import Dataset, Splits
from snn_train.decisions import most_likely
from snn_train.drawing import Draw, draw_grid
from snn_train.loop import Data, Decision, Loss
from snn_train.schedules import DecaySchedule, Schedule


def cross_entropy(settings: Any) -> Loss:
    """The loss of scores that are logarithms of probabilities, whatever the settings."""
    return functional.cross_entropy


def as_it_is(data: Dataset, settings: Any) -> Dataset:
    """The data that the network takes, where it takes the data as they are loaded."""
    return data


class Task(NamedTuple):
    """What ``snn train`` trains, for one way to find gradients.

    Args:
        name: as on the command line.
        schedule: its defaults.
        settings: those of its network, a NamedTuple of numbers and strings.
        load: its data, the same in every run; with ``folder`` it takes the path of one.
        network: ``(settings, backend) -> network``; the weights come from torch's random numbers.
        loss: ``settings -> mean loss of a batch's scores``.
        decide: from scores to classes.
        prepare: ``(data, settings) -> data``, what of the encoding is the same in every epoch.
        optimizer: ``(parameters, lr=rate) -> optimizer``.
        gradient: how gradients are found, as on the command line.
        backend: the one that finds these gradients; "auto" where any does.
        draw: pictures of what a network does with a sample, by the names of their files.
        folder: what ``load`` reads in the folder that it takes; "" if it takes none.
    """

    name: str
    schedule: Schedule | DecaySchedule
    settings: Any
    load: Callable[..., Splits]
    network: Callable[[Any, str], Any]
    loss: Callable[[Any], Loss] = cross_entropy
    decide: Decision = most_likely
    prepare: Callable[[Dataset, Any], Data] = as_it_is
    optimizer: Callable[..., Optimizer] = Adam
    gradient: str = "surrogate"
    backend: str = "auto"
    draw: Draw = draw_grid
    folder: str = ""
