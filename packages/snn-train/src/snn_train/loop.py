"""The training loop: mini-batches, one validation per epoch, and a state that can be saved."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from snn_train.data.records import Dataset
from snn_train.data.trains import EventDataset
from snn_train.decisions import most_likely
from snn_train.random_numbers import seeded

Loss = Callable[[Tensor, Tensor], Tensor]
"""``(scores (B, C), labels (B,)) -> mean loss``, a scalar."""

Decision = Callable[[Tensor], Tensor]
"""``scores (B, C) -> classes (B,)``, as in :mod:`snn_train.decisions`."""

Data = Dataset | EventDataset

EVALUATION_BATCH = 1000
"""Samples per batch where no gradient is kept; it bounds the memory and changes no result."""

BATCHES_AT_ONCE = 64
"""Batches whose samples are gathered, and whose scores are judged, in one operation: a batch of a
small network takes less time than a gather for itself would."""


class Score(NamedTuple):
    """Mean loss, and the fraction of samples that are given their class."""

    loss: float
    accuracy: float


class Epoch(NamedTuple):
    """One row of the history.

    Args:
        train: over the batches of the epoch, each before its own update.
        validation: after the last update of the epoch.
    """

    train: Score
    validation: Score


Model = TypeVar("Model", bound=nn.Module)


@dataclasses.dataclass
class Training(Generic[Model]):
    """A training under way: everything that decides how it goes on.

    Args:
        model: from inputs ``(B, *F)`` to scores ``(B, C)``.
        optimizer: over the model's parameters.
        scheduler: of the learning rate; stepped after every update, not every epoch.
        generator: all random numbers of the training come from it.
        history: one row per finished epoch.
    """

    model: Model
    optimizer: Optimizer
    scheduler: LRScheduler
    generator: torch.Generator
    history: list[Epoch] = dataclasses.field(default_factory=list)

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers, lists and dicts, as ``torch.load(weights_only=True)`` reads them."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "generator": self.generator.get_state(),
            "history": [[*row.train, *row.validation] for row in self.history],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the training that ``state_dict`` described.

        Raises:
            ValueError: if the state is not that of such a model and optimiser.
        """
        try:
            rows = [[float(number) for number in row] for row in state["history"]]
            history = [Epoch(Score(a, b), Score(c, d)) for a, b, c, d in rows]
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scheduler.load_state_dict(state["scheduler"])
            self.generator.set_state(state["generator"])
            self.history = history
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"the saved state does not fit this model and optimiser ({reason}); "
                "it was made by another version or for another network: train anew"
            ) from error


def updates_per_epoch(samples: int, batch_size: int) -> int:
    """How many batches an epoch has; the last may be smaller.

    >>> updates_per_epoch(1000, 300)
    4
    """
    return math.ceil(samples / batch_size)


def evaluate(
    model: nn.Module,
    data: Data,
    loss: Loss = functional.cross_entropy,
    *,
    seed: int = 0,
    decide: Decision = most_likely,
) -> Score:
    """Loss and accuracy of a model, in evaluation mode and without gradient.

    Args:
        model: from inputs ``(B, *F)`` to scores ``(B, C)``; its mode is left as it was.
        data: samples and labels.
        loss: mean loss of a batch.
        seed: what a model with random numbers (a Poisson encoder) draws from; torch's own
            random state is left as it was.
        decide: from scores to classes.

    Raises:
        ValueError: if there are no samples, or not one label per sample.

    >>> score = evaluate(nn.Identity(), Dataset(torch.eye(4), torch.tensor([0, 1, 2, 0])))
    >>> score.accuracy
    0.75
    """
    _check_data(data, "data")
    was_training = model.training
    model.eval()
    total, hits = 0.0, 0
    batches = torch.split(torch.arange(len(data.labels)), EVALUATION_BATCH)
    try:
        with seeded(seed, data.inputs.device), torch.no_grad():
            for rows in batches:
                scores, labels = model(data.inputs[rows]), data.labels[rows]
                total += loss(scores, labels).item() * len(rows)
                hits += _hits(decide(scores), labels)
    finally:
        model.train(was_training)
    return Score(total / len(data.labels), hits / len(data.labels))


