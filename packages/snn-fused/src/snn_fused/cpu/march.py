"""The steps of a block of lanes: one step of every group, then the next step.

What goes from step to step is stored between them, in scratch memory that fits the first cache.
Registers would hold it for a few groups only, and a step is a chain of operations of which each
waits for the one before: it takes many groups side by side to keep a processor busy. (Steps done
two or four at a time in registers were measured: no faster from 64 lanes on.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from snn_fused.cpu.block import Block
from snn_fused.cpu.table import every_group

Values = dict[str, str]
"""Values of one group, by the names of a body."""

AtStep = Callable[[str], Block]
"""The block at a count of steps done: with the rows of that step."""

OneStep = Callable[[Block, str, str, Values], Values]
"""Writes a step of a group: takes the block, place, mask and what is given; gives the carried."""


class Link(NamedTuple):
    """What links a step to those before it, besides the carried values.

    Args:
        enter: writes what comes before a step, given the block and the count of steps done.
        given: writes and names values that replace inputs of the body, at a place and mask.
        leave: writes what comes after a step.
    """

    enter: Callable[[Block, str], None]
    given: Callable[[Block, str, str], Values]
    leave: Callable[[Block], None]


UNLINKED = Link(lambda block, done: None, lambda block, place, mask: {}, lambda block: None)
"""Nothing: a layer without feedback."""


def march(
    block: Block, n_steps: str, carried: Sequence[str], at: AtStep, step: OneStep, link: Link
) -> None:
    """Write the loops over steps and groups.

    Args:
        block: with the carried values in its scratch memory.
        n_steps: i64.
        carried: names of what goes from step to step.
        at: gives the block at a step.
        step: writes one step of one group.
        link: what else a step depends on.
    """
    with block.code.loop("0", n_steps, 1) as done:
        now = at(done)
        link.enter(now, done)

        def inside(place: str, mask: str) -> None:
            given = now.read_all(carried, place, mask) | link.given(now, place, mask)
            now.write_all(step(now, place, mask, given), place, mask)

        every_group(block.code, block.group, block.n_lanes, inside)
        link.leave(now)
