"""Write a Body: one pointwise operation after the other, from the nodes of a traced graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx

from snn_fused.graph.body import FLAG, NUMBER, OPERATIONS, Body, Node
from snn_fused.graph.tracing import LANES


class CannotLower(Exception):
    """An operation has no pointwise counterpart; the message names it."""


class CannotTrace(CannotLower):
    """The step raised while it was traced, for a reason that may pass."""


def fail(node: fx.Node, why: str) -> CannotLower:
    """The error for a node, with torch's name of its operation."""
    return CannotLower(f"its step has the operation {node.target}, {why}")


class Writer:
    """Collects the operations of a body. Inputs have negative places here, nodes the others.

    Args:
        inputs: names of inputs that are there whether they are used or not.
        dtype: of all numbers.
    """

    def __init__(self, inputs: Sequence[str], dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.inputs: dict[str, int] = {}
        self.nodes: list[tuple[str, tuple[int, ...]]] = []
        self.kinds: list[str] = []
        self.literals: dict[str, float] = {}
        self.values: dict[fx.Node, int] = {}
        self._known: dict[tuple[str, tuple[int, ...]], int] = {}
        for name in inputs:
            self.input(name)

    def input(self, name: str) -> int:
        """The place of an input, a new one at its first use. Inputs have negative places here."""
        if name not in self.inputs:
            self.inputs[name] = -1 - len(self.inputs)
        return self.inputs[name]

    def literal(self, value: float) -> int:
        """The place of a number that stands in the graph; it becomes an input."""
        # by its text, which tells -0 from 0
        name = f"literal.{float(value)!r}"
        self.literals[name] = float(value)
        return self.input(name)

    def emit(self, operation: str, *operands: int) -> int:
        """The place of an operation's result; the same operation is not done twice."""
        wanted = OPERATIONS[operation].split(">")[0]
        cast = tuple(
            self._as(FLAG if want == "f" else NUMBER, place)
            for want, place in zip(wanted, operands, strict=True)
        )
        key = (operation, cast)
        if self._is_spike_again(operation, cast):
            return self.nodes[cast[0]][1][0]
        if key not in self._known:
            self.nodes.append(key)
            self.kinds.append(FLAG if OPERATIONS[operation][-1] == "f" else NUMBER)
            self._known[key] = len(self.nodes) - 1
        return self._known[key]

    def _is_spike_again(self, operation: str, operands: tuple[int, ...]) -> bool:
        """Whether this asks ``z > 0.5`` of a z that was made of a flag: then it is that flag."""
        if operation != "gt" or operands[0] < 0 or self.nodes[operands[0]][0] != "number":
            return False
        names = {place: name for name, place in self.inputs.items()}
        bound = self.literals.get(names.get(operands[1], ""))
        return bound is not None and 0 <= bound < 1

    def kind(self, place: int) -> str:
        """Whether a place holds a number or a flag."""
        return NUMBER if place < 0 else self.kinds[place]

    def _as(self, kind: str, place: int) -> int:
        if self.kind(place) == kind:
            return place
        return self.emit("flag" if kind == FLAG else "number", place)

    def of(self, argument: Any) -> int:
        """The place of an argument of a node: another node, or a literal."""
        if isinstance(argument, fx.Node):
            return self.values[argument]
        return self.literal(argument)

    def body(self, outputs: Sequence[tuple[str, int]], names: Mapping[str, str]) -> Body:
        """What was written, without what no output needs; the inputs renamed, in their order."""
        alive = self._alive([place for _, place in outputs])
        places = {self.inputs[name]: k for k, name in enumerate(names)}
        for place in alive:
            places[place] = len(places)
        nodes = [
            Node(operation, tuple(places[p] for p in operands))
            for operation, operands in (self.nodes[place] for place in alive)
        ]
        results = [(name, places[place]) for name, place in outputs]
        return Body(tuple(names.values()), tuple(nodes), tuple(results))

    def used(self, outputs: Sequence[tuple[str, int]]) -> set[str]:
        """The inputs that these outputs need."""
        roots = [place for _, place in outputs]
        reached = set(roots).union(*(self.nodes[place][1] for place in self._alive(roots)))
        return {name for name, place in self.inputs.items() if place in reached}

    def _alive(self, roots: Sequence[int]) -> list[int]:
        seen: set[int] = set()
        waiting = list(roots)
        while waiting:
            place = waiting.pop()
            if place >= 0 and place not in seen:
                seen.add(place)
                waiting.extend(self.nodes[place][1])
        return sorted(seen)


def meta(node: fx.Node) -> Any:
    """The shape and dtype of what a node gives, or None if it is not one tensor."""
    return node.meta if "dtype" in node.meta else None


def check_lanes(node: fx.Node, dtype: torch.dtype) -> None:
    """Raise unless a node has one number of this dtype, or one flag, for each lane."""
    value = meta(node)
    if value is None:
        raise fail(node, "which does not give one tensor")
    if value["shape"] not in (LANES, ()):
        raise fail(node, "which mixes neurons or samples")
    if value["dtype"] not in (dtype, torch.bool):
        raise fail(node, f"which gives {value['dtype']} in a layer of {dtype}")
