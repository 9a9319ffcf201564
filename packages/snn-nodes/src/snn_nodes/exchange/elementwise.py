"""Scale and Threshold: the elementwise kinds of NIR as modules."""

from __future__ import annotations

from snn_core import lookup
from snn_core.thresholds import Threshold as Surrogate
from torch import Tensor, nn


class Scale(nn.Module):
    """``x * scale``, elementwise; it knows nothing of time.

    Args:
        scale: ``(*N,)`` or one number; a buffer.

    >>> import torch
    >>> Scale(torch.tensor([1.0, 2.0]))(torch.ones(5, 1, 2))[0]
    tensor([[1., 2.]])
    """

    scale: Tensor

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """``(..., *N)`` to ``(..., *N)``."""
        return x * self.scale


class Threshold(nn.Module):
    """1 where ``x > threshold``, else 0; it has no state, so nothing is reset.

    Args:
        level: ``(*N,)`` or one number; a buffer.
        surrogate: name or record of a threshold, for its gradient.

    >>> import torch
    >>> Threshold(torch.tensor([1.0, 2.0]))(torch.full((1, 2), 1.5))
    tensor([[1., 0.]])
    """

    level: Tensor

    def __init__(self, level: Tensor, surrogate: str | Surrogate = "super_spike") -> None:
        super().__init__()
        self.register_buffer("level", level.detach().clone())
        self.surrogate = lookup.threshold(surrogate)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., *N)`` to ``(..., *N)``."""
        return self.surrogate(x - self.level)

    def extra_repr(self) -> str:
        """The surrogate."""
        return f"surrogate={self.surrogate.name}(alpha={self.surrogate.alpha:g})"
