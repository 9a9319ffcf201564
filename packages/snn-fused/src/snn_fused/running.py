"""Run a problem by its plan: directly, under autograd, or as one operator inside a traced graph."""

from __future__ import annotations

from typing import Any

import torch
from snn_core.types import Output, Problem
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from snn_fused.function import LayerFunction, flat
from snn_fused.graph.tracing import Spec
from snn_fused.graph.writer import CannotLower, CannotTrace
from snn_fused.layer import Inputs, Wants
from snn_fused.operators import layer
from snn_fused.plan import Kind, key_of, plan_of, program_of
from snn_fused.posing import declined, inputs_of, kind_of, neuron_state, output_of


def refusal(problem: Problem, device: str, elsewhere: str) -> str | None:
    """Why kernels of a device cannot run a problem, whatever the neuron; None if they can.

    Args:
        problem: of ``integrate``.
        device: "cpu" or "cuda".
        elsewhere: the backends to use on another.
    """
    given = neuron_state(problem)[0].device.type
    if given != device:
        return f"it runs on {device} devices, the layer is on {given}; use backend {elsewhere}"
    return declined(problem) or _reason(*_fields(kind_of(problem)))


def execute(problem: Problem) -> Output:
    """The output of a problem that is supported."""
    kind, inputs = kind_of(problem), inputs_of(problem)
    if torch.compiler.is_compiling() or is_in_torch_dispatch_mode():
        return _as_operator(problem, kind, inputs)
    plan = plan_of(kind)
    if plan.kind.wants is None:
        outputs = plan.engine.forward(inputs)
        return output_of(problem, (outputs.output, *outputs.state, *outputs.traces))
    results = LayerFunction.apply(plan, inputs.spikes, inputs.n_steps, *flat(inputs))  # type: ignore[no-untyped-call]
    return output_of(problem, results)


def _as_operator(problem: Problem, kind: Kind, inputs: Inputs) -> Output:
    """The same, as a node of the graph that torch is tracing."""
    key = _key(*_fields(kind))
    spikes = inputs.spikes
    tensors = flat(inputs)
    results = layer(
        key,
        inputs.n_steps,
        *tensors[:4],
        tensors[4:],
        [] if spikes is None else spikes[:3],
        [] if spikes is None else [*spikes[3:5], *spikes.shape],
    )
    return output_of(problem, tuple(results[:-1]))


# torch.compile runs these two while it traces and keeps what they return. It hands over plain
# arguments as they are, but takes nested records apart: so a kind comes as its fields.


def _reason(*fields: Any) -> str | None:
    try:
        program = program_of(_kind(*fields))
    except CannotTrace as reason:
        return str(reason)
    return str(program) if isinstance(program, CannotLower) else None


def _key(*fields: Any) -> str:
    return key_of(plan_of(_kind(*fields)))


# This is all that torch.compiler.assume_constant_result does, but for importing the compiler:
# a second or more in a process that may never compile.
for _constant in (_reason, _key):
    _constant._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _fields(kind: Kind) -> tuple[Any, ...]:
    wants = None if kind.wants is None else tuple(kind.wants)
    return (*kind.spec, kind.device, kind.recurrent, kind.projected, wants)


def _kind(*fields: Any) -> Kind:
    *spec, device, recurrent, projected, wants = fields
    wants = None if wants is None else Wants(*wants)
    return Kind(device, Spec(*spec), recurrent, projected, wants)
