"""What a user says of one layer on a chip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from snn_hardware.synapses import MAPPINGS

INJECTED = ("v", "z")


class LayerSettings(NamedTuple):
    """How one layer lies on the chip and what of it is measured; see ``Chip.at``.

    >>> LayerSettings("hidden", inject=("v", "z")).check().replicas
    1
    """

    name: str | None = None
    replicas: int = 1
    merged: int | None = None
    signed: bool = True
    circuits: tuple[int, ...] | None = None
    per_unit: float | None = None
    mapping: str = "clip"
    inject: tuple[str, ...] = ("z",)
    madc: int | None = None

    @classmethod
    def of(cls, name: str, given: Mapping[str, Any]) -> LayerSettings:
        """The settings of a layer by name, checked.

        Raises:
            TypeError: a setting that there is not.
            ValueError, TypeError: as ``check``.

        >>> LayerSettings.of("hidden", {"replicas": 5}).replicas
        5
        """
        unknown = sorted(set(given) - set(cls._fields[1:]))
        if unknown:
            raise TypeError(
                f"a layer has no setting {unknown[0]!r}; there are: {', '.join(cls._fields[1:])}"
            )
        return cls(name, **given).check()

    def check(self) -> LayerSettings:
        """These settings, if they can be.

        Raises:
            ValueError, TypeError: names the first that cannot.
        """
        if self.name is not None and not isinstance(self.name, str):
            raise TypeError(f"the name of a layer must be a string, got {type(self.name).__name__}")
        if self.name == "":
            raise ValueError("the name of a layer must not be empty; pass 'hidden', or another")
        for name, value in (("replicas", self.replicas), ("merged", self.merged)):
            if value is not None and (type(value) is not int or value < 1):
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        self._check_per_unit()
        if type(self.signed) is not bool:
            raise TypeError(f"signed must be True or False, got {self.signed!r}")
        if self.circuits is not None and not isinstance(self.circuits, tuple):
            raise TypeError(
                f"circuits must be a tuple with the first circuit of each neuron, got "
                f"{self.circuits!r}; pass tuple(range(10))"
            )
        if self.mapping not in MAPPINGS:
            raise ValueError(
                f"there is no mapping of weights {self.mapping!r}; there are {', '.join(MAPPINGS)}"
            )
        if not isinstance(self.inject, tuple) or set(self.inject) - set(INJECTED):
            raise ValueError(
                f"inject names what the model takes of the measurements, a tuple of 'z' (spikes) "
                f"and 'v' (membranes), got {self.inject!r}"
            )
        self._check_madc()
        return self

    def _check_per_unit(self) -> None:
        given = self.per_unit
        if given is None:
            return
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise TypeError(f"per_unit must be a number of LSB, got {given!r}")
        if not (given > 0 and math.isfinite(given)):
            raise ValueError(f"per_unit must be finite and above 0 LSB, got {given}")

    def _check_madc(self) -> None:
        if isinstance(self.madc, tuple | list):
            raise ValueError(
                f"the MADC reads one neuron, got {len(self.madc)}: {self.madc}; pass the number of "
                f"one, and read the others with the CADC"
            )
        if self.madc is not None and (type(self.madc) is not int or self.madc < 0):
            raise ValueError(f"madc must be the number of a neuron, got {self.madc!r}")


def check_number(name: str, value: float, wanted: str) -> None:
    """Nothing, if a number is finite and not negative.

    Raises:
        TypeError, ValueError: says what it must be.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and {wanted}, got {value}")
