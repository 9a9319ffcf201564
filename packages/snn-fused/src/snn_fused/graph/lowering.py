"""Lower a graph of torch operations to a Body: one pointwise operation after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import fx

from snn_fused.graph.body import FLAG, NUMBER, OPERATIONS, Body, Node
from snn_fused.graph.tracing import LANES

Handler = Callable[["Writer", fx.Node], int]


class CannotLower(Exception):
    """An operation has no pointwise counterpart; the message names it."""


def fail(node: fx.Node, why: str) -> CannotLower:
    """The error for a node, with torch's name of its operation."""
    return CannotLower(f"its step has the operation {node.target}, {why}")


class Writer:
    """Collects the operations of a body. Inputs have negative places here, nodes the others.

    Args:
        inputs: names of inputs that are there whether they are used or not.
    """

    def __init__(self, inputs: Sequence[str]) -> None:
        self.inputs: dict[str, int] = {}
        self.nodes: list[tuple[str, tuple[int, ...]]] = []
        self.kinds: list[str] = []
        self.literals: dict[float, str] = {}
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
        name = self.literals.setdefault(float(value), f"literal.{len(self.literals)}")
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
        bound = {name: value for value, name in self.literals.items()}.get(
            names.get(operands[1], "")
        )
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

    def lower(self, node: fx.Node) -> None:
        """Write one node of the graph."""
        check_lanes(node)
        handler = HANDLERS.get(node.target)
        if handler is None:
            raise fail(node, "which is not pointwise or not known here")
        self.values[node] = handler(self, node)

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


def check_lanes(node: fx.Node) -> None:
    """Raise unless a node has one number or flag for each lane, in one precision."""
    value = meta(node)
    if value is None:
        raise fail(node, "which does not give one tensor")
    if value["shape"] not in (LANES, ()):
        raise fail(node, "which mixes neurons or samples")
    dtype = value["dtype"]
    if not (dtype.is_floating_point or dtype == torch.bool):
        raise fail(node, f"which gives {dtype}")


def _plain(operation: str) -> Handler:
    def handler(writer: Writer, node: fx.Node) -> int:
        _check_plain(node)
        return writer.emit(operation, *map(writer.of, node.args))

    return handler


def _check_plain(node: fx.Node) -> None:
    """add and sub may scale their second operand, div may round: nobody writes that in a step."""
    for name, value in node.kwargs.items():
        if value is not None and (name, value) != ("alpha", 1):
            raise fail(node, f"with {name}={value}")


def _scaled_by_one(operation: str) -> Handler:
    """mul and div: by 1 they change nothing."""
    plain = _plain(operation)

    def handler(writer: Writer, node: fx.Node) -> int:
        first, second = node.args[:2]
        if isinstance(second, int | float) and second == 1 and isinstance(first, fx.Node):
            return writer.of(first)
        return plain(writer, node)

    return handler


def _swapped(operation: str) -> Handler:
    def handler(writer: Writer, node: fx.Node) -> int:
        _check_plain(node)
        first, second = node.args[:2]
        return writer.emit(operation, writer.of(second), writer.of(first))

    return handler


def _same(writer: Writer, node: fx.Node) -> int:
    """A view, a copy: no operation, if what it views has as many lanes."""
    source = node.args[0]
    assert isinstance(source, fx.Node)
    return writer.of(source)


def _to_copy(writer: Writer, node: fx.Node) -> int:
    source, dtype = node.args[0], node.kwargs.get("dtype")
    assert isinstance(source, fx.Node)
    place = writer.of(source)
    if dtype == torch.bool:
        return writer.emit("flag", place) if writer.kind(place) == NUMBER else place
    return writer.emit("number", place) if writer.kind(place) == FLAG else place


def _clamp(writer: Writer, node: fx.Node) -> int:
    place = writer.of(node.args[0])
    low, high = (*node.args[1:], node.kwargs.get("min"), node.kwargs.get("max"))[:2]
    if "max" in node.kwargs:
        high = node.kwargs["max"]
    if low is not None:
        place = writer.emit("maximum", place, writer.of(low))
    return place if high is None else writer.emit("minimum", place, writer.of(high))


