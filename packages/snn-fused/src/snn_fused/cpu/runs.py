"""The two runs of a backward kernel over the steps of a block: forth, keeping values, and back."""

from __future__ import annotations

from typing import NamedTuple

from snn_fused.cpu.block import AHEAD, Block, by_place
from snn_fused.cpu.code import Code
from snn_fused.cpu.march import Link, Values, march
from snn_fused.cpu.memory import element
from snn_fused.cpu.operations import WRITE
from snn_fused.cpu.planning import ZEROS, Plan
from snn_fused.cpu.table import clipped, every_group, row
from snn_fused.cpu.vectors import Vector


class Run(NamedTuple):
    """One block of lanes on its way forth and back.

    Args:
        plan: what there is to do.
        block: where values are.
        pitch: i64, lanes of the block, rounded up to whole groups.
        kept: address of scratch memory for what is kept: n_steps rows of each, of ``pitch`` lanes.
    """

    plan: Plan
    block: Block
    pitch: str
    kept: str

    @property
    def n_steps(self) -> str:
        """Steps of the stretch."""
        return self.block.table.header["n_steps"]


def run_forward(run: Run, link: Link) -> None:
    """Write the run that stores what is kept, if anything is."""
    plan, block, code = run.plan, run.block, run.block.code
    if not plan.stored:
        return

    def at(done: str) -> Block:
        later = clipped(code, code.value(f"add i64 {done}, {AHEAD}"), run.n_steps)
        return block.at_step(done).before_step(later).with_work(_kept_rows(run, done))

    def step(now: Block, place: str, mask: str, given: Values) -> Values:
        values = now.read_missing(plan.forward_inputs, given, place, mask)
        stored = now.compute(plan.backward, by_place(plan.backward, values), plan.stored)
        now.write_all(stored, place, mask)
        return now.compute(plan.forward, by_place(plan.forward, values), plan.followed_ends)

    block.copy([(f"{name}.before", name) for name in plan.followed])
    march(block, run.n_steps, plan.followed, at, step, link)


def run_backward(run: Run, link: Link) -> None:
    """Write the run from the last step to the first."""
    plan, code = run.plan, run.block.code
    changed = (*plan.carried, *plan.sums)
    block = run.block.with_rows({caller(name): run.block.rows[name] for name in changed})

    def at(done: str) -> Block:
        left = code.value(f"sub i64 {run.n_steps}, {done}")
        step = code.value(f"sub i64 {left}, 1")
        later = clipped(code, code.value(f"sub i64 {step}, {AHEAD}"), run.n_steps)
        now = block.at_step(step).before_step(later).with_rows(_trace_rows(run, step))
        return now.with_work(_kept_rows(run, step))

    def step(now: Block, place: str, mask: str, given: Values) -> Values:
        return _pull(now, plan, place, mask, given)

    block.copy([(caller(name), name) for name in changed])
    if plan.traces:
        _write_zeros(block)
    march(block, run.n_steps, changed, at, step, link)
    block.copy([(name, caller(name)) for name in changed])


def caller(name: str) -> str:
    """The caller's array of what has the same name in scratch memory."""
    return f"caller.{name}"


def _pull(block: Block, plan: Plan, place: str, mask: str, given: Values) -> Values:
    """Write one step of a group back; returns the gradients before it, and the sums."""
    backward = plan.backward
    known = by_place(backward, block.read_missing(plan.loaded, given, place, mask))
    known |= {at: block.read(name, place, mask) for name, at in plan.stored.items()}
    results = block.compute(backward, known, dict(backward.outputs))
    after = {name: results.pop(name) for name in (*plan.carried, *plan.sums)}
    for name in plan.sums:
        after[name] = WRITE["add"](block.code, block.group, given[name], after[name])
    block.write_all(results, place, mask)
    return after


def _kept_rows(run: Run, step: str) -> dict[str, str]:
    """Addresses of what is kept of a step; the rows follow each other closely."""
    code, scalar = run.block.code, run.block.group.scalar
    first = code.value(f"mul i64 {step}, {len(run.plan.stored)}")
    rows = {}
    for k, name in enumerate(run.plan.stored):
        number = code.value(f"add i64 {first}, {k}")
        at = code.value(f"mul i64 {number}, {run.pitch}")
        rows[name] = element(code, scalar, run.kept, at)
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

    every_group(block.code, block.group, block.n_lanes, inside)


def whole_groups(code: Code, group: Vector, count: str) -> str:
    """A count of lanes (i64), rounded up to whole groups."""
    up = code.value(f"add i64 {count}, {group.lanes - 1}")
    return code.value(f"and i64 {up}, {-group.lanes}")
