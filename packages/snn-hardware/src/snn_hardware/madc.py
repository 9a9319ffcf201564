"""Readout of one membrane by the MADC: a fast converter of 10 bits, one for the whole chip."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from snn_hardware.effects import Effects
from snn_hardware.figures import MADC_LEVELS, MADC_PER_CADC, MADC_PERIOD, MADC_SAMPLES
from snn_hardware.readout import on_line, rounded_, samples_needed, steps_within


def read_madc(
    trace: Tensor, step: float, *, effects: Effects, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """One neuron's membrane at the MADC's own times.

    A sample is the membrane on the line between the two rows beside it, plus noise; with
    ``effects.cadc`` it has 10 bits: steps of 1/2.35 LSB of the CADC, 0 to 435.3 LSB. The converter
    runs before the recording starts, so its first 8 us, which are not valid, are not in it.

    Assumptions: its noise is that of a read of the CADC (``effects.read_noise``), and 0 is the same
    potential for both.

    Args:
        trace: membrane in LSB of the CADC, ``(T, B)``; row k is the one at ``k * step``.
        step: seconds between rows.
        effects: ``cadc`` for the bits, ``read_noise``.
        generator: of the noise, on the CPU.

    Returns:
        Times ``(M,)`` in seconds, double precision, and values ``(M, B)`` in LSB of the CADC.

    Raises:
        ValueError: a shape or a step that cannot be.

    >>> times, values = read_madc(torch.linspace(0, 100, 11)[:, None], 1e-7, effects=Effects.none(),
    ...                           generator=torch.Generator())
    >>> len(times), times[1].item(), round(values[1].item(), 3)
    (30, 3.4e-08, 3.4)
    """
    if trace.dim() != 2 or not len(trace) or not trace.is_floating_point():
        raise ValueError(
            "the MADC reads one neuron: expected a trace (T, B) of at least one row in floating "
            f"point, got {tuple(trace.shape)} of {trace.dtype}"
        )
    if not (step > 0 and math.isfinite(step)):
        raise ValueError(f"step must be a positive number of seconds, got {step}")
    period = MADC_PERIOD.value
    count = steps_within(len(trace) - 1, step / period) + 1
    samples = torch.arange(count, dtype=torch.float64)
    values = on_line(trace, samples * (period / step))
    if effects.read_noise:
        noise = torch.randn(values.shape, generator=generator, dtype=values.dtype)
        values = values + effects.read_noise * noise
    if effects.cadc:
        values = rounded_(values * MADC_PER_CADC.value, MADC_LEVELS.value - 1)
        values = values.div_(MADC_PER_CADC.value)
    return samples * period, values


def check_madc_memory(duration: float, effects: Effects) -> None:
    """Nothing, if the samples of one recording find room.

    Args:
        duration: of a recording, in seconds.
        effects: ``sample_memory`` says whether there is a limit.

    Raises:
        ValueError: says how many samples are needed, how many there are and what helps.

    >>> check_madc_memory(2.2e-3, Effects())
    >>> check_madc_memory(3e-3, Effects())
    Traceback (most recent call last):
    ...
    ValueError: a recording of 3 ms needs 88236 MADC samples, but there is room for 65535: ...
    """
    room = int(MADC_SAMPLES.value)
    needed = samples_needed(duration, MADC_PERIOD.value)
    if effects.sample_memory and needed > room:
        raise ValueError(
            f"a recording of {duration * 1e3:g} ms needs {needed} MADC samples, but there is room "
            f"for {room}: make it at most {room * MADC_PERIOD.value * 1e3:.4g} ms, record without "
            "the MADC, or set the effects to sample_memory=False (no limit, which no chip has)"
        )
