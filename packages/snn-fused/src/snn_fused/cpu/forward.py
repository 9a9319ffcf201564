"""The forward kernel of a neuron: all steps of a block of lanes, then the next block."""

from __future__ import annotations

import torch

from snn_fused.cpu.block import AHEAD, APART, BLOCK_BYTES, Block, by_place, work_arrays
from snn_fused.cpu.code import Code, module
from snn_fused.cpu.march import UNLINKED, Link, Values, march
from snn_fused.cpu.memory import finish_stores
from snn_fused.cpu.slots import forward_slots, states
from snn_fused.cpu.table import (
    KERNEL,
    clipped,
    goes_past_cache,
    read_numbers,
    read_table,
    smaller,
)
from snn_fused.cpu.vectors import vector
from snn_fused.graph.body import Body


def forward_source(body: Body, dtype: torch.dtype) -> str:
    """The module of the forward kernel; its slots are ``forward_slots``.

    Args:
        body: one step.
        dtype: float32 or float64.

    >>> body = Body(("x", "state.v"), (), (("output", 1), ("state.v", 0)))
    >>> "define void @kernel" in forward_source(body, torch.float32)
    True
    """
    code, group = Code({}), vector(dtype)
    table = read_table(code, forward_slots(body))
    numbers = read_numbers(code, group, table, [body])
    past_cache = goes_past_cache(code, group, table, ["output", *body.results("trace.")])
    work = work_arrays(code, states(body))
    length = BLOCK_BYTES // group.size
    with code.loop("%lo", "%hi", length) as start:
        count = smaller(code, code.value(f"sub i64 %hi, {start}"), str(length))
        block = Block(code, group, table, numbers, past_cache, start, count, work, {}, {})
        run_steps(block, body, UNLINKED)
    finish_stores(code, past_cache)
    code.line("ret void")
    return module([code.define("void @kernel", KERNEL, "nounwind")], code.needs)


def forward_scratch_bytes(body: Body) -> int:
    """What one call of the forward kernel needs of scratch memory, aligned to 64 bytes."""
    return len(states(body)) * APART


def run_steps(block: Block, body: Body, link: Link) -> None:
    """Write all steps of a block, whose scratch memory has the state."""
    code, n_steps = block.code, block.table.header["n_steps"]

    def at(done: str) -> Block:
        later = clipped(code, code.value(f"add i64 {done}, {AHEAD}"), n_steps)
        return block.at_step(done).before_step(later)

    def step(now: Block, place: str, mask: str, given: Values) -> Values:
        known = by_place(body, now.read_missing(body.inputs, given, place, mask))
        results = now.compute(body, known, dict(body.outputs))
        after = {name: results.pop(name) for name in states(body)}
        now.write_all(results, place, mask)
        return after

    block.at_step("0").copy([(f"{name}.before", name) for name in states(body)])
    march(block, n_steps, states(body), at, step, link)
    block.at_step("0").copy([(name, f"{name}.after") for name in states(body)])
