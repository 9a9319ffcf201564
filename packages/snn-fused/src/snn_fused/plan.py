"""Plan: how one kind of call is run: traced, and with the kernels that its engine makes of it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import NamedTuple, Protocol

from snn_fused.graph.program import Program, adjoint_program, forward_program
from snn_fused.graph.recorder import without_modes
from snn_fused.graph.tracing import Spec
from snn_fused.graph.writer import CannotLower, CannotTrace
from snn_fused.layer import Found, Grads, Inputs, Kept, Outputs, Wants


class Engine(Protocol):
    """Runs one kind of call on one kind of device."""

    def forward(self, inputs: Inputs) -> Outputs:
        """Run a layer."""

    def backward(self, inputs: Inputs, kept: Kept, grads: Grads) -> Found:
        """Run it backwards."""

    def n_checkpoints(self, inputs: Inputs) -> int:
        """How many checkpoints ``forward`` returns."""


class Kind(NamedTuple):
    """What of a call decides how it is run; hashable.

    Args:
        device: "cpu" or "cuda".
        spec: what is traced.
        recurrent: whether outputs feed back.
        projected: whether there is an input weight.
        wants: which gradients are needed; None if none is.
    """

    device: str
    spec: Spec
    recurrent: bool
    projected: bool
    wants: Wants | None


class Plan(NamedTuple):
    """A kind of call with its program and its engine."""

    kind: Kind
    program: Program
    engine: Engine

    @property
    def n_states(self) -> int:
        """How many state variables the neuron has."""
        return len(self.kind.spec.neuron.State._fields)


@functools.lru_cache(maxsize=512)
def program_of(kind: Kind) -> Program | CannotLower:
    """The program of a kind of call, or why there is none; traced once, then remembered.

    Raises:
        CannotTrace: the step raised while it was traced; this is not remembered.
    """
    wants = kind.wants
    try:
        if wants is None:
            return forward_program(kind.spec)
        drives = wants.x or wants.weight or kind.recurrent
        return adjoint_program(kind.spec, drives, wants.params)
    except CannotTrace:
        raise
    except CannotLower as reason:
        return reason


@functools.lru_cache(maxsize=512)
def plan_of(kind: Kind) -> Plan:
    """The plan of a kind of call. Kernels are compiled at their first launch.

    Raises:
        CannotLower: the neuron's step is not pointwise.
    """
    program = program_of(kind)
    if isinstance(program, CannotLower):
        raise program
    with without_modes():
        return Plan(kind, program, _engines()[kind.device](kind, program))


def key_of(plan: Plan) -> str:
    """A name for a plan that a traced graph can hold, the same in every process."""
    kind = plan.kind
    program = plan.program
    names = (kind.spec.neuron.name, kind.spec.threshold.name, *kind.spec[2:])
    constants = [value.tolist() for value in program.preparation.constants]
    bodies = (program.forward, program.backward, program.literals)
    recipes = [program.preparation._replace(constants=()), program.completion]
    text = repr((kind.device, *kind[2:], names, *bodies, recipes, constants))
    key = hashlib.sha256(text.encode()).hexdigest()
    _known()[key] = plan
    return key


def plan_at(key: str) -> Plan:
    """The plan that ``key_of`` gave this name, in this process.

    Raises:
        LookupError: it did not.
    """
    if key not in _known():
        raise LookupError(
            "this graph holds a layer of snn-fused that was traced in another process; run the "
            "layer once in this one, under torch.compile or torch.export as there, and try again"
        )
    return _known()[key]


@functools.cache
def _known() -> dict[str, Plan]:
    return {}


@functools.cache
def _engines() -> dict[str, Callable[[Kind, Program], Engine]]:
    """The engine of each kind of device; imported here, since engines know of plans."""
    from snn_fused.cpu.engine import CpuEngine
    from snn_fused.gpu.engine import TritonEngine

    return {"cpu": CpuEngine, "cuda": TritonEngine}
