"""Spread: how far measured values lie from a target, and how wide they scatter."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from snn_hardware.circuits import TIMES, Values, wanted
from snn_hardware.target import Target

TRIMMED = 0.05
"""Fraction of the circuits that is left out at each end before a std is taken. Source: calix."""


class Spread(NamedTuple):
    """Of one quantity, before and after a calibration; potentials in LSB, times relative.

    >>> Spread(before=6.0, after=1.5).ratio
    0.25
    """

    before: float
    after: float

    @property
    def ratio(self) -> float:
        """After over before; nan if there was nothing to calibrate."""
        return self.after / self.before if self.before > 0 else math.nan


def difference(measured: Values, target: Target) -> Values:
    """What is measured less the target, in the units of each.

    >>> import torch
    >>> target = Target(leak=80)
    >>> difference(wanted(target)._replace(leak=torch.full((512,), 81.0)), target).leak[0]
    tensor(1., dtype=torch.float64)
    """
    return Values(*(found - asked for found, asked in zip(measured, wanted(target), strict=True)))


def deviation(measured: Values, target: Target) -> Values:
    """The same as spreads are given: potentials in LSB, times over the target's.

    >>> target = Target(tau_mem=10e-6)
    >>> late = wanted(target)._replace(tau_mem=target.per_circuit("tau_mem") * 1.25)
    >>> deviation(late, target).tau_mem[0]
    tensor(0.2500, dtype=torch.float64)
    """
    differences = difference(measured, target)
    relative = {name: getattr(differences, name) / target.per_circuit(name) for name in TIMES}
    return differences._replace(**relative)


def trimmed_std(values: Tensor) -> float:
    """The std without 5 % of the values at each end; those that are nan do not count.

    >>> import torch
    >>> trimmed_std(torch.tensor([-1.0, 1.0] * 9 + [-1000.0, 1000.0]))
    1.0
    """
    found = values[~values.isnan()].sort().values
    cut = int(TRIMMED * len(found))
    kept = found[cut : len(found) - cut]
    return kept.std(correction=0).item() if len(kept) else math.nan
