"""Parameters of the EventProp functions: by name, checked, and spread over the columns."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from snn_core import checking
from snn_core.types import Neuron, Value
from torch import Tensor

from snn_eventprop.functional.running import DTYPES
from snn_eventprop.kernels.compiling import Floats

DEFAULT_FLOOR = 0.1
"""With recorded spikes, the least slope is this part of threshold / tau_mem."""


class EventPropParams(NamedTuple):
    """Parameters of ``EventPropNeuron``: numbers, 0-d tensors or tensors ``(*N,)``.

    Args:
        leak, reset, threshold: in volts.
        tau_syn, tau_mem: in seconds.
    """

    leak: Value
    reset: Value
    threshold: Value
    tau_syn: Value
    tau_mem: Value

    @classmethod
    def of(cls, obj: Any) -> EventPropParams:
        """The parameters of anything that has attributes of these names.

        Raises:
            TypeError: one of them is missing.

        >>> from types import SimpleNamespace
        >>> EventPropParams.of(SimpleNamespace(leak=0.0, threshold=1.0))
        Traceback (most recent call last):
        TypeError: params need leak, reset, threshold, tau_syn, tau_mem; this SimpleNamespace has
        no reset, tau_syn, tau_mem: pass an EventPropParams(...)
        """
        missing = [name for name in cls._fields if not hasattr(obj, name)]
        if missing:
            raise TypeError(
                f"params need {', '.join(cls._fields)}; this {type(obj).__name__} has no "
                f"{', '.join(missing)}: pass an EventPropParams(...)"
            )
        return cls(*(getattr(obj, name) for name in cls._fields))


class Columns(NamedTuple):
    """Constants of the Euler steps, one a column (a neuron of a sample), in the input's dtype.

    Args:
        mem_rate, syn_rate: dt over the time constant.
        syn_keep: what a step leaves of the current, 1 - dt / tau_syn.
        leak: in volts.
        tau_syn: in seconds.
    """

    mem_rate: NDArray[Any]
    syn_rate: NDArray[Any]
    syn_keep: NDArray[Any]
    leak: NDArray[Any]
    tau_syn: NDArray[Any]


def column(value: Value, like: Tensor) -> NDArray[Any]:
    """A parameter as ``(B * N,)`` in the dtype of ``like (T, B, *N)``.

    >>> column(torch.tensor([1.0, 2.0]), torch.zeros(3, 2, 2))
    array([1., 2., 1., 2.], dtype=float32)
    """
    tensor = torch.as_tensor(value, dtype=like.dtype).detach()
    spread: NDArray[Any] = tensor.expand(like.shape[1:]).contiguous().reshape(-1).numpy()
    return spread


def columns(tau_mem: Value, tau_syn: Value, leak: Value, dt: float, like: Tensor) -> Columns:
    """The constants of the steps, rounded as torch rounds them in ``snn_neurons.terms``."""
    rates = dt / tau_mem, dt / tau_syn, 1 - dt / tau_syn
    return Columns(*(column(value, like) for value in (*rates, leak, tau_syn)))


def check_stacked(input: Tensor) -> None:
    """The input is ``(2, T, B, *N)``, float32 or float64, in main memory.

    Raises:
        ValueError, TypeError: it is not.
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"input must be a Tensor (2, T, B, N), got {type(input).__name__}")
    if input.ndim < 4 or input.shape[0] != 2 or input.shape[1] == 0:
        raise ValueError(
            f"expected an input of shape (2, T, B, N), T > 0, as EventPropSynapseFunction makes "
            f"it, got {tuple(input.shape)}; stack x (T, B, N) with torch.zeros_like(x)"
        )
    if input.dtype not in DTYPES:
        raise TypeError(
            f"input is {input.dtype}; EventProp needs torch.float32 or torch.float64: convert it"
        )
    if input.device.type != "cpu" or input.layout != torch.strided:
        raise ValueError(
            f"input is {input.layout} on {input.device}; these functions run on dense tensors in "
            f"main memory: pass input.to('cpu')"
        )


def check_parameters(neuron: Neuron, params: Any, dt: float | None, like: Tensor) -> None:
    """dt and params are as ``integrate`` wants them for the layer of ``like (T, B, *N)``.

    Raises:
        ValueError, TypeError: they are not.
    """
    if dt is None:
        raise TypeError("dt must be a number of seconds, got None; pass dt=1e-6")
    checking.check_step_size(dt)
    checking.check_params(neuron, params, tuple(like.shape[2:]), like, dt)


def check_reset(reset: NDArray[Any], threshold: NDArray[Any]) -> None:
    """A neuron is below threshold after a spike, or there is no next spike time."""
    if bool((reset >= threshold).any()):
        first = int(np.argmax(reset >= threshold))
        raise ValueError(
            f"reset must lie below threshold, got {reset[first]:g} and {threshold[first]:g} V; a "
            f"neuron that is not below threshold after a spike has no next crossing"
        )


def least_slope(
    vdot_min: float | None, params: EventPropParams, recorded: bool, like: Tensor
) -> Floats:
    """tau_mem * vdot_min in volts, ``(B * N,)``: the least slope of a spike times tau_mem.

    Args:
        vdot_min: in V/s; None: 0 in simulation, ``DEFAULT_FLOOR * threshold / tau_mem`` for
            recorded spikes.
        recorded: whether the spikes are recorded ones.

    Raises:
        ValueError: it is negative, not finite, or 0 where spikes are recorded: recorded spikes may
            have any slope in the model, and it is divided by.
        TypeError: it is no number.
    """
    if vdot_min is None:
        floor = DEFAULT_FLOOR * column(params.threshold, like) if recorded else column(0.0, like)
    elif isinstance(vdot_min, bool) or not isinstance(vdot_min, int | float):
        raise TypeError(f"vdot_min must be a number in V/s, got {type(vdot_min).__name__}")
    elif not (math.isfinite(vdot_min) and vdot_min >= 0):
        raise ValueError(f"vdot_min must be finite and not negative, got {vdot_min} (V/s)")
    else:
        floor = vdot_min * column(params.tau_mem, like)
    if recorded and bool((floor <= 0).any()):
        raise ValueError(
            "with recorded spikes vdot_min must be above 0 V/s; its default, 0.1 threshold / "
            "tau_mem, is not for a threshold that is not: pass vdot_min=..."
        )
    return floor.astype(np.float64)
