"""The Triton engine against eager: all neurons, all kinds of layers, through the interpreter."""

import pytest
import snn_core as snn
from snn_core.testing.agreement import check_agreement
from snn_core.types import Backend
from snn_fused.function import LayerFunction, flat
from snn_fused.graph.writer import CannotLower
from snn_fused.plan import Plan, program_of
from snn_fused.posing import declined, inputs_of, kind_of, output_of

pytest.importorskip("triton")

from snn_fused.gpu.engine import TritonEngine

ULPS = 64


def supports(problem):
    program = program_of(kind_of(problem))
    return declined(problem) or (str(program) if isinstance(program, CannotLower) else None)


def run(problem):
    kind, inputs = kind_of(problem), inputs_of(problem)
    engine = TritonEngine(kind, program_of(kind))
    if kind.wants is None:
        done = engine.forward(inputs)
        return output_of(problem, (done.output, *done.state, *done.traces))
    plan = Plan(kind, program_of(kind), engine)
    results = LayerFunction.apply(plan, inputs.spikes, inputs.n_steps, *flat(inputs))
    return output_of(problem, results)


INTERPRETED = Backend("triton", None, supports, run)


@pytest.mark.parametrize("name", snn.names("neuron"))
def test_neurons_agree_with_eager(name):
    assert check_agreement(INTERPRETED, snn.neuron(name), ulps=ULPS) > 0