def _clamp_to(operation: str) -> Handler:
    return lambda writer, node: writer.emit(operation, *map(writer.of, node.args))


def _power(writer: Writer, node: fx.Node) -> int:
    """A power by a literal; torch multiplies for the small ones, so does this."""
    base, exponent = writer.of(node.args[0]), node.args[1]
    if not isinstance(exponent, int | float):
        return writer.emit("pow", base, writer.of(exponent))
    square = writer.emit("mul", base, base) if abs(exponent) in (2, 3) else base
    forms: dict[float, Callable[[], int]] = {
        1: lambda: base,
        2: lambda: square,
        3: lambda: writer.emit("mul", square, base),
        0.5: lambda: writer.emit("sqrt", base),
        -1.5: lambda: writer.emit(
            "reciprocal", writer.emit("mul", base, writer.emit("sqrt", base))
        ),
        -0.5: lambda: writer.emit("reciprocal", writer.emit("sqrt", base)),
        -1: lambda: writer.emit("reciprocal", base),
        -2: lambda: writer.emit("reciprocal", square),
    }
    if exponent in forms:
        return forms[exponent]()
    return writer.emit("pow", base, writer.literal(exponent))


def _filled(value: float) -> Handler:
    return lambda writer, node: writer.literal(value)


def _fill(position: int) -> Handler:
    def handler(writer: Writer, node: fx.Node) -> int:
        return writer.of(node.args[position])

    return handler


def _rsqrt(writer: Writer, node: fx.Node) -> int:
    return writer.emit("reciprocal", writer.emit("sqrt", writer.of(node.args[0])))


def _isfinite(writer: Writer, node: fx.Node) -> int:
    place = writer.of(node.args[0])
    bad = writer.emit("or", writer.emit("isinf", place), writer.emit("isnan", place))
    return writer.emit("not", bad)


def _relu(writer: Writer, node: fx.Node) -> int:
    return writer.emit("maximum", writer.of(node.args[0]), writer.literal(0))


def _overloads(name: str, handler: Handler) -> dict[Any, Handler]:
    packet = getattr(torch.ops.aten, name)
    return {getattr(packet, overload): handler for overload in packet.overloads()}


VIEWS = ("view", "reshape", "expand", "alias", "detach", "clone", "lift_fresh", "_unsafe_view")
ALIKE = (
    *("neg", "abs", "sqrt", "reciprocal", "ceil", "floor", "round", "trunc", "sign"),
    *("exp", "expm1", "log", "log1p", "sigmoid", "tanh", "sin", "cos", "atan", "erf", "erfc"),
    *("isinf", "isnan", "maximum", "minimum", "gt", "ge", "lt", "le", "eq", "ne", "where"),
)
"""Operations that torch and a body name alike."""


def _table() -> dict[Any, Handler]:
    table: dict[Any, Handler] = {}
    for name in ("add", "sub"):
        table |= _overloads(name, _plain(name))
    for name in ("mul", "div"):
        table |= _overloads(name, _scaled_by_one(name))
    table |= _overloads("rsub", _swapped("sub"))
    for name in ALIKE:
        table |= _overloads(name, _plain(name))
    for name in ("and", "or", "xor", "not"):
        table |= _overloads(f"logical_{name}", _plain(name))
        table |= _overloads(f"bitwise_{name}", _plain(name))
    for name in VIEWS:
        table |= _overloads(name, _same)
    for name in ("zeros_like", "new_zeros", "zeros"):
        table |= _overloads(name, _filled(0))
    for name in ("ones_like", "new_ones", "ones"):
        table |= _overloads(name, _filled(1))
    for name, position in (("full_like", 1), ("full", 1), ("new_full", 2), ("scalar_tensor", 0)):
        table |= _overloads(name, _fill(position))
    table |= _overloads("clamp_min", _clamp_to("maximum"))
    table |= _overloads("clamp_max", _clamp_to("minimum"))
    for name, handler in (
        ("_to_copy", _to_copy),
        ("clamp", _clamp),
        ("pow", _power),
        ("rsqrt", _rsqrt),
        ("isfinite", _isfinite),
        ("sgn", _plain("sign")),
        ("relu", _relu),
    ):
        table |= _overloads(name, handler)
    return table


HANDLERS = _table()
