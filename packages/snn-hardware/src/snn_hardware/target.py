"""Target: what the circuits of a chip are calibrated to, in the chip's own units."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from snn_hardware.figures import CIRCUITS

RANGES = {
    "tau_mem": (0.5e-6, 60e-6, "s"),
    "tau_syn": (0.3e-6, 30e-6, "s"),
    "threshold": (50, 220, "CADC LSB"),
    "leak": (50, 160, "CADC LSB"),
    "reset": (50, 160, "CADC LSB"),
    "refractory_time": (0.04e-6, 32e-6, "s"),
    "capacitance": (0, 63, "steps"),
    "synin_gm": (30, 800, "DAC steps"),
    "dac_bias": (30, 1022, "DAC steps"),
}
"""What can be reached, and in which unit; calix raises outside."""

SHARED = ("capacitance", "synin_gm", "dac_bias")
"""One number for all circuits."""


class Target(NamedTuple):
    """Working point of the circuits. Times are the chip's own, 1000 times faster than biology.

    Args:
        tau_mem, tau_syn: in seconds.
        threshold, leak, reset: in LSB of the CADC.
        refractory_time: in seconds.
        capacitance: of the membrane, 0 to 63 for 0 to 2.2 pF.
        synin_gm: bias of the synaptic input, in steps of its DAC; with
        dac_bias: of the synapses, it sets how much a weight of 1 moves the membrane.

    Each of the first six is a number, or a tensor ``(512,)`` with one for each circuit. Defaults
    are those of calix and hxtorch.

    >>> Target(tau_mem=6e-6, tau_syn=6e-6, threshold=150).check().leak
    80.0
    """

    tau_mem: float | Tensor = 10e-6
    tau_syn: float | Tensor = 10e-6
    threshold: float | Tensor = 125.0
    leak: float | Tensor = 80.0
    reset: float | Tensor = 80.0
    refractory_time: float | Tensor = 1e-6
    capacitance: float = 63
    synin_gm: float = 500
    dac_bias: float = 600

    def check(self) -> Target:
        """This target, if the chip can reach it.

        Raises:
            ValueError: names the range that is left; a threshold that is not above leak and reset;
                a tensor that is not ``(512,)``.
            TypeError: a value that is no number.
        """
        for name, value in self._asdict().items():
            _check_value(name, value)
        for name in ("leak", "reset"):
            gap = _double(self.threshold) - _double(getattr(self, name))
            if not bool((gap > 0).all()):
                raise ValueError(
                    f"the threshold must lie above the {name}, got {_shown(self.threshold)} and "
                    f"{_shown(getattr(self, name))} LSB; such a neuron would fire without end"
                )
        return self

    def per_circuit(self, name: str) -> Tensor:
        """One of the values for each circuit, ``(512,)`` in double precision.

        >>> Target(leak=90).per_circuit("leak")[:2]
        tensor([90., 90.], dtype=torch.float64)
        """
        return _double(getattr(self, name)).expand(int(CIRCUITS.value))

    def copied(self) -> Target:
        """The same target in memory of its own."""
        tensors: dict[str, Any] = {
            n: one.clone() for n, one in self._asdict().items() if isinstance(one, Tensor)
        }
        return self._replace(**tensors)

    def at(self, circuits: Tensor) -> Target:
        """The target of some circuits, in numbers.

        Raises:
            ValueError: they do not all have the same.

        >>> taus = torch.full((512,), 10e-6)
        >>> taus[100:] = 6e-6
        >>> round(Target(tau_mem=taus).at(torch.arange(100, 120)).tau_mem * 1e6, 3)
        6.0
        """
        return Target(*(self._number(name, circuits) for name in self._fields))

    def _number(self, name: str, circuits: Tensor) -> float:
        value = getattr(self, name)
        if not isinstance(value, Tensor):
            return float(value)
        some = value.double()[circuits]
        if not bool((some == some[0]).all()):
            raise ValueError(
                f"the circuits of a layer must be calibrated to the same, and their {name} are "
                f"{_shown(some)}; choose others: chip.at(name, circuits=...)"
            )
        return float(some[0].item())

    def differs_from(self, other: Target) -> tuple[str, ...]:
        """The names of the fields whose values differ from those of another target.

        >>> Target(leak=90).differs_from(Target(tau_mem=6e-6))
        ('tau_mem', 'leak')
        """
        return tuple(
            name
            for name in self._fields
            if not torch.equal(self.per_circuit(name), other.per_circuit(name))
        )


def _check_value(name: str, value: float | Tensor) -> None:
    low, high, unit = RANGES[name]
    if isinstance(value, Tensor):
        if name in SHARED or tuple(value.shape) != (int(CIRCUITS.value),):
            wanted = "a number" if name in SHARED else "a number or a tensor (512,)"
            raise ValueError(f"{name} must be {wanted}, got a tensor {tuple(value.shape)}")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}")
    values = _double(value)
    inside = (values >= low) & (values <= high)
    if not bool(inside.all()):
        given = values[~inside].flatten()[0].item()
        raise ValueError(
            f"{name} = {given:g} cannot be reached: the chip has {low:g} to {high:g} {unit}"
        )


def _double(value: float | Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64)


def _shown(value: float | Tensor) -> str:
    return f"{value:g}" if not isinstance(value, Tensor) else f"{value.min():g} to {value.max():g}"
