"""Circuits: the codes written to a chip's 512 circuits, and the values that they make of them.

With the law of a parameter, the circuit's own n and the write's n' (both standard normal), s the
spread of calibrated circuits and S = s / ratio that of the others, r = 0.8:

    potential = target + law(code) - law(code of the target) + sqrt(S^2 - r^2 s^2) n + r s n'
    tau       = target * law(code) / law(code of the target) * exp(the same)

So each write of the same code gives a little something else, and no calibration does better.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from snn_hardware import laws
from snn_hardware.effects import Effects
from snn_hardware.figures import AFTER_CALIBRATING, HIGHEST_CODE, LOWEST_CODE, REPEATABILITY
from snn_hardware.pattern import Pattern
from snn_hardware.target import Target


class Codes(NamedTuple):
    """What is written, each ``(512,)`` in double precision; whole numbers where there is a DAC.

    Args:
        leak, reset, threshold: codes of voltages.
        tau_mem, tau_syn: codes of currents.
        divided: bool; which circuits have their leak current divided, for long tau_mem.

    >>> typical_codes(Target(), Effects.only("dac")).leak[:2]
    tensor([214., 214.], dtype=torch.float64)
    """

    leak: Tensor
    reset: Tensor
    threshold: Tensor
    tau_mem: Tensor
    tau_syn: Tensor
    divided: Tensor


class Values(NamedTuple):
    """What the circuits have, each ``(512,)`` in double precision.

    Args:
        leak, reset, threshold: in LSB of the CADC.
        tau_mem, tau_syn: in seconds of the chip. One tau_syn for both inputs: assumption.

    >>> wanted(Target(leak=90)).leak[:2]
    tensor([90., 90.], dtype=torch.float64)
    """

    leak: Tensor
    reset: Tensor
    threshold: Tensor
    tau_mem: Tensor
    tau_syn: Tensor


POTENTIALS = ("leak", "reset", "threshold")
TIMES = ("tau_mem", "tau_syn")


def wanted(target: Target) -> Values:
    """A target for each circuit.

    >>> wanted(Target()).threshold.shape
    torch.Size([512])
    """
    return Values(*(target.per_circuit(name) for name in Values._fields))


def codes_for(asked: Values, target: Target) -> Codes:
    """The codes, not rounded and wherever they lie, that make these values by the laws.

    Args:
        asked: the values.
        target: which has the capacitance, and whose tau_mem says where the leak is divided.

    >>> codes_for(wanted(Target()), Target()).threshold[0]
    tensor(322., dtype=torch.float64)
    """
    divided = laws.is_divided(target.per_circuit("tau_mem"), target.capacitance)
    return Codes(
        leak=laws.potential_code(asked.leak),
        reset=laws.potential_code(asked.reset),
        threshold=laws.potential_code(asked.threshold),
        tau_mem=laws.tau_mem_code(asked.tau_mem, target.capacitance, divided),
        tau_syn=laws.SYNAPSE.inverse(asked.tau_syn),
        divided=divided,
    )


def rounded(codes: Codes, effects: Effects) -> Codes:
    """Codes as the chip takes them: whole where there is a DAC, halves up.

    >>> codes = codes_for(wanted(Target(leak=80.2)), Target())
    >>> rounded(codes, Effects.none()).leak[0], rounded(codes, Effects.only("dac")).leak[0]
    (tensor(214.4800, dtype=torch.float64), tensor(214., dtype=torch.float64))
    """
    if not effects.dac:
        return codes
    return codes._replace(**{n: torch.floor(getattr(codes, n) + 0.5) for n in Values._fields})


def typical_codes(target: Target, effects: Effects) -> Codes:
    """The codes of a target by the laws: those of a chip that is not calibrated.

    Raises:
        ValueError: codes beyond 10 to 1020, naming what can be reached.

    >>> typical_codes(Target(), Effects.none()).tau_syn[0]
    tensor(125.2344, dtype=torch.float64)
    """
    codes = codes_for(wanted(target), target)
    for name in Values._fields:
        code = getattr(codes, name)
        beyond = (code < LOWEST_CODE.value) | (code > HIGHEST_CODE.value)
        if bool(beyond.any()):
            given = target.per_circuit(name)[beyond][0].item()
            raise ValueError(
                f"{name} = {given:g} needs code {code[beyond][0].item():.0f} of a typical circuit, "
                f"the DAC has {LOWEST_CODE.value} to {HIGHEST_CODE.value}: {_reach(name, target)}"
            )
    return rounded(codes, effects)


def _reach(name: str, target: Target) -> str:
    """What the laws make of the ends of a DAC, in words; no potential in its range leaves them."""
    low, high = (torch.tensor(float(end.value)) for end in (HIGHEST_CODE, LOWEST_CODE))
    if name == "tau_syn":
        return f"choose one from {laws.SYNAPSE(low):.3g} to {laws.SYNAPSE(high):.3g} s"
    shortest = laws.tau_mem(low, target.capacitance, torch.tensor(False))
    longest = laws.tau_mem(high, target.capacitance, torch.tensor(True))
    return (
        f"at capacitance {target.capacitance:g} choose one from {shortest:.3g} to {longest:.3g} s, "
        f"or another capacitance"
    )


def nominal(codes: Codes, target: Target) -> Values:
    """What typical circuits make of codes: the target itself, to the bit, of its own codes.

    >>> target = Target(tau_mem=7e-6)
    >>> made = nominal(codes_for(wanted(target), target), target)
    >>> torch.equal(made.tau_mem, target.per_circuit("tau_mem"))
    True
    """
    asked = wanted(target)
    made, own = _by_law(codes, target), _by_law(codes_for(asked, target), target)
    return Values(
        leak=asked.leak + (made.leak - own.leak),
        reset=asked.reset + (made.reset - own.reset),
        threshold=asked.threshold + (made.threshold - own.threshold),
        tau_mem=asked.tau_mem * (made.tau_mem / own.tau_mem),
        tau_syn=asked.tau_syn * (made.tau_syn / own.tau_syn),
    )


def _by_law(codes: Codes, target: Target) -> Values:
    return Values(
        leak=laws.potential(codes.leak),
        reset=laws.potential(codes.reset),
        threshold=laws.potential(codes.threshold),
        tau_mem=laws.tau_mem(codes.tau_mem, target.capacitance, codes.divided),
        tau_syn=laws.SYNAPSE(codes.tau_syn),
    )


def values(codes: Codes, target: Target, pattern: Pattern, effects: Effects, write: int) -> Values:
    """What the circuits of one chip make of codes.

    Args:
        codes: that are written.
        target: around which the laws are taken; it has the capacitance too.
        pattern: of the chip.
        effects: its spreads; 0 leaves the law's value as it is, to the bit.
        write: number of the write, which adds something of its own.

    >>> chip, effects = Pattern(7), Effects.only("leak")
    >>> typical = typical_codes(Target(), effects)
    >>> values(typical, Target(), chip, effects, 0).leak.std() > 5
    tensor(True)
    """
    typical = nominal(codes, target)
    found = {
        name: _with_mismatch(name, getattr(typical, name), pattern, getattr(effects, name), write)
        for name in Values._fields
    }
    return Values(**found)


def _with_mismatch(
    name: str, typical: Tensor, pattern: Pattern, spread: float, write: int
) -> Tensor:
    if spread == 0:
        return typical
    of_write = REPEATABILITY.value * spread
    of_circuit = math.sqrt((spread / AFTER_CALIBRATING[name].value) ** 2 - of_write**2)
    shift = of_circuit * pattern.circuits(name) + of_write * pattern.written(name, write)
    return typical + shift if name in POTENTIALS else typical * shift.exp()
