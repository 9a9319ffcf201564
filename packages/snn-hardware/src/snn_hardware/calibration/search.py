"""Search: codes for a target, by measuring what circuits make of codes; the pattern is not read.

What a circuit makes of a code, less what the law says (times: the log of the quotient), is its own
offset plus something of the write and of the instrument. The offset is the mean over the writes so
far, and the next codes are the law's for the target less that offset:

    offset <- offset + (measured - law(code) - offset) / n,     code <- law^-1(target - offset)

which is stochastic approximation with gain 1 / n. The first write, with the typical codes, only
leads there; the mean is taken over the others, close to the target.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from snn_hardware.calibration.result import Calibration
from snn_hardware.circuits import (
    POTENTIALS,
    Codes,
    Values,
    codes_for,
    nominal,
    rounded,
    typical_codes,
    wanted,
)
from snn_hardware.effects import Effects
from snn_hardware.figures import HIGHEST_CODE, LOWEST_CODE
from snn_hardware.instruments import Bench, measure
from snn_hardware.pattern import Pattern
from snn_hardware.target import Target

WRITES = 33
"""One with the typical codes and 32 that are averaged: their scatter shrinks to less than a fifth
of one write's, which the last write adds again. Assumption."""


def calibrate(
    target: Target, pattern: Pattern, effects: Effects, *, first_write: int = 0
) -> Calibration:
    """Find codes that bring the circuits of a chip to a target.

    Writes and measures 34 times: with the typical codes, 32 times while searching, and what it
    found. The circuits then are those of the last write.

    Args:
        target: for all circuits or for each.
        pattern: of the chip.
        effects: what is imperfect.
        first_write: number of the first write; another number, another calibration of the chip.

    Raises:
        ValueError, TypeError: a target that the chip or the laws cannot reach, effects out of
            range, a first_write below 0; before anything is measured.

    >>> found = calibrate(Target(), Pattern(7), Effects.only("leak"))
    >>> found.spread()["leak"].ratio < 0.3
    True
    """
    if first_write < 0:
        raise ValueError(f"writes are counted from 0, got first_write = {first_write}")
    bench = Bench(target.check(), pattern, effects.check())
    codes = typical_codes(target, effects)
    with _one_thread():
        before = measured = measure(bench, codes, first_write)
        offset = Values(*(torch.zeros_like(value) for value in measured))
        for count in range(1, WRITES + 1):
            offset = _updated(offset, measured, nominal(codes, target), 1 / max(1, count - 1))
            codes = _corrected(offset, target, effects)
            measured = measure(bench, codes, first_write + count)
    return Calibration(
        seed=pattern.seed,
        target=target,
        effects=effects,
        codes=codes,
        write=first_write + WRITES,
        before=before,
        after=measured,
    )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Thousands of small operations: shared out, they wait for threads that a busy machine lacks.

    The number of threads is the whole process's; it is put back as it was.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _updated(offset: Values, measured: Values, typical: Values, gain: float) -> Values:
    """Offsets moved towards what was seen last; where nothing was seen they stay."""
    return Values(
        **{
            name: _moved(getattr(offset, name), _seen(name, measured, typical), gain)
            for name in Values._fields
        }
    )


def _moved(offset: Tensor, seen: Tensor, gain: float) -> Tensor:
    return torch.where(seen.isfinite(), offset + gain * (seen - offset), offset)


def _seen(name: str, measured: Values, typical: Values) -> Tensor:
    found, by_law = getattr(measured, name), getattr(typical, name)
    return found - by_law if name in POTENTIALS else torch.log(found / by_law)


def _corrected(offset: Values, target: Target, effects: Effects) -> Codes:
    """The law's codes for the target less the offsets, held within the DAC; the result tells."""
    asked = Values(
        **{
            name: value - shift if name in POTENTIALS else value / torch.exp(shift)
            for name, value, shift in zip(Values._fields, wanted(target), offset, strict=True)
        }
    )
    codes = rounded(codes_for(asked, target), effects)
    ends = (LOWEST_CODE.value, HIGHEST_CODE.value)
    return codes._replace(**{name: getattr(codes, name).clamp(*ends) for name in Values._fields})
