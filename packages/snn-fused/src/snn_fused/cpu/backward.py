"""The backward kernel of a neuron: a block of lanes forward once more, then backward.

The forward run keeps in scratch memory what the backward run needs of each step, see ``keeping``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from snn_fused.cpu.block import AHEAD, APART, BLOCK_BYTES, Block, by_place, work_arrays
from snn_fused.cpu.code import Code, module
from snn_fused.cpu.march import Values, march
from snn_fused.cpu.memory import element, finish_stores
from snn_fused.cpu.operations import WRITE
from snn_fused.cpu.planning import Plan, plan_of
from snn_fused.cpu.slots import backward_slots
from snn_fused.cpu.table import (
    KERNEL,
    clipped,
    every_group,
    goes_past_cache,
    read_numbers,
    read_table,
    row,
    smaller,
)
from snn_fused.cpu.vectors import GROUP_BYTES, Vector, vector
from snn_fused.graph.body import Body

LEAST_BYTES = 4 * GROUP_BYTES
"""One array's share of a block at least."""

KEPT_BYTES = 512 * 1024
"""What a block keeps of all steps together: half of a second cache. Many steps, short blocks."""

ZEROS = "zeros"
"""An array of zeros: the gradient to a trace of before the first step."""


class Run(NamedTuple):
    """One block of lanes on its way.

    Args:
        plan: what there is to do.
        block: where values are.
        pitch: lanes of the block, rounded up to whole groups.
    """

    plan: Plan
    block: Block
    pitch: str

    @property
    def n_steps(self) -> str:
        """Steps of the stretch."""
        return self.block.table.header["n_steps"]


def backward_source(forward: Body, backward: Body, dtype: torch.dtype) -> str:
    """The module of the backward kernel; its slots are ``backward_slots``.

    Args:
        forward: one step.
        backward: its vector-Jacobian product.
        dtype: float32 or float64.
    """
    code, group = Code({}), vector(dtype)
    plan = plan_of(forward, backward)
    table = read_table(code, backward_slots(forward, backward))
    numbers = read_numbers(code, group, table, [forward, backward])
    work = work_arrays(code, _work_names(plan))
    past_cache = goes_past_cache(code, group, table, backward.results("grad.x"))
    longest = _longest_block(code, group, plan, table.header["n_steps"])
    with code.loop("%lo", "%hi", longest) as start:
        count = smaller(code, code.value(f"sub i64 %hi, {start}"), longest)
        block = Block(code, group, table, numbers, past_cache, start, count, work, {}, {})
        run = Run(plan, block.at_step("0"), _whole_groups(code, group, count))
        if plan.stored:
            _run_forward(run)
        _run_backward(run)
    finish_stores(code, past_cache)
    code.line("ret void")
    return module([code.define("void @kernel", KERNEL, "nounwind")], code.needs)


def backward_scratch_bytes(forward: Body, backward: Body, n_steps: int) -> int:
    """What one call of the backward kernel needs of scratch memory, aligned to 64 bytes."""
    plan = plan_of(forward, backward)
    fixed = len(_work_names(plan)) * APART
    per_byte = n_steps * len(plan.stored)
    return fixed + max(KEPT_BYTES, per_byte * LEAST_BYTES)


def _work_names(plan: Plan) -> tuple[str, ...]:
    zeros = (ZEROS,) if plan.traces else ()
    return (*plan.followed, *plan.carried, *plan.sums, *zeros)


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


def _whole_groups(code: Code, group: Vector, count: str) -> str:
    up = code.value(f"add i64 {count}, {group.lanes - 1}")
    return code.value(f"and i64 {up}, {-group.lanes}")


