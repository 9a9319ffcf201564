"""From tensors and numbers to the arrays of the kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from snn_core import Events, Value
from torch import Tensor

from snn_eventprop.kernels.compiling import Floats, Ints
from snn_eventprop.kernels.layers import Cells, Synapses, Trains

VDOT_MIN_RECORDED = 0.1
"""Least dV/dt at recorded spikes unless told otherwise, in thresholds per tau_mem."""


class Constants(NamedTuple):
    """The parameters of the neurons in the order of the kernels; each a number or ``(N,)``."""

    tau_mem: Value
    tau_syn: Value
    v_th: Value
    v_reset: Value
    v_leak: Value
    refractory_time: Value


class Start(NamedTuple):
    """The state at the start, each ``(B, N)``; ``held`` is the refractory time that is left."""

    v: Tensor
    i: Tensor
    held: Tensor | None


def numbers(tensor: Tensor) -> Floats:
    """The values of a tensor in double precision; its own memory if it has it so."""
    array: Floats = tensor.detach().double().contiguous().numpy()
    return array


def as_stored(duration: float, dtype: torch.dtype) -> float:
    """The end of a recording: not after what its times are compared with in their precision."""
    return min(duration, float(np.float32(duration))) if dtype == torch.float32 else duration


def trains(events: Events) -> Trains:
    """The events of a batch."""
    return Trains(numbers(events.times), events.index.contiguous().numpy())


def projection(weight: Tensor | None, delay: Value | None, n_out: int) -> Synapses:
    """Weights with a row for each source, and their delays; without rows if there is no weight.

    ``weight`` is ``(N, R)``, or ``(B, R, N)`` if each sample has its own.
    """
    if weight is None:
        return Synapses(np.empty((1, 0, n_out)), np.empty((0, 0)))
    if weight.ndim == 3:
        return Synapses(numbers(weight), np.empty((0, weight.shape[1])))
    return Synapses(numbers(weight.t())[None], _delays(delay, *weight.shape))


def _delays(delay: Value | None, n_out: int, n_in: int) -> Floats:
    """(1, n_in) if all neurons have the same, (n_out, n_in) if not, or no rows."""
    if delay is None:
        return np.empty((0, n_in))
    if not isinstance(delay, Tensor):
        return np.full((1, n_in), float(delay))
    alike = delay.ndim < 2 or delay.shape[0] == 1
    return numbers(delay.expand(1 if alike else n_out, n_in))


def cells(constants: Constants, start: Start, duration: float) -> Cells:
    """The neurons; each constant is a number or has the shape ``(N,)``."""
    n_batch, n = start.v.shape
    params = np.empty((len(constants), n))
    for row, value in zip(params, constants, strict=True):
        if not isinstance(value, Tensor):
            row[:] = value
        elif value.numel() == 1:
            row[:] = value.item()
        else:
            row[:] = numbers(value)
    begin = np.zeros((n_batch, 3, n))
    for place, field in enumerate(start):
        if field is not None:
            begin[:, place] = field.detach().numpy()
    return Cells(params, all(_is_one(tau) for tau in constants[:2]), begin, duration)


def _is_one(value: Value) -> bool:
    return not isinstance(value, Tensor) or value.numel() == 1


def order_of_delivery(delay: Floats) -> Ints:
    """(R, N), for each source the neurons by delay; of no rows where all have the same."""
    if delay.shape[0] <= 1:
        return np.empty((0, 0), dtype=np.int64)
    ordered: Ints = np.ascontiguousarray(delay.argsort(axis=0, kind="stable").T)
    return ordered


def check_start(neurons: Cells) -> None:
    """Raise for values that the equations have no meaning for.

    Raises:
        ValueError: v_reset is not below v_th, or the start holds NaN, an infinity, or a negative
            refractory time.
    """
    _, _, v_th, v_reset, _, _ = neurons.params
    if not (v_th > v_reset).all():
        raise ValueError(
            f"v_reset must lie below v_th, or a reset would not end a spike, but v_th - v_reset "
            f"is {(v_th - v_reset).min():g} V"
        )
    if not np.isfinite(neurons.start).all():
        wrong = ~np.isfinite(neurons.start).all(axis=(0, 2))
        field = ("v", "i", "ref")[int(wrong.argmax())]
        raise ValueError(
            f"state.{field} holds NaN or an infinity; pass state=None to start at rest"
        )
    if neurons.start[:, 2].size and neurons.start[:, 2].min() < 0:
        raise ValueError(
            f"state.ref is the refractory time that is left, it must not be negative, "
            f"got {neurons.start[:, 2].min():g}"
        )


def floor_of_slopes(params: Floats, vdot_min: float | None, recorded: bool, single: bool) -> Floats:
    """The least dV/dt at a spike, (N,): ``vdot_min``, but above what rounding makes of zero.

    None stands for 0, and for 0.1 v_th/tau_mem of each neuron where spikes are recorded.
    """
    tau_mem, _, v_th, v_reset, v_leak, _ = params
    scale = np.maximum(np.abs(v_th - v_reset), np.abs(v_th - v_leak))
    rounding: Floats = np.finfo(np.float32 if single else np.float64).eps * scale / tau_mem
    if vdot_min is None:
        return np.maximum(rounding, VDOT_MIN_RECORDED * np.abs(v_th) / tau_mem if recorded else 0.0)
    return np.maximum(rounding, vdot_min)