def fit(
    training: Training[Any],
    train: Data,
    validation: Data,
    *,
    epochs: int,
    batch_size: int,
    loss: Loss = functional.cross_entropy,
    decide: Decision = most_likely,
    on_epoch: Callable[[Training[Any]], None] | None = None,
) -> list[Epoch]:
    """Train until the history has ``epochs`` rows; each epoch sees every sample once.

    The order of the samples, and whatever the model draws at random, come from the training's
    generator. So the same start gives the same weights to the bit (on the same machine with the
    same number of threads), and so does a training that was saved after an epoch and taken up.

    Args:
        training: is advanced in place.
        train: samples for the updates, on the device of the model.
        validation: is measured after each epoch; nothing here is chosen on it.
        epochs: total number, those already in the history included.
        batch_size: samples per update; the last batch of an epoch may be smaller.
        loss: mean loss of a batch.
        decide: from scores to classes, for the accuracies of the history.
        on_epoch: called after each epoch, for a progress bar, a checkpoint, an early stop
            (by raising).

    Returns:
        the history of the training.

    Raises:
        ValueError: if epochs or batch_size is below 1, there are no samples, not one label per
            sample, more epochs in the history than asked for, or a cosine of the learning rate
            that ends before the training does: beyond its end it rises again.
        FloatingPointError: as soon as a loss is not finite.

    >>> _ = torch.manual_seed(0)
    >>> data = Dataset(torch.eye(3).repeat(20, 1), torch.arange(3).repeat(20))
    >>> model = nn.Linear(3, 3)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    >>> scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    >>> training = Training(model, optimizer, scheduler, torch.Generator().manual_seed(0))
    >>> fit(training, data, data, epochs=5, batch_size=15)[-1].validation.accuracy
    1.0
    """
    for name, number in (("epochs", epochs), ("batch_size", batch_size)):
        if type(number) is not int or number < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {number}")
    _check_data(train, "train")
    _check_data(validation, "validation")
    _check_schedule(training, epochs, updates_per_epoch(len(train.labels), batch_size))
    if len(training.history) > epochs:
        raise ValueError(
            f"the training has {len(training.history)} epochs behind it, more than epochs={epochs}"
        )
    while len(training.history) < epochs:
        seed = int(torch.randint(2**62, (), generator=training.generator))
        with seeded(seed, train.inputs.device):
            train_score = _train_epoch(training, train, batch_size, loss, decide)
        score = evaluate(training.model, validation, loss, decide=decide)
        training.history.append(Epoch(train_score, score))
        if on_epoch is not None:
            on_epoch(training)
    return training.history


def _train_epoch(
    training: Training[Any], data: Data, batch_size: int, loss: Loss, decide: Decision
) -> Score:
    training.model.train()
    total, hits = 0.0, 0
    order = torch.randperm(len(data.labels))
    for rows in torch.split(order, BATCHES_AT_ONCE * batch_size):
        inputs, labels, seen = data.inputs[rows], data.labels[rows], []
        for start in range(0, len(rows), batch_size):
            batch = slice(start, start + batch_size)
            scores = training.model(inputs[batch])
            value = loss(scores, labels[batch])
            total += _update(training, value) * len(scores)
            seen.append(scores.detach())
        hits += _hits(decide(torch.cat(seen)), labels)
    return Score(total / len(data.labels), hits / len(data.labels))


def _update(training: Training[Any], value: Tensor) -> float:
    """One step down the gradient of this loss, whose value is returned."""
    number = value.item()
    if not math.isfinite(number):
        raise FloatingPointError(
            f"the loss is {number} in epoch {len(training.history) + 1}; "
            "lower the learning rate, or look for parameters that are not finite"
        )
    training.optimizer.zero_grad()
    torch.autograd.backward(value)
    training.optimizer.step()
    training.scheduler.step()
    return number


def _hits(classes: Tensor, labels: Tensor) -> int:
    return int((classes == labels).sum())


def _check_schedule(training: Training[Any], epochs: int, updates: int) -> None:
    schedule, left = training.scheduler, (epochs - len(training.history)) * updates
    if isinstance(schedule, CosineAnnealingLR) and schedule.last_epoch + left > schedule.T_max:
        raise ValueError(
            f"the learning rate falls to its end at update {schedule.T_max} and then rises again, "
            f"but this training ends at update {schedule.last_epoch + left}; "
            f"make the schedule with T_max={schedule.last_epoch + left}"
        )


def _check_data(data: Data, name: str) -> None:
    if data.labels.ndim != 1 or data.labels.is_floating_point():
        raise ValueError(
            f"labels of {name} must be integers (S,), one per sample, got "
            f"{data.labels.dtype} {tuple(data.labels.shape)}"
        )
    if not 0 < len(data.inputs) == len(data.labels):
        raise ValueError(
            f"{name} must have one label per sample and at least one of them, got inputs "
            f"{tuple(data.inputs.shape)} and labels {tuple(data.labels.shape)}"
        )
