"""exp, sigmoid and tanh of whole groups; other functions of libm, called for each lane."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from snn_fused.cpu.code import Code, Parameter
from snn_fused.cpu.memory import fused
from snn_fused.cpu.vectors import Vector


class Exponential(NamedTuple):
    """The numbers of exp(x) = 2^n exp(r), n the integer next to x / ln 2, |r| <= ln 2 / 2.

    Args:
        low, high: beyond these the result is 0 or infinity.
        one: from here on tanh(x / 2) is 1.
        shift: adding it rounds a number to an integer, which then stands in the lowest bits.
        ln2: ln 2 in two parts; n times the first has no rounding error.
        bias, mantissa: of the exponent, and its place in the bits.
        series: c of exp(r) = 1 + r + r^2 (c0 + c1 r + ...), minimax in the relative error.
    """

    low: float
    high: float
    one: float
    shift: float
    ln2: tuple[float, float]
    bias: int
    mantissa: int
    series: tuple[float, ...]


SINGLE = Exponential(
    low=-104.0,
    high=89.0,
    one=20.0,
    shift=1.5 * 2.0**23,
    ln2=(0.693359375, -2.12194440e-4),
    bias=127,
    mantissa=23,
    series=(0.499999933335, 0.166665189387, 0.0416684079704, 0.00836892179093, 0.00138141741799),
)

DOUBLE = Exponential(
    low=-746.0,
    high=710.0,
    one=40.0,
    shift=1.5 * 2.0**52,
    ln2=(0.693147180369123816490, 1.90821492927058770002e-10),
    bias=1023,
    mantissa=52,
    series=(
        0.5000000000000010932,
        0.16666666666666405078,
        0.041666666666527012341,
        0.0083333333334982368164,
        0.0013888888944577211927,
        0.00019841269500696159737,
        0.00002480149201277283856,
        2.7557589513233111853e-6,
        2.7630668434260103978e-7,
        2.4999747937852959366e-8,
    ),
)


def exp(code: Code, group: Vector, x: str) -> str:
    """e to the x, within one unit in the last place; inf, 0 and NaN where torch has them."""
    return _call(code, group, "exp", _exponential, x)


def sigmoid(code: Code, group: Vector, x: str) -> str:
    """1 / (1 + exp(-x)), as torch rounds it."""
    power = exp(code, group, code.value(f"fneg {group.numbers} {x}"))
    below = code.value(f"fadd {group.numbers} {power}, {group.splat(1)}")
    return code.value(f"fdiv {group.numbers} {group.splat(1)}, {below}")


def tanh(code: Code, group: Vector, x: str) -> str:
    """The hyperbolic tangent, within three units in the last place."""
    return _call(code, group, "tanh", _hyperbolic, x)


Written = Callable[[Code, Vector, Exponential], str]
"""Writes a function of %x; gives the name of its result."""


def _call(code: Code, group: Vector, function: str, written: Written, x: str) -> str:
    """Call a function of the module's own, written at its first call."""
    name = f"{function}.{group.suffix}"
    if name not in code.needs:
        inner = Code(code.needs)
        result = written(inner, group, SINGLE if group.size == 4 else DOUBLE)
        inner.line(f"ret {group.numbers} {result}")
        head, given = f"internal {group.numbers} @{name}", [Parameter(group.numbers, "%x")]
        code.needs[name] = inner.define(head, given, "alwaysinline")
    return code.call(group.numbers, name, [(group.numbers, x)])


def lane_by_lane(code: Code, group: Vector, function: str, operands: tuple[str, ...]) -> str:
    """A function of libm, called for each lane."""
    name = f"each.{function}.{group.suffix}"
    if name not in code.needs:
        code.needs[name] = _each(code.needs, name, group, function, len(operands))
    return code.call(group.numbers, name, [(group.numbers, value) for value in operands])


def _each(needs: dict[str, str], name: str, group: Vector, function: str, n_operands: int) -> str:
    code = Code(needs)
    given = [Parameter(group.numbers, f"%x{k}") for k in range(n_operands)]
    result = "poison"
    for lane in range(group.lanes):
        one = [
            (group.scalar, code.value(f"extractelement {kind} {value}, i64 {lane}"))
            for kind, value in given
        ]
        value = code.call(group.scalar, function + group.libm, one)
        result = code.value(
            f"insertelement {group.numbers} {result}, {group.scalar} {value}, i64 {lane}"
        )
    code.line(f"ret {group.numbers} {result}")
    return code.define(f"internal {group.numbers} @{name}", given, "noinline")


