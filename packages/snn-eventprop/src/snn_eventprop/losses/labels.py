"""The check of class labels that every loss on them makes before any work."""

from __future__ import annotations

import torch
from torch import Tensor


def check_form(labels: Tensor, n_batch: int) -> None:
    """Raise unless labels is an int64 tensor ``(n_batch,)``.

    Raises:
        TypeError, ValueError: what was given and how to mend it.

    >>> check_form(torch.zeros(3), 3)
    Traceback (most recent call last):
    TypeError: labels must be torch.int64, got torch.float32; pass labels.long()
    """
    if not isinstance(labels, Tensor):
        raise TypeError(f"labels must be a Tensor, got {type(labels).__name__}")
    if labels.dtype != torch.int64:
        raise TypeError(f"labels must be torch.int64, got {labels.dtype}; pass labels.long()")
    if labels.shape != (n_batch,):
        raise ValueError(
            f"labels must be ({n_batch},), one for each sample, got {tuple(labels.shape)}"
        )
    if n_batch == 0:
        raise ValueError("the mean over a batch needs at least one sample, got none")


def check_range(labels: Tensor, n_classes: int) -> None:
    """Raise unless every label is the number of an output neuron.

    Raises:
        ValueError: names the first that is not.

    >>> check_range(torch.tensor([0, 3]), 3)
    Traceback (most recent call last):
    ValueError: label 3 does not fit 3 output neurons, 0 to 2
    """
    outside = (labels < 0) | (labels >= n_classes)
    if bool(outside.any()):
        raise ValueError(
            f"label {labels[outside][0].item()} does not fit {n_classes} output neurons, "
            f"0 to {n_classes - 1}"
        )
