"""Backend ``eventprop_exact``: LIF and LI event by event in closed form, exact gradients.

Between arrivals the equations of ``snn_neurons.lif`` are solved in closed form, every crossing of
the threshold is found (``kernels.closed_form.first_crossing``), and the gradient is the adjoint on
the events (``kernels.sweep``): true derivatives of spike times, ends and readouts with respect to
weights, delays, input times, parameters and the start. Spikes that appear or vanish are jumps that
no derivative sees.

Source: Wunderlich and Pehle, "Event-based backpropagation can compute exact gradients for spiking
neural networks", Scientific Reports 11, 2021.
"""

from __future__ import annotations

import functools
import math

import torch
from snn_core import Backend, Events, Output, Problem, RecurrentState
from snn_neurons.li import LI
from torch import Tensor

from snn_eventprop.engine.running import (
    MAX_SPIKES,
    VDOT_MIN_RECORDED,
    check_problem,
    ends,
    neuron_state,
    run_engine,
    unfit,
)
from snn_eventprop.engine.sampling import silence
from snn_eventprop.membrane import Membrane


def exact(*, max_spikes: int = MAX_SPIKES, vdot_min: float | None = None) -> Backend:
    """The backend with settings of its own.

    Args:
        max_spikes: of one sample of a layer; more raise a RuntimeError. Nothing is cut off.
        vdot_min: least dV/dt at a spike in V/s, by which the gradient is divided. None: 0 for
            spikes that are computed, so that gradients are exact; 0.1 v_th / tau_mem for recorded
            ones, which the model may place where its membrane hardly rises, or falls.

    Returns:
        a Backend for ``snn.integrate(..., backend=...)`` and ``snn.Layer``.

    Raises:
        ValueError, TypeError: for a number out of range.

    >>> import snn_core as snn
    >>> x = Events.of(torch.tensor([[1e-3, 2e-3]]).double(), torch.tensor([[0, 1]]), (2,), 0.1)
    >>> weight = torch.tensor([[2.0, 3.0]]).double().requires_grad_()
    >>> out = snn.integrate("lif", x, weight=weight, backend=exact(max_spikes=100))
    >>> out.output.times
    tensor([[0.0056]], dtype=torch.float64, grad_fn=<EngineBackward>)
    >>> out.output.times.sum().backward()
    >>> weight.grad
    tensor([[-0.0013, -0.0010]], dtype=torch.float64)
    """
    if type(max_spikes) is not int:
        raise TypeError(f"max_spikes must be an integer, got {type(max_spikes).__name__}")
    if max_spikes < 1:
        raise ValueError(f"max_spikes must be at least 1, got {max_spikes}")
    if vdot_min is not None and not (math.isfinite(vdot_min) and vdot_min >= 0):
        raise ValueError(f"vdot_min must be a finite number of V/s, 0 or above, got {vdot_min}")
    run = functools.partial(_run, max_spikes=max_spikes, vdot_min=vdot_min)
    return Backend("eventprop_exact", None, supports, run, ("cpu",), delays=True)


def supports(problem: Problem) -> str | None:
    """LIF, with or without refractoriness, and LI, on Events."""
    if not isinstance(problem.x, Events):
        return "it takes Events: pass Events.of(...), or Events.from_grid(x, dt) of spikes"
    if problem.dt is not None:
        return "it goes from event to event and has no steps: leave dt out"
    if problem.record:
        return (
            "it has no grid for traces; the membrane of 'li' is a function of time, "
            "or take backend 'eventprop' on a grid"
        )
    return unfit(problem)


def _run(problem: Problem, *, max_spikes: int, vdot_min: float | None) -> Output:
    check_problem(problem)
    inputs: Events = problem.x
    weight = _weight(problem, inputs)
    inputs = inputs._replace(shape=(weight.shape[1],))
    recorded = None if problem.observed is None else problem.observed.z
    if problem.neuron is LI:
        recorded = silence(inputs)
    result = run_engine(
        problem,
        inputs,
        weight,
        recorded=recorded,
        max_spikes=max_spikes,
        vdot_min=least_slope(problem) if vdot_min is None else vdot_min,
    )
    state = ends(problem, result)
    nothing = problem.neuron.State(*(None for _ in problem.neuron.State._fields))
    if problem.neuron is LI:
        start = neuron_state(problem)
        output = Membrane(inputs, weight, problem.delay, problem.params, start)
        return Output(output, state, nothing)
    shape = tuple(state.v.shape[1:])
    spikes = Events(result.times, result.index, shape, inputs.duration)
    if problem.recurrent_weight is not None:
        state = RecurrentState(state, torch.zeros_like(state.v))
    return Output(spikes, state, nothing)


def _weight(problem: Problem, inputs: Events) -> Tensor:
    """The weight, or 1 from each channel to the neuron of the same place."""
    if problem.weight is not None:
        return problem.weight
    like = neuron_state(problem).v
    return torch.eye(math.prod(inputs.shape), dtype=like.dtype)


def least_slope(problem: Problem) -> float:
    """The default of ``vdot_min``, V/s."""
    if problem.observed is None:
        return 0.0
    v_th = torch.as_tensor(problem.params.v_th).abs().min()
    tau = torch.as_tensor(problem.params.tau_mem).max()
    return float(VDOT_MIN_RECORDED * v_th / tau)


EVENTPROP_EXACT = exact()
