"""Checks of one value, a parameter or a delay: a number or a tensor that broadcasts, in a range."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from snn_core.checking.tensors import check_same, readable
from snn_core.types import Quantity, Value


def check_value(
    label: str, value: object, shape: tuple[int, ...], like: Tensor, place: str, expected: str
) -> None:
    """value is a number, or a real tensor in the layer's dtype that broadcasts to ``shape``.

    ``place`` says whose shape that is, ``expected`` what tensor would have been right.
    """
    if not isinstance(value, Tensor):
        check_number(label, value)
        return
    given = tuple(value.shape)
    if not _broadcasts(given, shape):
        raise ValueError(
            f"{label} of shape {given} does not broadcast to {place} {shape}; "
            f"pass a number, or a tensor of shape {expected}"
        )
    if value.dtype == torch.bool or value.is_complex():
        raise TypeError(f"{label} must be real numbers, got {value.dtype}")
    if value.ndim:  # a tensor without axes is a number: it changes no dtype and needs no device
        check_same(label, value, like)


def check_number(label: str, value: object) -> None:
    """value is a Python number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{label} must be a number or a Tensor, got {type(value).__name__}")


def check_range(name: str, extremes: Iterable[float], quantity: Quantity) -> None:
    """The extremes of a value are finite and where its quantity has them."""
    unit = {"s": " (seconds)", "": ""}.get(quantity.unit, f" ({quantity.unit})")
    for given in extremes:
        if not math.isfinite(given):
            raise ValueError(f"{name} must be finite, got {given}{unit}")
        if quantity.positive and given <= 0:
            mend = f"; pass {name}={-given}" if given < 0 else ""
            raise ValueError(f"{name} must be positive, got {given}{unit}{mend}")
        if quantity.nonnegative and given < 0:
            raise ValueError(f"{name} must not be negative, got {given}{unit}")


def extremes_of(value: Value) -> tuple[float, ...]:
    """The least and the greatest value; NaN if there is one; nothing where one must not look."""
    if not isinstance(value, Tensor):
        return (float(value),)
    values = readable(value)
    if values is None or values.numel() == 0:
        return ()
    low, high = torch.aminmax(values)
    return (low.item(), high.item())


def _broadcasts(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(given) <= len(shape) and all(
        size in (1, wanted) for size, wanted in zip(reversed(given), reversed(shape), strict=False)
    )
