"""The TTFS cross entropy in torch, for the peers that have none of this form."""

from __future__ import annotations

import torch
from problem import ALPHA, TAU0, TAU1
from torch import Tensor


def ttfs(first: Tensor, labels: Tensor, end: float) -> Tensor:
    """The mean over the batch of first spike times ``(B, 3)`` in seconds; silent from ``end`` on.

    Silent outputs leave the softmax; a sample whose label is silent adds nothing.
    """
    fired = first < end
    scores = (-first / TAU0).masked_fill(~fired, -torch.inf)
    wanted = labels[:, None]
    heard = fired.gather(1, wanted)[:, 0]
    own = first.gather(1, wanted)[heard, 0]
    crossed = torch.nn.functional.cross_entropy(scores[heard], labels[heard], reduction="sum")
    return (crossed + ALPHA * torch.expm1(own / TAU1).sum()) / len(labels)
