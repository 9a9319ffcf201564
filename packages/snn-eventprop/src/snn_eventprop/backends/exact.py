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
from typing import cast

import torch
from snn_core import Backend, Events, Output, Problem, RecurrentState
from snn_neurons.li import LI
from torch import Tensor

from snn_eventprop.backends.settings import MAX_SPIKES, Limits, checked_limits
from snn_eventprop.engine.running import (
    ends,
    input_weight,
    is_neuron,
    neuron_state,
    run_engine,
    spikes_of,
    unfit,
)
from snn_eventprop.engine.sampling import silence
from snn_eventprop.membrane import Membrane


def exact(*, max_spikes: int = MAX_SPIKES, vdot_min: float | None = None) -> Backend:
    """The backend with settings of its own.

    A neuron that starts at or above threshold, as one at rest does if v_leak is there, spikes at
    0, and nothing moves that spike. ``State.ref`` is in seconds here. Spikes that are on their way
    through a delay when the recording ends are not part of ``out.state``. Everything can be
    differentiated once, by autograd; not twice, nor by ``torch.func``.

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
    tensor([[0.0049]], dtype=torch.float64, grad_fn=<EngineBackward>)
    >>> out.output.times.sum().backward()
    >>> weight.grad
    tensor([[-0.0014, -0.0012]], dtype=torch.float64)
    """
    limits = checked_limits(max_spikes, vdot_min)
    run = functools.partial(_run, limits=limits)
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
    if problem.observed is not None and isinstance(problem.observed.z, Tensor):
        return "recorded spikes are Events here: pass z=Events.from_grid(z, dt)"
    return unfit(problem)


def _run(problem: Problem, *, limits: Limits) -> Output:
    inputs = cast(Events, problem.x)  # supports() has seen to it
    inputs, weight = input_weight(problem, inputs)
    recorded = None
    if problem.observed is not None:
        recorded = cast(Events, problem.observed.z)
    if is_neuron(problem.neuron, LI):
        recorded = silence(inputs)
    result = run_engine(
        problem,
        inputs,
        weight,
        recorded=recorded,
        max_spikes=limits.max_spikes,
        vdot_min=limits.vdot_min,
    )
    state = ends(problem, result)
    nothing = problem.neuron.State(*(None for _ in problem.neuron.State._fields))
    if is_neuron(problem.neuron, LI):
        start = neuron_state(problem)
        output = Membrane(inputs, weight, problem.delay, problem.params, start)
        return Output(output, state, nothing)
    spikes = spikes_of(problem, result, inputs.duration)
    if problem.recurrent_weight is not None:
        state = RecurrentState(state, torch.zeros_like(state.v))
    return Output(spikes, state, nothing)


EVENTPROP_EXACT = exact()