def _exponential(code: Code, group: Vector, constants: Exponential) -> str:
    x = _at_most(code, group, "%x", constants.high)
    beyond = code.value(f"fcmp olt {group.numbers} {x}, {group.splat(constants.low)}")
    shifted, above = _reduced(
        code, group, _chosen(code, group, beyond, constants.low, x), constants
    )
    result = code.value(f"fadd {group.numbers} {above}, {group.splat(1)}")
    for scale in _two_to_the(code, group, shifted, constants):
        result = code.value(f"fmul {group.numbers} {result}, {scale}")
    return result


def _hyperbolic(code: Code, group: Vector, constants: Exponential) -> str:
    """tanh |x| = e / (e + 2) with e = exp(2 |x|) - 1, which has no cancellation near 0."""
    size = code.call(group.numbers, f"llvm.fabs.{group.suffix}", [(group.numbers, "%x")])
    twice = code.value(f"fadd {group.numbers} {size}, {size}")
    bounded = _at_most(code, group, twice, constants.one)
    shifted, above = _reduced(code, group, bounded, constants)
    scale, rest = _two_to_the(code, group, shifted, constants)
    scale = code.value(f"fmul {group.numbers} {scale}, {rest}")
    less = code.value(f"fsub {group.numbers} {scale}, {group.splat(1)}")
    e = fused(code, group, scale, above, less)
    below = code.value(f"fadd {group.numbers} {e}, {group.splat(2)}")
    result = code.value(f"fdiv {group.numbers} {e}, {below}")
    given = [(group.numbers, result), (group.numbers, "%x")]
    return code.call(group.numbers, f"llvm.copysign.{group.suffix}", given)


def _at_most(code: Code, group: Vector, x: str, high: float) -> str:
    """x where it is not above a bound; NaN is not."""
    beyond = code.value(f"fcmp ogt {group.numbers} {x}, {group.splat(high)}")
    return _chosen(code, group, beyond, high, x)


def _chosen(code: Code, group: Vector, flag: str, value: float, other: str) -> str:
    first = f"{group.numbers} {group.splat(value)}"
    return code.value(f"select {group.flags} {flag}, {first}, {group.numbers} {other}")


def _reduced(code: Code, group: Vector, x: str, constants: Exponential) -> tuple[str, str]:
    """n of x = n ln 2 + r, shifted; and exp(r) - 1 by its series."""
    shifted = fused(code, group, x, group.splat(1 / math.log(2)), group.splat(constants.shift))
    n = code.value(f"fsub {group.numbers} {shifted}, {group.splat(constants.shift)}")
    r = x
    for part in constants.ln2:
        r = fused(code, group, n, group.splat(-part), r)
    *rest, series = map(group.splat, constants.series)
    for coefficient in reversed(rest):
        series = fused(code, group, series, r, coefficient)
    square = code.value(f"fmul {group.numbers} {r}, {r}")
    return shifted, fused(code, group, square, series, r)


def _two_to_the(code: Code, group: Vector, shifted: str, constants: Exponential) -> list[str]:
    """2^n as two factors, since n goes beyond the exponents of a number."""
    kind = group.integers
    bits = code.value(f"bitcast {group.numbers} {shifted} to {kind}")
    zero = code.value(f"bitcast {group.numbers} {group.splat(constants.shift)} to {kind}")
    n = code.value(f"sub {kind} {bits}, {zero}")
    half = code.value(f"ashr {kind} {n}, splat ({group.integer} 1)")
    factors = []
    for part in (half, code.value(f"sub {kind} {n}, {half}")):
        exponent = code.value(f"add {kind} {part}, splat ({group.integer} {constants.bias})")
        placed = code.value(f"shl {kind} {exponent}, splat ({group.integer} {constants.mantissa})")
        factors.append(code.value(f"bitcast {kind} {placed} to {group.numbers}"))
    return factors
