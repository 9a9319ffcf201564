"""Program: a traced step, split into what runs once a call and what runs at every step.

Parameters do not change over time. Whatever is computed from them alone is computed once by torch
itself (the preparation). Gradients of parameters are sums over samples and steps: the kernel adds
up over the steps, lane by lane, and torch does the rest once (the completion). So both are
torch's own operations, and only what differs from step to step becomes a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import fx

from snn_fused.graph.body import Body
from snn_fused.graph.partition import Partition
from snn_fused.graph.recipe import Recipe
from snn_fused.graph.recorder import without_modes
from snn_fused.graph.sizes import check_any_size
from snn_fused.graph.tracing import (
    LANES,
    OTHER_LANES,
    Spec,
    adjoint_inputs,
    forward_inputs,
    trace_adjoint,
    trace_forward,
)
from snn_fused.graph.writer import CannotTrace, Writer


class Program(NamedTuple):
    """A traced step, ready for code to be made of it.

    Args:
        forward: the body of a step.
        backward: the body of its vector-Jacobian product; None in a program without gradients.
        literals: the first entries of the table of numbers.
        preparation: from tensor parameters to the other numbers, then to the lanes.
        n_lanes: how many of its results are lanes.
        completion: from the sums over time to the gradients of tensor parameters; those that
            are wanted, in order.
    """

    forward: Body
    backward: Body | None
    literals: tuple[float, ...]
    preparation: Recipe
    n_lanes: int
    completion: Recipe | None


def forward_program(spec: Spec) -> Program:
    """The program of a call without gradients.

    Raises:
        CannotLower: the step cannot be traced or is not pointwise; names the operation.
    """
    inputs = forward_inputs(spec)
    parts = Partition(_traced(trace_forward, spec), inputs)
    writer = Writer(_varying(inputs), spec.dtype)
    parts.write_varying(writer)
    outputs = _outputs(spec, [writer.of(node) for node in parts.results])
    names, literals, preparation, n_lanes = _name(parts, writer, inputs, writer.used(outputs))
    return Program(writer.body(outputs, names), None, literals, preparation, n_lanes, None)


def adjoint_program(spec: Spec, wants_x: bool, wants: tuple[bool, ...]) -> Program:
    """The program of a call with gradients to the state, and to what is wanted.

    Args:
        spec: of the call.
        wants_x: whether anything needs the gradient to the input.
        wants: the same for each tensor parameter.

    Raises:
        CannotLower: as ``forward_program``, for the step or for its vector-Jacobian product.
    """
    inputs = [*forward_inputs(spec), *adjoint_inputs(spec)]
    parts = Partition(_traced(trace_adjoint, spec), inputs)
    writer = Writer(_varying(inputs), spec.dtype)
    parts.write_varying(writer)
    n_states = len(spec.neuron.State._fields)
    results = parts.results
    outputs = _outputs(spec, [writer.of(node) for node in results[: 1 + n_states]])
    to_x, to_states = results[1 + n_states], results[2 + n_states : 2 + 2 * n_states]
    to_params = results[2 + 2 * n_states :]
    summed, completion = parts.completion(
        [node for node, want in zip(to_params, wants, strict=True) if want]
    )
    grads = [("grad.x", writer.of(to_x))] if wants_x else []
    fields = spec.neuron.State._fields
    grads += [(f"grad.state.{f}", writer.of(n)) for f, n in zip(fields, to_states, strict=True)]
    grads += [(f"sum.{k}", writer.of(node)) for k, node in enumerate(summed)]
    used = writer.used(outputs) | writer.used(grads)
    names, literals, preparation, n_lanes = _name(parts, writer, inputs, used)
    forward_names = {k: v for k, v in names.items() if not v.startswith("grad.")}
    return Program(
        writer.body(outputs, forward_names),
        writer.body(grads, names),
        literals,
        preparation,
        n_lanes,
        completion,
    )


def _traced(trace: Callable[[Spec, tuple[int, int]], fx.Graph], spec: Spec) -> fx.Graph:
    try:
        with without_modes():
            graph, other = trace(spec, LANES), trace(spec, OTHER_LANES)
    except Exception as error:
        raise CannotTrace(
            f"its step cannot be traced ({type(error).__name__}: {error}); if it holds a value for "
            f"each neuron, pass it as a parameter"
        ) from error
    check_any_size(graph, other)
    return graph


def _varying(inputs: Sequence[str]) -> list[str]:
    return [name for name in inputs if not name.startswith("param.")]


def _outputs(spec: Spec, places: Sequence[int]) -> list[tuple[str, int]]:
    after = dict(zip(spec.neuron.State._fields, places[1:], strict=True))
    states = [(f"state.{field}", place) for field, place in after.items()]
    traces = [(f"trace.{field}", after[field]) for field in spec.record]
    return [("output", places[0]), *states, *traces]


def _name(
    parts: Partition, writer: Writer, inputs: Sequence[str], used: set[str]
) -> tuple[dict[str, str], tuple[float, ...], Recipe, int]:
    """The final name of each input, in order; the literals; the preparation of the rest."""
    literals = {name: value for name, value in writer.literals.items() if name in used}
    preparation, numbers, lanes = parts.preparation(used)
    names = {name: name for name in _varying(inputs)}
    names |= {name: f"lane.{k}" for k, name in enumerate(lanes)}
    names |= {name: f"number.{k}" for k, name in enumerate([*literals, *numbers])}
    return names, tuple(literals.values()), preparation, len(lanes)
