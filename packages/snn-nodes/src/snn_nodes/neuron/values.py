"""Values of nodes: what may stand for one, and how a settings line shows it."""

from __future__ import annotations

import math
import numbers
from typing import Any

import torch
from snn_core.types import Value
from torch import Tensor


def checked_value(name: str, value: Value) -> Value:
    """A finite number as a float, a finite floating tensor as it is.

    Raises:
        ValueError, TypeError: it is neither.

    >>> checked_value("tau", 2)
    2.0
    """
    if isinstance(value, Tensor):
        _check_tensor(name, value)
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number or a tensor, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)


def checked_tau(name: str, tau: Value) -> Value:
    """A time constant in steps, above 1.

    Raises:
        ValueError, TypeError: it is none.
    """
    tau = checked_value(name, tau)
    if not bool((torch.as_tensor(tau) > 1).all()):
        raise ValueError(
            f"{name} is the membrane time constant in steps and must be above 1, got "
            f"{shown(tau)}; pass {name}=2.0"
        )
    return tau


def _check_tensor(name: str, value: Tensor) -> None:
    if not value.is_floating_point():
        raise TypeError(f"{name} must be floating point, got {value.dtype}; pass it as .float()")
    if not value.is_meta and not bool(value.isfinite().all()):
        raise ValueError(f"{name} must be finite, got a tensor with NaN or infinity")


def shown(value: Any) -> str:
    """A value as a settings line shows it: of a tensor, its shape if it is not one number."""
    if isinstance(value, Tensor):
        return f"{value.item():g}" if value.numel() == 1 else str(tuple(value.shape))
    return repr(value)
