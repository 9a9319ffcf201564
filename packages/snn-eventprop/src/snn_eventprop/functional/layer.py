"""Forward and backward of one layer of EventProp neurons, which two functions share."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from snn_core.types import Observed
from snn_neurons.functional.observables import HardwareObservables, align
from snn_neurons.lif import LIF
from torch import Tensor

from snn_eventprop.functional.adjoint import neuron_adjoint
from snn_eventprop.functional.euler import fire, integrate_between_spikes, integrate_current
from snn_eventprop.functional.notices import warn_of_clips, warn_of_traces
from snn_eventprop.functional.parameters import (
    Columns,
    EventPropParams,
    check_parameters,
    check_reset,
    check_stacked,
    column,
    columns,
    least_slope,
)
from snn_eventprop.functional.running import empty, in_columns, n_blocks, run_blocks
from snn_eventprop.kernels.compiling import Floats


class Constants(NamedTuple):
    """What a layer's kernels need beside its traces, each ``(B * N,)``.

    Args:
        steps: constants of the Euler steps.
        reset, threshold: in volts.
        floor: least slope of a spike times tau_mem, in volts.
    """

    steps: Columns
    reset: NDArray[Any]
    threshold: NDArray[Any]
    floor: Floats


def forward(
    ctx: Any, input: Tensor, params: EventPropParams, dt: float, hw_data: Any, vdot_min: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """Check the call, integrate, and keep for the backward what it needs."""
    check_stacked(input)
    neuron = LIF.Params(
        v_leak=params.leak,
        v_reset=params.reset,
        v_th=params.threshold,
        tau_syn=params.tau_syn,
        tau_mem=params.tau_mem,
    )
    check_parameters(LIF, neuron, dt, input[0])
    x, observed = align(input[0], HardwareObservables.of(hw_data), LIF.observes)
    constants = _constants(params, dt, vdot_min, observed is not None, x)
    traces = _simulated(x, constants) if observed is None else _recorded(x, observed, constants)
    check_current(traces[2])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*traces)
    ctx.constants, ctx.recorded, ctx.shape = constants, observed is not None, input.shape
    return traces


def backward(
    ctx: Any,
    grad_spikes: Tensor | None,
    grad_membrane: Tensor | None,
    grad_current: Tensor | None,
) -> Tensor | None:
    """Gradient of the stacked input; rows that were cut off get zeros."""
    warn_of_traces((grad_membrane, grad_current))
    if not ctx.needs_input_grad[0]:
        return None
    traces: tuple[Tensor, ...] = ctx.saved_tensors
    if grad_spikes is None:
        return traces[0].new_zeros(ctx.shape)
    grad = empty(ctx.shape, grad_spikes.dtype)
    grad[:, len(grad_spikes) - 1 :] = 0.0
    constants: Constants = ctx.constants
    n_clipped = np.zeros(n_blocks(traces[0]), np.int64)
    run_blocks(
        neuron_adjoint,
        grad_spikes,
        *map(in_columns, (grad_spikes, *traces)),
        *constants.steps,
        constants.reset,
        constants.threshold,
        constants.floor,
        ctx.recorded,
        *map(in_columns, grad[:, : len(grad_spikes)]),
        n_clipped,
    )
    ctx.n_clipped = int(n_clipped.sum())
    if constants.floor.any():
        warn_of_clips(ctx.n_clipped)
    return grad


def check_current(current: Tensor) -> None:
    """The current is finite at the end, and so then was every input: neither NaN nor inf decays.

    Raises:
        ValueError: it is not.
    """
    if not bool(current[-1].isfinite().all()):
        raise ValueError(
            "the input holds NaN or infinite values, or its sum grew beyond the dtype; look at "
            "the weights and at what the layer before returned"
        )


def _constants(
    params: EventPropParams, dt: float, vdot_min: Any, recorded: bool, like: Tensor
) -> Constants:
    reset, threshold = column(params.reset, like), column(params.threshold, like)
    check_reset(reset, threshold)
    floor = least_slope(vdot_min, params, recorded, like)
    steps = columns(params.tau_mem, params.tau_syn, params.leak, dt, like)
    return Constants(steps, reset, threshold, floor)


def _simulated(x: Tensor, constants: Constants) -> tuple[Tensor, Tensor, Tensor]:
    """Spikes, membrane and current of the model."""
    z, v, i = (empty(x.shape, x.dtype) for _ in range(3))
    steps = constants.steps
    run_blocks(
        fire,
        x,
        in_columns(x),
        steps.mem_rate,
        steps.syn_keep,
        steps.leak,
        constants.reset,
        constants.threshold,
        *map(in_columns, (z, v, i)),
    )
    return z, v, i


def _recorded(x: Tensor, observed: Observed, constants: Constants) -> tuple[Tensor, Tensor, Tensor]:
    """Recorded spikes and membrane, and the model's current; what was not recorded follows.

    Records are copied: the caller's tensors do not become part of the graph.
    """
    z = None if observed.z is None else _binary(cast(Tensor, observed.z))
    i = empty(x.shape, x.dtype)
    run_blocks(integrate_current, x, in_columns(x), constants.steps.syn_keep, in_columns(i))
    if observed.v is None:
        v = _between(cast(Tensor, z), i, constants)
    else:
        v = observed.v.detach().clone()
    if z is None:
        threshold = torch.from_numpy(constants.threshold).reshape(v.shape[1:])
        z = (v > threshold).to(v.dtype)
    return z, v, i


def _between(z: Tensor, i: Tensor, constants: Constants) -> Tensor:
    """The model's membrane, reset by recorded spikes."""
    v = empty(i.shape, i.dtype)
    run_blocks(
        integrate_between_spikes,
        i,
        *map(in_columns, (i, z)),
        constants.steps.mem_rate,
        constants.steps.leak,
        constants.reset,
        in_columns(v),
    )
    return v


def _binary(spikes: Tensor) -> Tensor:
    """A copy of recorded spikes that are spikes."""
    z = spikes.detach().clone(memory_format=torch.contiguous_format)
    wrong = (z != 0) & (z != 1)
    if bool(wrong.any()):
        raise ValueError(
            f"recorded spikes must be 0 or 1, got {z[wrong][0].item()}; two spikes in a step have "
            f"one time: clip them to 1, or take a shorter dt"
        )
    return z
