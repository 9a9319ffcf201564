"""Decisions: the class that a network's scores stand for, one rule a function."""

from __future__ import annotations

from torch import Tensor

UNDECIDED = -1
"""The class of a sample that says nothing; it is nobody's label, so it counts as an error."""


def most_likely(scores: Tensor) -> Tensor:
    """The class of the largest score; the first of equal ones.

    Args:
        scores: ``(B, C)``.

    Returns:
        classes ``(B,)``, int64.

    >>> import torch
    >>> most_likely(torch.tensor([[0.1, 0.9], [0.7, 0.3]])).tolist()
    [1, 0]
    """
    return scores.argmax(1)


def earliest(times: Tensor) -> Tensor:
    """The class whose output neuron fires first; the first of equal ones.

    Args:
        times: first spike times ``(B, C)`` in seconds, inf for a silent neuron.

    Returns:
        classes ``(B,)``, int64; -1 where every output is silent, which is an error whatever the
        label.

    Source: Wunderlich and Pehle, "Event-based backpropagation can compute exact gradients for
    spiking neural networks" (2021), Scientific Reports 11, section "Yin-Yang dataset".

    >>> import torch
    >>> earliest(torch.tensor([[0.2, 0.1], [torch.inf, 0.3], [torch.inf, torch.inf]])).tolist()
    [1, 1, -1]
    """
    first = times.min(1)
    return first.indices.masked_fill(first.values.isinf(), UNDECIDED)
