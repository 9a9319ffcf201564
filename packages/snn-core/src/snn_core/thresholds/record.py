"""Threshold: the record, and the one autograd function that gives spikes their surrogate gradient.

A surrogate gradient replaces the derivative of the step function, which is zero almost
everywhere, by a smooth one (Neftci, Mostafa and Zenke, IEEE Signal Processing Magazine 36(6),
2019, eq. 7 ff.).
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Formula = Callable[[Tensor, float], Tensor]


class _Spike(torch.autograd.Function):
    """Forward the step function, backward the threshold's derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, threshold: Threshold) -> Tensor:
        fired = x > 0 if threshold.strict else x >= 0
        return fired.to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Threshold], output: Tensor) -> None:
        x, ctx.threshold = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grad * ctx.threshold.derivative(x, ctx.threshold.alpha), None


# ``apply`` asks for forward's signature at every call; ready-made, that is a third of its time.
_Spike.forward.__signature__ = inspect.signature(_Spike.forward)  # type: ignore[attr-defined]


@dataclasses.dataclass(frozen=True)
class Threshold:
    """A named threshold: ``threshold(v - v_th)`` gives spikes with a surrogate gradient.

    Args:
        name: canonical name, as registered.
        derivative: ``(x, alpha) -> slope``, what backward multiplies by; finite for any finite x.
        primitive: ``(x, alpha) -> value``, the function whose true derivative that is; it takes
            the spike's place where gradients are checked against differences.
        alpha: sharpness, width or amplitude, as the formula says. A registered record holds its
            default. Thresholds without one ignore it.
        strict: fires where ``x > 0`` if true, where ``x >= 0`` if not.

    >>> import torch
    >>> from snn_core.thresholds import SUPER_SPIKE
    >>> SUPER_SPIKE(torch.tensor([-0.1, 0.0, 0.1]))
    tensor([0., 0., 1.])
    >>> x = torch.tensor(0.02, requires_grad=True)
    >>> SUPER_SPIKE(x).backward()
    >>> x.grad
    tensor(0.2500)
    """

    name: str
    derivative: Formula
    primitive: Formula
    alpha: float = 1.0
    strict: bool = True

    def __call__(self, x: Tensor) -> Tensor:
        """Spikes, 0 or 1 in the dtype of x, for ``x = v - v_th`` in volts, of any shape."""
        if not isinstance(x, Tensor):
            raise TypeError(
                f"threshold {self.name!r} takes a tensor (v - v_th), got {type(x).__name__}"
            )
        if not x.is_floating_point():
            raise TypeError(
                f"threshold {self.name!r} takes a floating-point tensor (v - v_th), got {x.dtype}; "
                f"convert it first, for instance with x.float()"
            )
        spikes: Tensor = _Spike.apply(x, self)  # type: ignore[no-untyped-call]
        return spikes

    def with_alpha(self, alpha: float | Tensor) -> Threshold:
        """The same formula with another alpha: a finite number above 0, or a 0-d tensor of one.

        >>> from snn_core.thresholds import ATAN
        >>> ATAN.with_alpha(3).alpha
        3.0
        """
        return dataclasses.replace(self, alpha=_positive_number(self.name, alpha))

    def with_strictness(self, strict: bool) -> Threshold:
        """The same formula firing at ``x > 0`` (True) or at ``x >= 0`` (False).

        >>> import torch
        >>> from snn_core.thresholds import ATAN
        >>> ATAN(torch.zeros(1)), ATAN.with_strictness(False)(torch.zeros(1))
        (tensor([0.]), tensor([1.]))
        """
        return dataclasses.replace(self, strict=strict)

    def smooth(self, x: Tensor) -> Tensor:
        """The primitive at this alpha: what takes the spike's place in a gradient check.

        >>> import torch
        >>> from snn_core.thresholds import SIGMOID
        >>> SIGMOID.smooth(torch.zeros(1))
        tensor([0.5000])
        """
        return self.primitive(x, self.alpha)


def _positive_number(name: str, alpha: float | Tensor) -> float:
    if isinstance(alpha, bool | str) or (isinstance(alpha, Tensor) and alpha.numel() != 1):
        given = tuple(alpha.shape) if isinstance(alpha, Tensor) else repr(alpha)
        raise TypeError(
            f"alpha of threshold {name!r} must be one number, got {given}; pass alpha=50.0"
        )
    if isinstance(alpha, Tensor) and alpha.requires_grad:
        raise TypeError(
            f"alpha of threshold {name!r} gets no gradient; pass alpha.detach() or a number"
        )
    number = float(alpha)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(
            f"alpha of threshold {name!r} must be finite and above 0, got {number}; pass alpha=50.0"
        )
    return number
