"""The backward kernel of a neuron: a block of lanes forward once more, then backward.

The forward run keeps in scratch memory what the backward run needs of each step, see ``keeping``.
"""

from __future__ import annotations

import torch

from snn_fused.cpu.block import APART, BLOCK_BYTES, Block, work_arrays
from snn_fused.cpu.code import Code, module
from snn_fused.cpu.march import UNLINKED
from snn_fused.cpu.memory import element, finish_stores
from snn_fused.cpu.planning import Plan, plan_of
from snn_fused.cpu.runs import Run, run_backward, run_forward, whole_groups
from snn_fused.cpu.slots import backward_slots
from snn_fused.cpu.table import KERNEL, goes_past_cache, read_numbers, read_table, smaller
from snn_fused.cpu.vectors import GROUP_BYTES, Vector, vector
from snn_fused.graph.body import Body

STREAMS = ("x", "seen.")
"""What the caller's arrays hold for each step."""

LEAST_BYTES = 4 * GROUP_BYTES
"""One array's share of a block at least."""

KEPT_BYTES = 512 * 1024
"""What a block keeps of all steps together: half of a second cache. Many steps, short blocks."""


def backward_source(forward: Body, backward: Body, dtype: torch.dtype) -> str:
    """The module of the backward kernel; its slots are ``backward_slots``.

    Args:
        forward: one step.
        backward: its vector-Jacobian product.
        dtype: float32 or float64.
    """
    code, group = Code({}), vector(dtype)
    plan = plan_of(forward, backward, STREAMS)
    table = read_table(code, backward_slots(forward, backward))
    numbers = read_numbers(code, group, table, [forward, backward])
    work = work_arrays(code, plan.work)
    kept = element(code, "i8", "%scratch", len(work) * APART)
    past_cache = goes_past_cache(code, group, table, backward.results("grad.x"))
    longest = _longest_block(code, group, plan, table.header["n_steps"])
    with code.loop("%lo", "%hi", longest) as start:
        count = smaller(code, code.value(f"sub i64 %hi, {start}"), longest)
        block = Block(code, group, table, numbers, past_cache, start, count, work, {}, {})
        run = Run(plan, block.at_step("0"), whole_groups(code, group, count), kept)
        run_forward(run, UNLINKED)
        run_backward(run, UNLINKED)
    finish_stores(code, past_cache)
    code.line("ret void")
    return module([code.define("void @kernel", KERNEL, "nounwind")], code.needs)


def backward_scratch_bytes(forward: Body, backward: Body, n_steps: int) -> int:
    """What one call of the backward kernel needs of scratch memory, aligned to 64 bytes."""
    plan = plan_of(forward, backward, STREAMS)
    fixed = len(plan.work) * APART
    per_byte = n_steps * len(plan.stored)
    return fixed + max(KEPT_BYTES, per_byte * LEAST_BYTES)


def _longest_block(code: Code, group: Vector, plan: Plan, n_steps: str) -> str:
    """Lanes of a block, whole groups: as many as may be kept."""
    if not plan.stored:
        return str(BLOCK_BYTES // group.size)
    per_byte = code.value(f"mul i64 {n_steps}, {len(plan.stored)}")
    some = code.call("i64", "llvm.umax.i64", [("i64", per_byte), ("i64", "1")])
    room = code.value(f"udiv i64 {KEPT_BYTES}, {some}")
    room = code.call("i64", "llvm.umax.i64", [("i64", room), ("i64", str(LEAST_BYTES))])
    room = code.call("i64", "llvm.umin.i64", [("i64", room), ("i64", str(BLOCK_BYTES))])
    groups = code.value(f"udiv i64 {room}, {GROUP_BYTES}")
    return code.value(f"mul i64 {groups}, {group.lanes}")
