"""Schedules: how long to train, and how the learning rate falls."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler


class Schedule(NamedTuple):
    """A learning rate that falls along a cosine to 0 at the last update.

    Args:
        epochs: passes over the training data.
        batch_size: samples per update.
        learning_rate: of Adam at the start.
    """

    epochs: int
    batch_size: int
    learning_rate: float

    def scheduler(self, optimizer: Optimizer, updates_per_epoch: int) -> LRScheduler:
        """The scheduler of a training; it is stepped after every update.

        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> Schedule(3, 10, 0.1).scheduler(optimizer, updates_per_epoch=4).T_max
        12
        """
        return CosineAnnealingLR(optimizer, T_max=self.epochs * updates_per_epoch)


class DecaySchedule(NamedTuple):
    """A learning rate that falls by a factor after every epoch but the first.

    Args:
        epochs: passes over the training data.
        batch_size: samples per update.
        learning_rate: of Adam in the first two epochs.
        decay: factor of every further epoch.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    decay: float

    def scheduler(self, optimizer: Optimizer, updates_per_epoch: int) -> LRScheduler:
        """The scheduler of a training; it is stepped after every update.

        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> DecaySchedule(3, 10, 0.1, decay=0.5).scheduler(optimizer, updates_per_epoch=4).factor
        0.5
        """
        return EpochDecay(optimizer, self.decay, updates_per_epoch)


class EpochDecay(LRScheduler):
    """Multiplies the learning rate by a factor after every epoch but the first.

    Args:
        optimizer: whose rates it sets.
        factor: of one epoch.
        updates_per_epoch: steps of the scheduler that make an epoch.

    Source: the program published with Wunderlich and Pehle (2021), Scientific Reports 11, 12829.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler, rates = EpochDecay(optimizer, 0.5, updates_per_epoch=2), []
    >>> for _ in range(8):
    ...     rates.append(optimizer.param_groups[0]["lr"])
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(self, optimizer: Optimizer, factor: float, updates_per_epoch: int) -> None:
        self.factor = factor
        self.updates_per_epoch = updates_per_epoch
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        """The rate of each group for the next update."""
        epoch, rest = divmod(self.last_epoch, self.updates_per_epoch)
        factor = self.factor if rest == 0 and epoch >= 2 else 1.0
        return [factor * group["lr"] for group in self.optimizer.param_groups]
