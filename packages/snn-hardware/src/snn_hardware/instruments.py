"""Instruments: experiments that measure what the circuits have, through converters and their noise.

Each simulates what a circuit does in the experiment and reads it; nothing looks at the pattern:

    leak       membrane at rest, not firing                          CADC, 64 reads
    reset      membrane held in reset                                CADC, 64 reads
    threshold  last read before each spike of 64 slow ramps          CADC, once for each ramp
    tau_mem    membrane released from reset, relaxing to its leak    MADC, fit of an exponential
    tau_syn    synaptic input after a burst of events                MADC, fit of an exponential

An experiment that needs other potentials writes those alone; the currents stay as they were
written. The offsets of the CADC's channels are trimmed before (assumption; calix does it first).
The MADC sees one circuit at a time: the chip does the last two experiments 512 times.
"""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

import torch
from torch import Tensor

from snn_hardware import laws
from snn_hardware.circuits import Codes, Values, nominal, values
from snn_hardware.effects import Effects
from snn_hardware.figures import (
    CADC_LEVELS,
    CIRCUITS,
    MADC_LEVELS,
    MADC_PER_CADC,
    MADC_PERIOD,
)
from snn_hardware.fitting import Exponential, fit
from snn_hardware.pattern import Pattern
from snn_hardware.target import Target

READS = 64
"""Of a potential, averaged. Assumption."""

TRACES = 2
"""Of a relaxation, averaged. Assumption."""

SAMPLES = 128
"""Of a trace that are fitted. Assumption."""

WINDOW = 5.0
"""Length of a trace, in time constants of the target. Assumption."""

RAMP = 0.25e6
"""Slope of the ramps, in LSB/s: half an LSB between two reads of the CADC. Assumption."""

HIGH, LOW = 200.0, 60.0
"""Leak and reset while tau_mem is measured, in LSB. Assumption; calix too drives them apart."""

SYNAPSE_REST, SYNAPSE_JUMP = 100.0, 140.0
"""Synaptic input at rest, and by how much the burst moves it, in LSB. Assumption."""


class Bench(NamedTuple):
    """A chip to be measured. The pattern is the chip's own: experiments do not read it.

    >>> Bench(Target(), Pattern(7), Effects()).pattern.seed
    7
    """

    target: Target
    pattern: Pattern
    effects: Effects


def measure(bench: Bench, codes: Codes, write: int) -> Values:
    """All that can be measured of the 512 circuits.

    Args:
        bench: the chip.
        codes: that are written to it.
        write: number of the write; the experiments on one write repeat their noise.

    Returns:
        Values with an error of reading; nan for what could not be measured: the threshold of a
        circuit that does not fire, a time constant whose fit ran away.

    >>> from snn_hardware.circuits import typical_codes
    >>> ideal = Bench(Target(), Pattern(7), Effects.none())
    >>> measure(ideal, typical_codes(*ideal[::2]), 0).leak[:2]
    tensor([80., 80.], dtype=torch.float64)
    """
    real = values(codes, bench.target, bench.pattern, bench.effects, write)
    return Values(
        leak=_potential(bench, "leak", write, real.leak),
        reset=_potential(bench, "reset", write, real.reset),
        threshold=_threshold(bench, write, real.threshold),
        tau_mem=_tau_mem(bench, codes, write),
        tau_syn=_tau_syn(bench, write, real.tau_syn),
    )


def _potential(bench: Bench, name: str, write: int, membrane: Tensor) -> Tensor:
    """A membrane that stands still, read again and again."""
    reads = membrane.expand(READS, int(CIRCUITS.value))
    return _mean(_cadc(bench.effects, reads, _generator(bench, name, write)))


def _threshold(bench: Bench, write: int, threshold: Tensor) -> Tensor:
    """The spike comes between two reads of the ramp: by half a step they are too low on average."""
    generator = _generator(bench, "threshold", write)
    step = RAMP * bench.effects.cadc_period
    shape = (READS, int(CIRCUITS.value))
    missed = step * torch.rand(shape, generator=generator, dtype=torch.float64)
    highest = _mean(_cadc(bench.effects, threshold - missed, generator)) + step / 2
    return highest.masked_fill(bench.pattern.dead(bench.effects.dead), math.nan)


