"""The records of a data set: inputs with their labels, and the three splits of a task."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Dataset(NamedTuple):
    """Samples and their classes; rows belong together.

    Args:
        inputs: ``(S, *F)``, S samples of features.
        labels: ``(S,)``, int64 class of each sample, from 0.

    >>> Dataset(torch.zeros(3, 4), torch.tensor([0, 1, 1])).labels.bincount().tolist()
    [1, 2]
    """

    inputs: Tensor
    labels: Tensor

    def to(self, device: torch.device | str) -> Dataset:
        """The same samples on another device."""
        return Dataset(self.inputs.to(device), self.labels.to(device))


class Splits(NamedTuple):
    """One data set in three parts that share no sample.

    Args:
        train: the optimiser sees it.
        validation: settings are chosen on it.
        test: measured once, at the end, and nothing is chosen on it.
    """

    train: Dataset
    validation: Dataset
    test: Dataset

    def to(self, device: torch.device | str) -> Splits:
        """The same samples on another device.

        >>> part = Dataset(torch.zeros(3, 4), torch.tensor([0, 1, 1]))
        >>> Splits(part, part, part).to("meta").validation.labels.device
        device(type='meta')
        """
        return Splits(*(part.to(device) for part in self))
