"""Readout of membranes by the CADC: one 8-bit converter a circuit, read at a slow period."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from snn_hardware.effects import Effects
from snn_hardware.figures import (
    CADC_LEVELS,
    CADC_PERIOD,
    DRAM_PERIOD,
    DRAM_SAMPLES,
    SRAM_SAMPLES,
)

# A ratio of two times this near to a whole number is that number: 2e-6 / 0.25e-6 is not exactly 8.
_WHOLE = 1e-6


class Readout(NamedTuple):
    """What the CADC read.

    Args:
        rows: membranes on the grid in the unit of the trace, ``(n_rows, B, N)``.
        at_ends: how many reads are 0 or 255: such a membrane may have been further out.
    """

    rows: Tensor
    at_ends: int


def read_cadc(
    trace: Tensor,
    step: float,
    *,
    dt: float,
    n_rows: int,
    effects: Effects,
    offset: Tensor | None,
    generator: torch.Generator,
    zero: float = 0.0,
    per_unit: float = 1.0,
) -> Readout:
    """The membranes as the chip reports them.

    A read every ``effects.cadc_period`` seconds, from 0 to the last row of the trace, is the
    membrane on the line between the two rows beside it, plus the offset, plus
    ``effects.read_noise``; with ``effects.cadc`` rounded half away from zero and limited to 0 to
    255. A row of the result lies on the line between the two reads beside it, and is constant after
    the last read (hxtorch calls it "linear").

    Args:
        trace: membranes, ``(T, B, N)``; row k is the one at ``k * step``.
        step: seconds between rows of the trace.
        dt: seconds between rows of the result.
        n_rows: of the result; row k is the one at ``k * dt``.
        effects: ``cadc_period`` of 0 reads at every row of the result.
        offset: of the channels in LSB, ``(N,)``; None for none.
        generator: of the noise of reads, on the CPU.
        zero, per_unit: LSB where the trace is 0, and for its unit; it is in LSB if not given.

    Raises:
        ValueError: a shape, a step or a period that cannot be.

    >>> membrane = torch.tensor([80.0, 90.4, 100.8, 111.2, 300.0])[:, None, None]
    >>> on = Effects.only("cadc", "cadc_period")
    >>> read = read_cadc(membrane, 1e-6, dt=1e-6, n_rows=5, effects=on, offset=None,
    ...                  generator=torch.Generator())
    >>> read.rows.flatten().tolist(), read.at_ends
    ([80.0, 90.5, 101.0, 178.0, 255.0], 1)
    """
    _check(trace, step, dt, n_rows, offset)
    check_period(effects)
    # Without a period reads are made where rows are wanted, and there is no line to draw.
    period = effects.cadc_period or dt
    n_reads = min(steps_within(len(trace) - 1, step / period) + 1, _reads_used(n_rows, dt / period))
    reads = on_line(trace, _positions(n_reads, period / step))
    base = reads.new_full((), zero) if offset is None else zero + offset.to(reads)
    if effects.read_noise:
        noise = torch.randn(reads.shape, generator=generator, dtype=reads.dtype)
        reads = noise.mul_(effects.read_noise).add_(reads, alpha=per_unit).add_(base)
    else:
        reads = torch.add(base, reads, alpha=per_unit)
    at_ends = _round_(reads) if effects.cadc else 0
    if (zero, per_unit) != (0.0, 1.0):
        reads.sub_(zero).div_(per_unit)
    return Readout(on_line(reads, _positions(n_rows, dt / period)), at_ends)


def check_period(effects: Effects) -> None:
    """Nothing, if the CADC can read as often.

    Raises:
        ValueError: names the shortest period.

    >>> check_period(Effects())
    """
    period = effects.cadc_period
    if period and period < CADC_PERIOD.value:
        raise ValueError(
            f"cadc_period is {period * 1e6:g} us, but the CADC needs {CADC_PERIOD.value * 1e6:g} "
            "us for a read; give a longer period, or 0 for reads at every row, which no chip has"
        )


def check_memory(duration: float, effects: Effects) -> None:
    """Nothing, if the reads of one recording find room in the chip's memory.

    Reads closer than 6 us go to SRAM, others to DRAM. A period of 0 is no chip's, and takes none.

    Args:
        duration: of a recording, in seconds.
        effects: ``sample_memory`` says whether there is a limit.

    Raises:
        ValueError: says how many samples are needed, how many there are and what helps.

    >>> check_memory(200e-6, Effects())
    >>> check_memory(300e-6, Effects())
    Traceback (most recent call last):
    ...
    ValueError: a recording of 300 us needs 150 CADC samples at every 2 us, but there is room ...
    """
    check_period(effects)
    period = effects.cadc_period
    if not (effects.sample_memory and period):
        return
    fast = period < DRAM_PERIOD.value
    room = int((SRAM_SAMPLES if fast else DRAM_SAMPLES).value)
    needed = samples_needed(duration, period)
    if needed > room:
        slower = f"cadc_period={DRAM_PERIOD.value:g} (to DRAM), " if fast else ""
        raise ValueError(
            f"a recording of {duration * 1e6:g} us needs {needed} CADC samples at every "
            f"{period * 1e6:g} us, but there is room for {room} in {'SRAM' if fast else 'DRAM'}: "
            f"make it at most {room * period * 1e6:g} us, or set the effects to {slower}"
            "sample_memory=False (no limit, which no chip has)"
        )


def samples_needed(duration: float, period: float) -> int:
    """How many samples a recording takes: at 0, ``period``, ... before its end.

    >>> samples_needed(200e-6, 2e-6), samples_needed(200.1e-6, 2e-6)
    (100, 101)
    """
    return math.ceil(round(duration / period, 6))


def steps_within(count: int, ratio: float) -> int:
    """How many whole units lie in ``count`` steps of ``ratio`` units each.

    >>> steps_within(8, 0.25e-6 / 2e-6), steps_within(7, 0.25e-6 / 2e-6)
    (1, 0)
    """
    return math.floor(count * ratio + _WHOLE)


def on_line(values: Tensor, positions: Tensor) -> Tensor:
    """Rows between rows: at position 1.5 the mean of rows 1 and 2, beyond the ends constant.

    Args:
        values: ``(R, ...)``.
        positions: ``(P,)`` in double precision, in units of rows.

    Returns:
        ``(P, ...)``; ``values`` themselves if they are what is asked for.

    With samples 10 at 2.5 us and 20 at 4.5 us, on rows of 1 us:

    >>> at = (torch.arange(7, dtype=torch.float64) - 2.5) / 2
    >>> on_line(torch.tensor([10.0, 20.0]), at).tolist()
    [10.0, 10.0, 10.0, 12.5, 17.5, 20.0, 20.0]
    """
    last = len(values) - 1
    positions = positions.clamp(0, last)
    whole = positions.round()
    positions = torch.where((positions - whole).abs() < _WHOLE, whole, positions)
    below = positions.floor()
    share = positions - below
    index = below.long()
    if torch.equal(positions, torch.arange(last + 1, dtype=positions.dtype)):
        return values
    if not share.any():
        return values.index_select(0, index.to(values.device))
    # all lines at once: a product with few numbers makes one pass over the memory
    lines, row = values.new_zeros(len(positions), last + 1), torch.arange(len(positions))
    lines[row, index] = (1 - share).to(values)
    lines[row, (index + 1).clamp(max=last)] += share.to(values)
    return (lines @ values.reshape(last + 1, -1)).view(-1, *values.shape[1:])


def rounded_(values: Tensor, highest: float) -> Tensor:
    """The values as whole numbers from 0 to ``highest``, halves away from zero, in their place.

    >>> rounded_(torch.tensor([-3.0, 0.5, 1.49, 254.5, 400.0]), 255).tolist()
    [0.0, 1.0, 1.0, 255.0, 255.0]
    """
    # Halves away from zero are halves up where negative ones end at 0 anyway.
    return values.add_(0.5).floor_().clamp_(0, highest)


def _round_(reads: Tensor) -> int:
    """Convert reads to 8 bits in their place; returns how many are at an end."""
    highest = CADC_LEVELS.value - 1
    rounded_(reads, highest)
    low, high = reads.aminmax() if reads.numel() else (reads.new_ones(()), reads.new_ones(()))
    above_0 = int(reads.count_nonzero()) if low == 0 else reads.numel()
    below = int((reads < highest).count_nonzero()) if high == highest else reads.numel()
    return 2 * reads.numel() - above_0 - below


def _positions(count: int, ratio: float) -> Tensor:
    return torch.arange(count, dtype=torch.float64) * ratio


def _reads_used(n_rows: int, ratio: float) -> int:
    """Reads up to the one at or after the last row; later ones nobody sees."""
    return math.ceil((n_rows - 1) * ratio - _WHOLE) + 1


def _check(trace: Tensor, step: float, dt: float, n_rows: int, offset: Tensor | None) -> None:
    if trace.dim() != 3 or not len(trace) or not trace.is_floating_point():
        raise ValueError(
            f"expected a trace (T, B, N) of at least one row in floating point, got "
            f"{tuple(trace.shape)} of {trace.dtype}"
        )
    for name, seconds in (("step", step), ("dt", dt)):
        if not (seconds > 0 and math.isfinite(seconds)):
            raise ValueError(f"{name} must be a positive number of seconds, got {seconds}")
    if n_rows < 1:
        raise ValueError(f"n_rows must be at least 1, got {n_rows}")
    if offset is not None and tuple(offset.shape) != (trace.shape[2],):
        raise ValueError(
            f"expected an offset for each of {trace.shape[2]} neurons, got {tuple(offset.shape)}"
        )
