"""Laws: which code of a DAC makes which potential or time, and how much a weight moves a membrane.

Fits to typical chips, no physics: hxtorch has the currents, calix the voltages. Circuits differ
from them; ``circuits`` says by how much.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from snn_hardware.figures import GAIN
from snn_hardware.target import RANGES, Target


class PowerLaw(NamedTuple):
    """``value = at_one * code ** exponent``, in seconds.

    >>> law = PowerLaw(at_one=100.0, exponent=-0.5)
    >>> law(torch.tensor(4.0)), law.inverse(torch.tensor(50.0))
    (tensor(50.), tensor(4.))
    """

    at_one: float
    exponent: float

    def __call__(self, code: Tensor) -> Tensor:
        """What a code makes."""
        return self.at_one * code**self.exponent

    def inverse(self, value: Tensor) -> Tensor:
        """The code, not rounded, that makes a value."""
        return (value / self.at_one) ** (1 / self.exponent)


LEAK = PowerLaw(242e-6, -0.72)
"""tau_mem by the code of the leak current, at full capacitance. Source: hxtorch."""

LEAK_DIVIDED = PowerLaw(851e-6, -0.59)
"""The same with the leak current divided. Source: hxtorch."""

DIVIDED_ABOVE = 20e-6
"""tau_mem at full capacitance above which the leak current is divided, in s. Source: hxtorch."""

SYNAPSE = PowerLaw(998e-6, -0.953)
"""tau_syn of the excitatory input. Source: hxtorch. One law for both inputs: assumption."""

INTRINSIC_CAPACITANCE = 6.3
"""Capacitance besides the 63 steps, in steps: 4.64 / 0.734 of hxtorch's fit of tau_mem."""

FULL_CAPACITANCE = RANGES["capacitance"][1]

LOW_CODE, LOW_LSB = 70.0, 20.0
LSB_PER_CODE = (220.0 - 20.0) / (550.0 - 70.0)
"""Voltages: code 70 is 20 LSB of the CADC, code 550 is 220. Source: calix; a line: assumption."""

CLOCK_FREQUENCY = 250e6
"""Of the refractory counters' clock before its division by 2 to 65536, in Hz. Source: haldls."""

MAX_COUNT = 255
MAX_CLOCK_SCALE = 15
"""Of the refractory counter, and of its clock's divider 2^(scale + 1). Source: haldls."""

LEAST_COUNT = 30
USUAL_CLOCK_SCALE = 4
"""Cycles that a refractory time has at least; the scale that is taken if it may. Source: calix."""


def potential(code: Tensor) -> Tensor:
    """Leak, reset or threshold of a code, in LSB of the CADC.

    >>> potential(torch.tensor([70.0, 550.0]))
    tensor([ 20., 220.])
    """
    return LOW_LSB + (code - LOW_CODE) * LSB_PER_CODE


def potential_code(lsb: Tensor) -> Tensor:
    """The code, not rounded, of a potential.

    >>> potential_code(torch.tensor(80.0))
    tensor(214.)
    """
    return LOW_CODE + (lsb - LOW_LSB) / LSB_PER_CODE


def capacitance_factor(capacitance: float) -> float:
    """A capacitance over the full one, with what is there besides its steps.

    >>> capacitance_factor(63), round(capacitance_factor(0), 3)
    (1.0, 0.091)
    """
    return (capacitance + INTRINSIC_CAPACITANCE) / (FULL_CAPACITANCE + INTRINSIC_CAPACITANCE)


def is_divided(tau_mem: Tensor, capacitance: float) -> Tensor:
    """Which circuits need the leak division: over 20 us, scaled to full capacitance.

    >>> is_divided(torch.tensor([10e-6, 25e-6]), 63)
    tensor([False,  True])
    """
    return tau_mem / capacitance_factor(capacitance) > DIVIDED_ABOVE


