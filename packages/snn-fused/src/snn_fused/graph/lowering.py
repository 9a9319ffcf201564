"""Lower the nodes of a traced graph: which operation of torch becomes which of a body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from snn_fused.graph.body import FLAG, NUMBER
from snn_fused.graph.writer import Writer, check_lanes, fail

Handler = Callable[[Writer, fx.Node], int]


def lower(writer: Writer, node: fx.Node) -> None:
    """Write one node of the graph.

    Raises:
        CannotLower: it is not pointwise, or not known here.
    """
    check_lanes(node, writer.dtype)
    handler = HANDLERS.get(node.target)
    if handler is None:
        raise fail(node, "which is not pointwise or not known here")
    place = handler(writer, node)
    if (node.meta["dtype"] == torch.bool) != (writer.kind(place) == FLAG):
        raise fail(node, "which counts with truth values")
    writer.values[node] = place


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
