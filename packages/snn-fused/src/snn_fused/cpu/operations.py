"""Each operation of a Body as LLVM IR on groups of lanes: torch's results, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from snn_fused.cpu.code import Code
from snn_fused.cpu.transcendental import exp, lane_by_lane, sigmoid, tanh
from snn_fused.cpu.vectors import Vector
from snn_fused.graph.body import Body

Write = Callable[..., str]
"""Writes one operation: takes the Code, the Vector and a name for each operand; gives a name."""


def write(
    code: Code, group: Vector, body: Body, known: Mapping[int, str], wanted: Iterable[int]
) -> dict[int, str]:
    """Write what the wanted places need; returns the names of all values by place.

    Args:
        code: where to.
        group: the type of the numbers.
        body: whose operations.
        known: names of values that are there: inputs, and results kept from elsewhere.
        wanted: places.
    """
    values = dict(known)
    n_inputs = len(body.inputs)
    for place in sorted(needed(body, known, wanted)):
        operation, operands = body.nodes[place - n_inputs]
        values[place] = WRITE[operation](code, group, *(values[k] for k in operands))
    return values


def needed(body: Body, known: Iterable[int], wanted: Iterable[int]) -> set[int]:
    """The places of the operations that the wanted places need, given the known ones.

    Raises:
        ValueError: an input is needed that is not known.

    >>> from snn_fused.graph.body import Node
    >>> body = Body(("x",), (Node("neg", (0,)), Node("abs", (1,)), Node("abs", (0,))), ())
    >>> needed(body, [0], [2])
    {1, 2}
    """
    known, found, waiting = set(known), set[int](), list(wanted)
    while waiting:
        place = waiting.pop()
        if place in known or place in found:
            continue
        if place < len(body.inputs):
            raise ValueError(f"the body needs {body.inputs[place]}, which is not there")
        found.add(place)
        waiting.extend(body.nodes[place - len(body.inputs)].operands)
    return found


def _arithmetic(instruction: str) -> Write:
    def write(code: Code, group: Vector, a: str, b: str) -> str:
        return code.value(f"{instruction} {group.numbers} {a}, {b}")

    return write


def _logic(instruction: str) -> Write:
    def write(code: Code, group: Vector, a: str, b: str) -> str:
        return code.value(f"{instruction} {group.flags} {a}, {b}")

    return write


def _intrinsic(name: str) -> Write:
    def write(code: Code, group: Vector, *operands: str) -> str:
        given = [(group.numbers, value) for value in operands]
        return code.call(group.numbers, f"llvm.{name}.{group.suffix}", given)

    return write


def _library(function: str) -> Write:
    def write(code: Code, group: Vector, *operands: str) -> str:
        return lane_by_lane(code, group, function, operands)

    return write


def _neg(code: Code, group: Vector, a: str) -> str:
    return code.value(f"fneg {group.numbers} {a}")


def _reciprocal(code: Code, group: Vector, a: str) -> str:
    return code.value(f"fdiv {group.numbers} {group.splat(1)}, {a}")


def _extreme(compare: str) -> Write:
    """The larger or smaller; NaN if either is."""

    def write(code: Code, group: Vector, a: str, b: str) -> str:
        beyond = code.value(f"fcmp {compare} {group.numbers} {a}, {b}")
        first = _logic("or")(code, group, beyond, _isnan(code, group, a))
        return _where(code, group, first, a, b)

    return write


def _isnan(code: Code, group: Vector, a: str) -> str:
    return code.value(f"fcmp uno {group.numbers} {a}, {a}")


def _isinf(code: Code, group: Vector, a: str) -> str:
    size = _intrinsic("fabs")(code, group, a)
    return code.value(f"fcmp oeq {group.numbers} {size}, {group.splat(math.inf)}")


def _where(code: Code, group: Vector, flag: str, a: str, b: str) -> str:
    return code.value(f"select {group.flags} {flag}, {group.numbers} {a}, {group.numbers} {b}")


def _number(code: Code, group: Vector, flag: str) -> str:
    return _where(code, group, flag, group.splat(1), "zeroinitializer")


def _flag(code: Code, group: Vector, a: str) -> str:
    return code.value(f"fcmp une {group.numbers} {a}, zeroinitializer")


def _not(code: Code, group: Vector, flag: str) -> str:
    return code.value(f"xor {group.flags} {flag}, splat (i1 true)")


def _sign(code: Code, group: Vector, a: str) -> str:
    """1, -1 or 0; torch gives 0 for NaN."""
    above = code.value(f"fcmp ogt {group.numbers} {a}, zeroinitializer")
    below = code.value(f"fcmp olt {group.numbers} {a}, zeroinitializer")
    rest = _where(code, group, below, group.splat(-1), "zeroinitializer")
    return _where(code, group, above, group.splat(1), rest)


WRITE: dict[str, Write] = {
    "add": _arithmetic("fadd"),
    "sub": _arithmetic("fsub"),
    "mul": _arithmetic("fmul"),
    "div": _arithmetic("fdiv"),
    "neg": _neg,
    "reciprocal": _reciprocal,
    "maximum": _extreme("ogt"),
    "minimum": _extreme("olt"),
    "abs": _intrinsic("fabs"),
    "sqrt": _intrinsic("sqrt"),
    "ceil": _intrinsic("ceil"),
    "floor": _intrinsic("floor"),
    "round": _intrinsic("roundeven"),
    "trunc": _intrinsic("trunc"),
    "exp": exp,
    "sigmoid": sigmoid,
    "tanh": tanh,
    **{
        name: _library(name)
        for name in ("expm1", "log", "log1p", "sin", "cos", "atan", "erf", "erfc", "pow")
    },
    "sign": _sign,
    "gt": _arithmetic("fcmp ogt"),
    "ge": _arithmetic("fcmp oge"),
    "lt": _arithmetic("fcmp olt"),
    "le": _arithmetic("fcmp ole"),
    "eq": _arithmetic("fcmp oeq"),
    "ne": _arithmetic("fcmp une"),
    "and": _logic("and"),
    "or": _logic("or"),
    "xor": _logic("xor"),
    "not": _not,
    "isinf": _isinf,
    "isnan": _isnan,
    "where": _where,
    "number": _number,
    "flag": _flag,
}
"""By the names of ``snn_fused.graph.body.OPERATIONS``."""
