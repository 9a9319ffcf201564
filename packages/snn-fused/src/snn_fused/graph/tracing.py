"""Trace a neuron's step, alone or with its vector-Jacobian product, to a graph of torch operations.

The step is run on a few zeros. What its graph says holds for every shape and value, since a
pointwise step does the same to each lane. One that reads a value is found out here; one that goes
by its shape, when graphs of two sizes are compared (``sizes``); one that mixes lanes, when its
graph is lowered.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from snn_core import Neuron, Observed
from snn_core.thresholds import Threshold
from torch import Tensor, fx

from snn_fused.graph.recorder import record, without_modes

# B and N of the trace: two numbers that no shape holds by chance.
BATCH, NEURONS = 5, 7
LANES = (BATCH, NEURONS)
OTHER_LANES = (3, 11)

LATE_OUTPUT = "grad.trace.(output)"
"""The gradient to an output that is a state variable: it comes with those of the traces."""


class Spec(NamedTuple):
    """What of a call decides which operations a step has; hashable.

    Args:
        neuron, threshold, dt: of the call.
        dtype: of the layer.
        params: for each parameter a number; or the dtype of a 0-d tensor; or the letter N for a
            tensor ``(N,)`` of the layer's dtype.
        record: names of recorded state variables.
        seen: names of measurements.
    """

    neuron: Neuron
    threshold: Threshold
    dt: float
    dtype: torch.dtype
    params: tuple[float | torch.dtype | str, ...]
    record: tuple[str, ...]
    seen: tuple[str, ...]

    @property
    def tensors(self) -> tuple[str, ...]:
        """The parameters that are tensors, by name."""
        fields = zip(self.neuron.Params._fields, self.params, strict=True)
        return tuple(name for name, value in fields if not isinstance(value, float))


def trace_forward(spec: Spec, lanes: tuple[int, int] = LANES) -> fx.Graph:
    """The graph of one step: from ``forward_inputs`` to the output, then the state after it."""

    def forward(x: Tensor, *rest: Tensor) -> list[Tensor]:
        return _step(spec, x, rest)

    return _trace(forward, forward_inputs(spec), _examples(spec, lanes))


def trace_adjoint(spec: Spec, lanes: tuple[int, int] = LANES) -> fx.Graph:
    """The graph of one step and its vector-Jacobian product.

    Placeholders: those of ``forward_inputs``, then ``adjoint_inputs``. Results: output and the
    state after the step, then the gradients to input, state before the step and tensor parameters.

    A recorded trace is taken from the state *before* the step and after all other uses of it: so
    its gradient is the first to be added, as in eager's graph, where traces are stacked at the
    end. Sums of three gradients then round alike. The same is done to an output that is a state
    variable, as a leaky integrator's; what is left for ``grad.output`` is the feedback's.
    """
    n_states, n_seen = len(spec.neuron.State._fields), len(spec.seen)
    forward, shown = _examples(spec, lanes), shown_state(spec)
    backward = [torch.zeros(lanes, dtype=spec.dtype, device="cpu") for _ in adjoint_inputs(spec)]

    def adjoint(*values: Tensor) -> list[Tensor | None]:
        given, grads = values[: len(forward)], values[len(forward) :]
        x, states, tensors = given[0], given[1 : 1 + n_states], given[1 + n_states + n_seen :]
        before = spec.neuron.State(*states)._asdict()

        wanted = [x, *states, *tensors]
        with torch.enable_grad():
            results = _step(spec, x, given[1:])
            late = [shown, *spec.record] if shown else spec.record
            results += [before[name] for name in late]
            seed = _Seed.apply(grads, *results)  # type: ignore[no-untyped-call]
            found = torch.autograd.grad(seed, wanted, allow_unused=True)
        return [*results[: 1 + n_states], *found]

    for value in (*forward[: 1 + n_states], *forward[1 + n_states + n_seen :]):
        value.requires_grad_()
    names = [*forward_inputs(spec), *adjoint_inputs(spec)]
    return _trace(adjoint, names, [*forward, *backward])


class _Seed(torch.autograd.Function):
    """A scalar whose gradient to the results is what is given, as ``grad_outputs`` would say.

    That argument makes torch import sympy, a second or two in a new process.
    """

    @staticmethod
    def forward(ctx: Any, grads: Sequence[Tensor], *results: Tensor) -> Tensor:
        ctx.grads = grads
        return results[0].new_zeros(())

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor | None, ...]:
        return (None, *ctx.grads)


def forward_inputs(spec: Spec) -> list[str]:
    """What a step takes, by the names of ``body``; tensor parameters as ``param.NAME``."""
    states = [f"state.{name}" for name in spec.neuron.State._fields]
    seen = [f"seen.{name}" for name in spec.seen]
    return ["x", *states, *seen, *(f"param.{name}" for name in spec.tensors)]


def adjoint_inputs(spec: Spec) -> list[str]:
    """The gradients that come in: to the output, the state after the step, recorded traces."""
    states = [f"grad.state.{name}" for name in spec.neuron.State._fields]
    late = [LATE_OUTPUT] if shown_state(spec) else []
    return ["grad.output", *states, *late, *(f"grad.trace.{name}" for name in spec.record)]


@functools.lru_cache(maxsize=512)
def shown_state(spec: Spec) -> str | None:
    """The state variable that a neuron puts out as it is, if it does."""
    with torch.no_grad(), without_modes():
        x, *rest = _examples(spec, LANES)
        output, *after = _step(spec, x, rest)
    for name, value in zip(spec.neuron.State._fields, after, strict=True):
        if value is output:
            return str(name)
    return None


def _step(spec: Spec, x: Tensor, rest: Sequence[Tensor]) -> list[Tensor]:
    """One step with its values in the order of ``forward_inputs``."""
    neuron, n_states, n_seen = spec.neuron, len(spec.neuron.State._fields), len(spec.seen)
    state = neuron.State(*rest[:n_states])
    seen = dict(zip(spec.seen, rest[n_states : n_states + n_seen], strict=True))
    tensors = iter(rest[n_states + n_seen :])
    params = neuron.Params(
        *(value if isinstance(value, float) else next(tensors) for value in spec.params)
    )
    observed = (Observed(**seen),) if seen else ()
    output, after = neuron.step(x, state, params, spec.threshold, spec.dt, *observed)
    return [output, *after]


def _examples(spec: Spec, lanes: tuple[int, int]) -> list[Tensor]:
    """One tensor for each of ``forward_inputs``; parameters are one, since many of them divide."""
    kinds = [kind for kind in spec.params if not isinstance(kind, float)]
    tensors = [
        torch.ones((), dtype=kind, device="cpu")
        if isinstance(kind, torch.dtype)
        else torch.ones(lanes[1], dtype=spec.dtype, device="cpu")
        for kind in kinds
    ]
    n_others = len(forward_inputs(spec)) - len(tensors)
    others = [torch.zeros(lanes, dtype=spec.dtype, device="cpu") for _ in range(n_others)]
    return [*others, *tensors]


def _trace(function: Any, names: Sequence[str], examples: Sequence[Tensor]) -> fx.Graph:
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        return record(function, names, examples)
