"""The kernels of a recurrent layer: all steps of a few samples, then the next samples.

At each step the neurons receive the input and the feedback: the output of the step before, through
the recurrent weight. The backward kernel knows the output, so its forward run adds up the same.
"""

from __future__ import annotations

import torch

from snn_fused.cpu.code import Code, module
from snn_fused.cpu.dense_sum import SAMPLES
from snn_fused.cpu.forward import run_steps
from snn_fused.cpu.march import UNLINKED
from snn_fused.cpu.planning import plan_of
from snn_fused.cpu.runs import Run, caller, run_backward, run_forward
from snn_fused.cpu.samples import TO_FED, fed_backward, fed_forward, samples_bytes, samples_from
from snn_fused.cpu.slots import recurrent_backward_slots, recurrent_forward_slots, states
from snn_fused.cpu.table import KERNEL, read_numbers, read_table
from snn_fused.cpu.vectors import vector
from snn_fused.graph.body import Body

STREAMS = ("seen.",)
"""What the caller's arrays hold for each step; not what the neurons received."""


def recurrent_forward_source(body: Body, dtype: torch.dtype) -> str:
    """The module of the forward kernel; its slots are ``recurrent_forward_slots``.

    Args:
        body: one step.
        dtype: float32 or float64.
    """
    code, group = Code({}), vector(dtype)
    table = read_table(code, recurrent_forward_slots(body))
    numbers = read_numbers(code, group, table, [body])
    with code.loop("%lo", "%hi", SAMPLES) as first:
        samples = samples_from(code, group, table, numbers, states(body), first)
        run_steps(samples.block, body, fed_forward(samples))
    code.line("ret void")
    return module([code.define("void @kernel", KERNEL, "nounwind")], code.needs)


def recurrent_backward_source(forward: Body, backward: Body, dtype: torch.dtype) -> str:
    """The module of the backward kernel; its slots are ``recurrent_backward_slots``.

    Args:
        forward: one step.
        backward: its vector-Jacobian product.
        dtype: float32 or float64.
    """
    code, group = Code({}), vector(dtype)
    plan = plan_of(forward, backward, STREAMS)
    table = read_table(code, recurrent_backward_slots(forward, backward))
    numbers = read_numbers(code, group, table, [forward, backward])
    with code.loop("%lo", "%hi", SAMPLES) as first:
        samples = samples_from(code, group, table, numbers, (*plan.work, TO_FED), first)
        block = samples.block.with_rows({caller(TO_FED): samples.block.rows[TO_FED]})
        run = Run(plan, block, samples.pitch, samples.kept)
        run_forward(run, fed_forward(samples) if "x" in plan.forward_inputs else UNLINKED)
        block.copy([(caller(TO_FED), TO_FED)])
        run_backward(run, fed_backward(samples))
        block.copy([(TO_FED, caller(TO_FED))])
    code.line("ret void")
    return module([code.define("void @kernel", KERNEL, "nounwind")], code.needs)


def recurrent_forward_scratch_bytes(body: Body, dtype: torch.dtype, n_neurons: int) -> int:
    """What one call of the forward kernel needs of scratch memory, aligned to 64 bytes."""
    return samples_bytes(dtype, len(states(body)), 0, n_neurons)


def recurrent_backward_scratch_bytes(
    forward: Body, backward: Body, dtype: torch.dtype, n_steps: int, n_neurons: int
) -> int:
    """What one call of the backward kernel needs of scratch memory, aligned to 64 bytes."""
    plan = plan_of(forward, backward, STREAMS)
    return samples_bytes(dtype, len(plan.work) + 1, n_steps * len(plan.stored), n_neurons)
