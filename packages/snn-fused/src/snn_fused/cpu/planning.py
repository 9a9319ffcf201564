"""What a backward kernel does in which of its two runs over the steps."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple

from snn_fused.cpu.keeping import kept
from snn_fused.cpu.slots import states
from snn_fused.graph.body import Body

ZEROS = "zeros"
"""An array of zeros: the gradient to a trace of before the first step."""


class Plan(NamedTuple):
    """The work of a backward kernel.

    Args:
        forward, backward: the bodies.
        stored: names for the places of the backward body that the forward run stores.
        loaded: inputs of the backward body that the backward run loads.
        followed: the state variables that the forward run has to follow for that.
    """

    forward: Body
    backward: Body
    stored: dict[str, int]
    loaded: tuple[str, ...]
    followed: tuple[str, ...]

    @property
    def followed_ends(self) -> dict[str, int]:
        """The places of the forward body where the followed state variables are after a step."""
        return {name: place for name, place in self.forward.outputs if name in self.followed}

    @property
    def forward_inputs(self) -> tuple[str, ...]:
        """What the forward run loads."""
        ahead = inputs_under(self.forward, self.followed_ends.values())
        return tuple(sorted(ahead | inputs_under(self.backward, self.stored.values())))

    @property
    def sums(self) -> tuple[str, ...]:
        """The sums over the steps, by name."""
        return self.backward.results("sum.")

    @property
    def carried(self) -> tuple[str, ...]:
        """The gradients to the state, by name."""
        return self.backward.results("grad.state.")

    @property
    def traces(self) -> tuple[str, ...]:
        """The gradients to recorded traces, by name."""
        return self.backward.names("grad.trace.")

    @property
    def work(self) -> tuple[str, ...]:
        """What is in scratch memory, one row of each."""
        zeros = (ZEROS,) if self.traces else ()
        return (*self.followed, *self.carried, *self.sums, *zeros)


@functools.lru_cache(maxsize=512)
def plan_of(forward: Body, backward: Body, again: tuple[str, ...]) -> Plan:
    """What a backward kernel has to do.

    Args:
        forward, backward: the bodies.
        again: how names of inputs begin that the backward run can load as well as the forward run.
    """
    keep = kept(backward, again)
    n_inputs = len(backward.inputs)
    twice = {name for name in backward.inputs if name.startswith(again)}
    twice &= {backward.inputs[place] for place in keep if place < n_inputs}
    places = [place for place in keep if place >= n_inputs or backward.inputs[place] not in twice]
    stored = {f"kept.{k}": place for k, place in enumerate(places)}
    outer = ("number.", "lane.", "grad.")
    loaded = tuple(name for name in backward.inputs if name.startswith(outer) or name in twice)
    return Plan(forward, backward, stored, loaded, _followed(forward, backward, places))


def _followed(forward: Body, backward: Body, stored: Iterable[int]) -> tuple[str, ...]:
    """The state variables on which the stored values depend, over any number of steps."""
    ends = dict(forward.outputs)
    found = _states_under(backward, stored)
    while more := _states_under(forward, [ends[name] for name in found]) - found:
        found |= more
    return tuple(name for name in states(forward) if name in found)


def _states_under(body: Body, places: Iterable[int]) -> set[str]:
    return {name for name in inputs_under(body, places) if name.startswith("state.")}


def inputs_under(body: Body, places: Iterable[int]) -> set[str]:
    """The inputs that these places are computed from.

    >>> from snn_fused.graph.body import Node
    >>> inputs_under(Body(("x", "number.0"), (Node("neg", (0,)),), ()), [2])
    {'x'}
    """
    found, waiting = set[int](), list(places)
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            if place >= len(body.inputs):
                waiting.extend(body.nodes[place - len(body.inputs)].operands)
    return {body.inputs[place] for place in found if place < len(body.inputs)}
