"""Checks of what goes in: x, weights, dt; and what a check may look at."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from snn_core.events import Events


def check_step_size(dt: float | None) -> None:
    """dt is None (for backends that take none) or a number of seconds above 0."""
    if dt is None:
        return
    if isinstance(dt, bool) or not isinstance(dt, int | float):
        raise TypeError(f"dt must be a number of seconds, got {type(dt).__name__}; pass dt=1e-3")
    if not (math.isfinite(dt) and dt > 0):
        raise ValueError(f"dt must be above 0 seconds, got {dt}; pass dt=1e-3")


def check_input(x: Tensor | Events, weight: Tensor | None, dt: float | None) -> None:
    """x is ``(T, B, *N)`` and floating, or counts with a weight, or Events; it fits the weight.

    Events fit dt too: they last a whole number of steps.
    """
    if isinstance(x, Events):
        _check_events(x, weight)
        if dt is not None:
            x.steps(dt)
        return
    if not isinstance(x, Tensor):
        raise TypeError(f"x must be a Tensor or Events, got {type(x).__name__}")
    if x.layout != torch.strided or x.is_complex():
        raise TypeError(f"x must be dense and real, got {x.layout} of {x.dtype}; use x.to_dense()")
    expected = "(T, B, N)"
    if weight is not None:
        expected += f" with N = {weight.shape[1]} (weight is {tuple(weight.shape)})"
    given = tuple(x.shape)
    if x.ndim == 2:
        raise ValueError(
            f"expected x of shape {expected}, got {given}; time comes first, then the batch: "
            f"add a batch of one with x.unsqueeze(1)"
        )
    wrong = x.ndim < 3 or (weight is not None and (x.ndim != 3 or x.shape[2] != weight.shape[1]))
    if wrong:
        raise ValueError(f"expected x of shape {expected}, got {given}")
    if x.shape[0] == 0:
        raise ValueError(f"x has no time steps, its shape is {given}; T must be at least 1")
    if weight is None and not x.is_floating_point():
        raise TypeError(
            f"x is {x.dtype}; without a weight it must be floating point: pass x.float()"
        )
    if weight is not None:
        # Counts take the weight's dtype; under autocast a product takes any.
        counts = not x.is_floating_point()
        check_same("x", x, weight, dtype=not (counts or _autocasts(x.device.type)))
        if counts:
            _check_countable(x, weight.dtype)


def _check_countable(x: Tensor, dtype: torch.dtype) -> None:
    """Half precision has the integers up to 256 or 2048 only; single up to 16 millions."""
    most, values = 2 / torch.finfo(dtype).eps, readable(x)
    if x.dtype == torch.bool or values is None or values.numel() == 0:
        return
    low, high = (extreme.item() for extreme in torch.aminmax(values))
    if max(-low, high) > most:
        raise ValueError(
            f"x counts to {max(-low, high)}, and the weight's {dtype} holds whole numbers up to "
            f"{most:g} only; take a weight of torch.float32"
        )


def _autocasts(device: str) -> bool:
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def _check_events(x: Events, weight: Tensor | None) -> None:
    x.check()
    if weight is None:
        return
    if x.shape != (weight.shape[1],):
        raise ValueError(
            f"expected events of a layer of shape ({weight.shape[1]},) "
            f"(weight is {tuple(weight.shape)}), got {x.shape}"
        )
    check_same("x.times", x.times, weight, dtype=False)


def check_weight(name: str, weight: Tensor | None, shape: tuple[int, int] | None = None) -> None:
    """A weight is a finite floating-point matrix ``(N_out, N_in)``; ``shape`` if that is known."""
    if weight is None:
        return
    if not isinstance(weight, Tensor):
        raise TypeError(f"{name} must be a Tensor, got {type(weight).__name__}")
    if not weight.is_floating_point():
        raise TypeError(f"{name} must be floating point, got {weight.dtype}; pass {name}.float()")
    if weight.ndim != 2 or (shape is not None and tuple(weight.shape) != shape):
        expected = "(N_out, N_in)" if shape is None else str(shape)
        raise ValueError(f"expected {name} of shape {expected}, got {tuple(weight.shape)}")
    # A finite sum proves finite entries at a fraction of the cost; an infinite one proves nothing.
    values = readable(weight)
    if (
        values is not None
        and not bool(values.sum().isfinite())
        and not bool(values.isfinite().all())
    ):
        count = int((~values.isfinite()).sum())
        raise ValueError(
            f"{name} holds {count} entries that are NaN or infinite; find where they come from "
            f"(a learning rate too high?) before going on"
        )


def check_recurrent_weight(weight: Tensor | None, shape: tuple[int, ...], like: Tensor) -> None:
    """A recurrent weight is ``(N, N)`` for a layer of one axis, in the layer's dtype."""
    if weight is None:
        return
    if len(shape) != 1:
        raise ValueError(
            f"a recurrent weight needs neurons in one axis, these have the shape {shape}; "
            f"flatten x to (T, B, {math.prod(shape)})"
        )
    check_weight("recurrent_weight", weight, (shape[0], shape[0]))
    check_same("recurrent_weight", weight, like)


def readable(tensor: Tensor) -> Tensor | None:
    """The values behind a tensor, if a check may look: not on meta, nor while torch traces."""
    if torch.compiler.is_compiling() or tensor.is_meta or is_in_torch_dispatch_mode():
        return None
    return torch.func.debug_unwrap(tensor.detach())


def check_same(name: str, tensor: Tensor, like: Tensor, *, dtype: bool = True) -> None:
    """A tensor is on the layer's device and, if asked, of its dtype."""
    if dtype and tensor.dtype != like.dtype:
        raise TypeError(
            f"{name} is {tensor.dtype}, the layer {like.dtype}; convert one with .to({like.dtype})"
        )
    if tensor.device != like.device:
        raise ValueError(
            f"{name} is on {tensor.device}, the layer on {like.device}; move one with .to(...)"
        )
