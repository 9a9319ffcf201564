"""Units: the one affine map between the membrane of a model and the LSB of the chip."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from snn_core import Value
from torch import Tensor

from snn_hardware.target import RANGES, Target

TOLERANCE_LSB = 1e-3
"""Potentials closer than this are the same: rounding noise of single precision."""

TOLERANCE_TIME = 1e-5
"""The same for times, relative."""


class Units(NamedTuple):
    """``lsb = leak_lsb + (v - v_leak) * per_unit``; a second of the chip has ``acceleration`` s.

    Args:
        v_leak: of the model.
        leak_lsb: what it is on the chip.
        per_unit: LSB of the chip for one unit of the model.
        acceleration: seconds of the model in a second of the chip.

    >>> import torch
    >>> units = Units(v_leak=0.0, leak_lsb=80.0, per_unit=45.0, acceleration=1.0)
    >>> units.to_lsb(torch.tensor(1.0)), units.to_model(torch.tensor(102.5))
    (tensor(125.), tensor(0.5000))
    """

    v_leak: float
    leak_lsb: float
    per_unit: float
    acceleration: float

    def to_lsb(self, v: Tensor) -> Tensor:
        """Membranes of the model as the chip's.

        >>> import torch
        >>> Units(-65.0, 80.0, 3.0, 1000.0).to_lsb(torch.tensor([-65.0, -50.0]))
        tensor([ 80., 125.])
        """
        return (v - self.v_leak) * self.per_unit + self.leak_lsb

    def to_model(self, lsb: Tensor) -> Tensor:
        """Membranes of the chip as the model's.

        >>> import torch
        >>> Units(-65.0, 80.0, 3.0, 1000.0).to_model(torch.tensor([80.0, 125.0]))
        tensor([-65., -50.])
        """
        return (lsb - self.leak_lsb) / self.per_unit + self.v_leak


def target_for(
    params: Any,
    *,
    acceleration: float = 1.0,
    threshold: float = 125.0,
    leak: float = 80.0,
    **settings: float,
) -> Target:
    """The target under which circuits do what a model's parameters say.

    Args:
        params: of a neuron with tau_mem, tau_syn and v_leak; v_th, v_reset if it fires; numbers.
        acceleration: seconds of the model in a second of the chip.
        threshold, leak: where the model's lie, in LSB.
        settings: fields of ``Target`` that no parameter decides.

    Raises:
        ValueError: for what the chip cannot reach, naming its range; a field that a parameter
            decides.

    >>> from snn_neurons import lif
    >>> target_for(lif.Params(tau_mem=6e-3, tau_syn=6e-3), acceleration=1000.0).tau_mem
    6e-06
    """
    numbers = {name: number_of(name, value) for name, value in params._asdict().items()}
    fields: dict[str, float] = {
        name: numbers[name] / acceleration
        for name in ("tau_mem", "tau_syn", "refractory_time")
        if name in numbers
    }
    if fields.get("refractory_time") == 0:
        del fields["refractory_time"]
    for name in ("tau_mem", "tau_syn"):
        low, high, _ = RANGES[name]
        if not low <= fields[name] <= high and low <= fields[name] / 1000 <= high:
            raise ValueError(
                f"{name} = {fields[name]:g} s cannot be reached, the chip has {low:g} to {high:g} "
                f"s; it runs 1000 times faster than biology: pass Chip(acceleration=1000.0)"
            )
    if "v_th" in numbers:
        span = numbers["v_th"] - numbers["v_leak"]
        if not span > 0:
            raise ValueError(
                f"v_th must lie above v_leak, got {numbers['v_th']:g} and {numbers['v_leak']:g}; "
                f"the chip has its threshold above its leak"
            )
        fields["reset"] = (
            leak + (numbers["v_reset"] - numbers["v_leak"]) * (threshold - leak) / span
        )
    for name in sorted(set(fields) & set(settings)):
        raise ValueError(
            f"{name} = {settings[name]:g} was given, and the parameters say {fields[name]:g}; "
            f"leave it out, or change the parameters"
        )
    return Target(threshold=threshold, leak=leak, **fields, **settings).check()


def units_for(params: Any, target: Target, *, acceleration: float, per_unit: float | None) -> Units:
    """The map under which calibrated circuits are the model.

    Args:
        params: of the model, numbers.
        target: of the layer's circuits, numbers.
        acceleration: seconds of the model in a second of the chip.
        per_unit: LSB for one unit of a model that does not fire; threshold - leak if not given.

    Raises:
        ValueError: the circuits were calibrated to something else, or values differ.

    >>> from snn_neurons import lif
    >>> params = lif.Params(tau_mem=10e-6, tau_syn=10e-6)
    >>> units_for(params, Target(), acceleration=1.0, per_unit=None).per_unit
    45.0
    """
    numbers = {name: number_of(name, value) for name, value in params._asdict().items()}
    leak, threshold = float(target.leak), float(target.threshold)
    if "v_th" in numbers:
        if per_unit is not None:
            raise ValueError(
                f"per_unit = {per_unit:g} was given, but a neuron that fires has its own: from "
                f"v_leak to v_th it is {threshold - leak:g} LSB; leave it out"
            )
        per_unit = (threshold - leak) / (numbers["v_th"] - numbers["v_leak"])
    units = Units(
        numbers["v_leak"], leak, threshold - leak if per_unit is None else per_unit, acceleration
    )
    _check_same(numbers, units, target)
    return units


def _check_same(numbers: dict[str, float], units: Units, target: Target) -> None:
    """The numbers of the model are those that the circuits were calibrated to."""
    for name in ("tau_mem", "tau_syn", "refractory_time"):
        if numbers.get(name, 0) == 0:
            continue
        calibrated = float(getattr(target, name)) * units.acceleration
        if not math.isclose(numbers[name], calibrated, rel_tol=TOLERANCE_TIME):
            raise ValueError(
                f"the model has {name} = {numbers[name]:g} s, the chip is calibrated to "
                f"{calibrated:g} s; calibrate it anew: chip.calibrate(chip.target_for(params))"
            )
    if "v_reset" in numbers:
        asked = units.leak_lsb + (numbers["v_reset"] - numbers["v_leak"]) * units.per_unit
        calibrated = float(target.reset)
        if abs(asked - calibrated) > TOLERANCE_LSB:
            raise ValueError(
                f"the model has v_reset = {numbers['v_reset']:g}, which is {asked:g} LSB, the chip "
                f"is calibrated to {calibrated:g} LSB; calibrate it anew with reset={asked:g}"
            )


def number_of(name: str, value: Value) -> float:
    """The one number that a parameter is.

    Raises:
        ValueError: it differs between neurons; one affine map cannot hold it.

    >>> import torch
    >>> number_of("tau_mem", torch.full((3,), 0.5))
    0.5
    """
    if not isinstance(value, Tensor):
        return float(value)
    first = value.detach().flatten()[:1]
    if value.numel() == 0 or not bool((value.detach() == first).all()):
        raise ValueError(
            f"{name} differs between neurons, and model and chip are tied by one affine map; "
            f"give it one value"
        )
    return float(first.double().item())
