"""exp and what is made of it, lane by lane in vectors; the rest of libm is called for each lane."""

from __future__ import annotations

import math
from typing import NamedTuple

from snn_fused.cpu.code import Code, Parameter
from snn_fused.cpu.memory import fused
from snn_fused.cpu.vectors import Vector


class Exponential(NamedTuple):
    """The numbers of exp(x) = 2^n exp(r), n the integer next to x / ln 2, |r| <= ln 2 / 2.

    Args:
        low, high: beyond these the result is 0 or infinity.
        shift: adding it rounds a number to an integer, which then stands in the lowest bits.
        ln2: ln 2 in two parts; n times the first has no rounding error.
        bias, mantissa: of the exponent, and its place in the bits.
        series: c of exp(r) = 1 + r + r^2 (c0 + c1 r + ...), minimax in the relative error.
    """

    low: float
    high: float
    shift: float
    ln2: tuple[float, float]
    bias: int
    mantissa: int
    series: tuple[float, ...]


SINGLE = Exponential(
    low=-104.0,
    high=89.0,
    shift=1.5 * 2.0**23,
    ln2=(0.693359375, -2.12194440e-4),
    bias=127,
    mantissa=23,
    series=(0.499999933335, 0.166665189387, 0.0416684079704, 0.00836892179093, 0.00138141741799),
)

DOUBLE = Exponential(
    low=-746.0,
    high=710.0,
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
    name = f"exponential.{group.suffix}"
    if name not in code.needs:
        code.needs[name] = _exponential(code.needs, name, group)
    return code.call(group.numbers, name, [(group.numbers, x)])


def sigmoid(code: Code, group: Vector, x: str) -> str:
    """1 / (1 + exp(-x)), as torch rounds it."""
    power = exp(code, group, code.value(f"fneg {group.numbers} {x}"))
    below = code.value(f"fadd {group.numbers} {power}, {group.splat(1)}")
    return code.value(f"fdiv {group.numbers} {group.splat(1)}, {below}")


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


def _exponential(needs: dict[str, str], name: str, group: Vector) -> str:
    code = Code(needs)
    constants = SINGLE if group.size == 4 else DOUBLE
    x = _clamped(code, group, "%x", constants)
    shifted = fused(code, group, x, group.splat(1 / math.log(2)), group.splat(constants.shift))
    n = code.value(f"fsub {group.numbers} {shifted}, {group.splat(constants.shift)}")
    r = x
    for part in constants.ln2:
        r = fused(code, group, n, group.splat(-part), r)
    scaled = _near_one(code, group, r, constants)
    for scale in _two_to_the(code, group, shifted, constants):
        scaled = code.value(f"fmul {group.numbers} {scaled}, {scale}")
    code.line(f"ret {group.numbers} {scaled}")
    given = [Parameter(group.numbers, "%x")]
    return code.define(f"internal {group.numbers} @{name}", given, "alwaysinline")


def _clamped(code: Code, group: Vector, x: str, constants: Exponential) -> str:
    """x within low and high; NaN stays, since it compares to neither."""
    for compare, bound in (("ogt", constants.high), ("olt", constants.low)):
        limit = group.splat(bound)
        beyond = code.value(f"fcmp {compare} {group.numbers} {x}, {limit}")
        x = code.value(
            f"select {group.flags} {beyond}, {group.numbers} {limit}, {group.numbers} {x}"
        )
    return x


def _near_one(code: Code, group: Vector, r: str, constants: Exponential) -> str:
    """exp(r) by its series."""
    *rest, series = map(group.splat, constants.series)
    for coefficient in reversed(rest):
        series = fused(code, group, series, r, coefficient)
    square = code.value(f"fmul {group.numbers} {r}, {r}")
    above = fused(code, group, square, series, r)
    return code.value(f"fadd {group.numbers} {above}, {group.splat(1)}")


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