def _run_forward(run: Run) -> None:
    """Write the run that stores what is kept."""
    plan, block, code = run.plan, run.block, run.block.code

    def at(done: str) -> Block:
        later = clipped(code, code.value(f"add i64 {done}, {AHEAD}"), run.n_steps)
        return block.at_step(done).before_step(later).with_work(_kept_rows(run, done))

    def step(now: Block, place: str, mask: str, state: Values) -> Values:
        others = [name for name in plan.forward_inputs if name not in state]
        values = {**now.read_all(others, place, mask), **state}
        stored = now.compute(plan.backward, by_place(plan.backward, values), plan.stored)
        now.write_all(stored, place, mask)
        return now.compute(plan.forward, by_place(plan.forward, values), plan.followed_ends)

    block.copy([(f"{name}.before", name) for name in plan.followed])
    march(block, run.n_steps, plan.followed, at, step)


def _run_backward(run: Run) -> None:
    """Write the run from the last step to the first."""
    plan, code = run.plan, run.block.code
    changed = (*plan.carried, *plan.sums)
    block = run.block.with_rows({_caller(name): run.block.rows[name] for name in changed})

    def at(done: str) -> Block:
        left = code.value(f"sub i64 {run.n_steps}, {done}")
        step = code.value(f"sub i64 {left}, 1")
        later = clipped(code, code.value(f"sub i64 {step}, {AHEAD}"), run.n_steps)
        now = block.at_step(step).before_step(later).with_rows(_trace_rows(run, step))
        return now.with_work(_kept_rows(run, step))

    def step(now: Block, place: str, mask: str, given: Values) -> Values:
        return _pull(now, plan, place, mask, given)

    block.copy([(_caller(name), name) for name in changed])
    if plan.traces:
        _write_zeros(block)
    march(block, run.n_steps, changed, at, step)
    block.copy([(name, _caller(name)) for name in changed])


def _caller(name: str) -> str:
    """The caller's array of what has the same name in scratch memory."""
    return f"caller.{name}"


def _pull(block: Block, plan: Plan, place: str, mask: str, given: Values) -> Values:
    """Write one step of a group back; returns the gradients before it, and the sums."""
    backward = plan.backward
    others = [name for name in plan.loaded if name not in given]
    known = by_place(backward, {**block.read_all(others, place, mask), **given})
    known |= {at: block.read(name, place, mask) for name, at in plan.stored.items()}
    results = block.compute(backward, known, dict(backward.outputs))
    after = {name: results.pop(name) for name in given}
    for name in plan.sums:
        after[name] = WRITE["add"](block.code, block.group, given[name], after[name])
    block.write_all(results, place, mask)
    return after


def _kept_rows(run: Run, step: str) -> dict[str, str]:
    """Addresses of what is kept of a step; the rows of a block follow each other closely."""
    code, scalar = run.block.code, run.block.group.scalar
    fixed = len(_work_names(run.plan)) * (APART // run.block.group.size)
    first = code.value(f"mul i64 {step}, {len(run.plan.stored)}")
    rows = {}
    for k, name in enumerate(run.plan.stored):
        number = code.value(f"add i64 {first}, {k}")
        at = code.value(f"mul i64 {number}, {run.pitch}")
        rows[name] = element(code, scalar, element(code, scalar, "%scratch", fixed), at)
    return rows


def _trace_rows(run: Run, step: str) -> dict[str, str]:
    """Addresses of the gradients to what was recorded before a step; zeros before the first."""
    block, code = run.block, run.block.code
    is_first = code.value(f"icmp eq i64 {step}, 0")
    is_start = code.value(f"icmp ne i64 {block.table.header['is_start']}, 0")
    none = code.value(f"and i1 {is_first}, {is_start}")
    before = code.value(f"sub i64 {step}, 1")
    rows = {}
    for name in run.plan.traces:
        there = row(code, block.group, block.table.slots[name], before, block.start)
        rows[name] = code.value(f"select i1 {none}, ptr {block.work[ZEROS]}, ptr {there}")
    return rows


def _write_zeros(block: Block) -> None:
    def inside(place: str, mask: str) -> None:
        block.write(ZEROS, "zeroinitializer", place, mask)

    every_group(block.code, block.group, block.count, inside)