def _tau_mem(bench: Bench, codes: Codes, write: int) -> Tensor:
    """Leak and reset are driven apart, so that there is a relaxation whatever the target."""
    apart = codes._replace(
        leak=laws.potential_code(torch.full_like(codes.leak, HIGH)),
        reset=laws.potential_code(torch.full_like(codes.reset, LOW)),
    )
    real = values(apart, bench.target, bench.pattern, bench.effects, write)
    typical = nominal(apart, bench.target)
    asked = bench.target.per_circuit("tau_mem")
    return _fitted_tau(
        bench,
        _generator(bench, "tau_mem", write),
        Exponential(real.leak, real.reset - real.leak, real.tau_mem),
        Exponential(typical.leak, typical.reset - typical.leak, asked),
    )


def _tau_syn(bench: Bench, write: int, tau: Tensor) -> Tensor:
    """The input's own voltage, cut off from the membrane, as calix does it.

    The efficacy of input and synapses only scales it, which the fit leaves free.
    """
    rest, jump = torch.full_like(tau, SYNAPSE_REST), torch.full_like(tau, SYNAPSE_JUMP)
    return _fitted_tau(
        bench,
        _generator(bench, "tau_syn", write),
        Exponential(rest, jump, tau),
        Exponential(rest, jump, bench.target.per_circuit("tau_syn")),
    )


def _fitted_tau(
    bench: Bench, generator: torch.Generator, real: Exponential, expected: Exponential
) -> Tensor:
    """Of traces of what is real, with a fit that starts at what is expected."""
    times = _sample_times(expected.tau)
    traces = real.at(times).expand(TRACES, *times.shape)
    tau = fit(times, _mean(_madc(bench.effects, traces, generator)), expected).tau
    return torch.where(torch.isfinite(tau) & (tau > 0), tau, math.nan)


def _sample_times(tau: Tensor) -> Tensor:
    """Samples of the MADC, so many skipped that the others span the window, ``(N, SAMPLES)``."""
    stride = torch.floor(WINDOW * tau / (SAMPLES * MADC_PERIOD.value)).clamp(min=1)
    return stride[:, None] * torch.arange(SAMPLES, dtype=torch.float64) * MADC_PERIOD.value


def _cadc(effects: Effects, membrane: Tensor, generator: torch.Generator) -> Tensor:
    """Membranes, which stay within their rails, as its numbers."""
    highest = CADC_LEVELS.value - 1
    if effects.rails:
        membrane = membrane.clamp(0, highest)
    read = _with_noise(effects, membrane, generator)
    return _rounded(read).clamp(0, highest) if effects.cadc else read


def _madc(effects: Effects, voltage: Tensor, generator: torch.Generator) -> Tensor:
    """Voltages as its numbers, in LSB of the CADC; its noise is the CADC's (assumption)."""
    read = _with_noise(effects, voltage, generator)
    if not effects.cadc:
        return read
    return (
        _rounded(read * MADC_PER_CADC.value).clamp(0, MADC_LEVELS.value - 1) / MADC_PER_CADC.value
    )


def _with_noise(effects: Effects, voltage: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of the read and of the membrane, anew for each read."""
    std = math.hypot(effects.read_noise, effects.membrane_noise)
    if std == 0:
        return voltage
    return voltage + std * torch.randn(voltage.shape, generator=generator, dtype=torch.float64)


def _rounded(read: Tensor) -> Tensor:
    return torch.floor(read + 0.5)


def _mean(reads: Tensor) -> Tensor:
    """Over the first dimension; of equal reads it is that read, to the bit."""
    return reads[0] + (reads - reads[0]).mean(dim=0)


def _generator(bench: Bench, quantity: str, write: int) -> torch.Generator:
    """Noise of its own for each chip, write and quantity."""
    name = f"{bench.pattern.seed}/reads of {quantity}, write {write}"
    digest = hashlib.sha256(name.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