def tau_mem(code: Tensor, capacitance: float, divided: Tensor) -> Tensor:
    """tau_mem of a code of the leak current, in s.

    >>> tau_mem(torch.tensor(100.0), 63, torch.tensor(False)) * 1e6
    tensor(8.7865)
    """
    return capacitance_factor(capacitance) * torch.where(divided, LEAK_DIVIDED(code), LEAK(code))


def tau_mem_code(tau: Tensor, capacitance: float, divided: Tensor) -> Tensor:
    """The code, not rounded, of a tau_mem.

    >>> tau_mem_code(torch.tensor(10e-6), 63, torch.tensor(False))
    tensor(83.5537)
    """
    full = tau / capacitance_factor(capacitance)
    return torch.where(divided, LEAK_DIVIDED.inverse(full), LEAK.inverse(full))


def gain(target: Target) -> Tensor:
    """LSB by which the synaptic current jumps for each step of a weight, ``(512,)``.

    The current is in LSB of the membrane: tau_mem dv/dt = -v + i. At tau 10/10 us the peak of a PSP
    is 1/e of the jump, which gives the published anchor. From there it goes with dac_bias, with gm
    and with tau_mem over capacitance, which is the membrane's resistance (assumption; it meets
    hxtorch's second anchor, tau 6/6 us at dac_bias 1000, within 6 %).

    >>> gain(Target())[0] / math.e
    tensor(0.3500, dtype=torch.float64)
    """
    anchor = Target()
    resistance = target.per_circuit("tau_mem") / anchor.per_circuit("tau_mem")
    return (
        GAIN.value
        * math.e
        * (target.dac_bias / anchor.dac_bias)
        * (target.synin_gm / anchor.synin_gm)
        * (resistance / capacitance_factor(target.capacitance))
    )


def refractory_time(asked: Tensor) -> Tensor:
    """The refractory times that the counters really count, in s.

    As calix does it: circuits up to the mean share the fast of two clocks, the others the slow one;
    a clock is so slow that its longest time is at most 255 cycles and, if that leaves a choice, so
    fast that its shortest has 30, which keeps it within 2 % (below 240 ns the fastest clock has
    fewer, 8 ns each). The count is the nearest and at least 1; calix takes the next above.

    Args:
        asked: of all circuits of a chip, since they share the clocks.

    Raises:
        ValueError: a time that is not positive, or beyond 255 cycles of the slowest clock.

    >>> refractory_time(torch.tensor([1e-6, 2e-6], dtype=torch.float64)) * 1e6
    tensor([0.9920, 1.9840], dtype=torch.float64)
    """
    longest = MAX_COUNT * _period(torch.tensor(MAX_CLOCK_SCALE)).item()
    wrong = asked[~((asked > 0) & (asked <= longest))]
    if wrong.numel():
        raise ValueError(
            f"refractory_time = {wrong[0].item():g} cannot be counted: "
            f"the counters reach {longest:g} s and begin above 0"
        )
    period = torch.empty_like(asked)
    fast = asked <= asked.mean()
    for clock in (fast, ~fast):
        if bool(clock.any()):
            period[clock] = _clock_period(asked[clock])
    return (asked / period).round().clamp(1, MAX_COUNT) * period


def _clock_period(times: Tensor) -> Tensor:
    """Of the clock that counts these times."""
    at_least = times.max() / MAX_COUNT
    at_most = torch.maximum(times.min() / LEAST_COUNT, 2 * at_least)  # 2: a scale lies in between
    slowest = torch.floor(torch.log2(at_most * CLOCK_FREQUENCY / 2))
    fastest = torch.ceil(torch.log2(at_least * CLOCK_FREQUENCY / 2))
    scale = torch.tensor(float(USUAL_CLOCK_SCALE), dtype=times.dtype)
    return _period(torch.minimum(torch.maximum(scale, fastest), slowest).clamp(0, MAX_CLOCK_SCALE))


def _period(scale: Tensor) -> Tensor:
    return 2.0 ** (scale + 1) / CLOCK_FREQUENCY
