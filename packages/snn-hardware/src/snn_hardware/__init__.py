"""snn-hardware: an emulated BrainScaleS-2 chip to train on, calibrate and deploy to.

Importing it loads no torch; public names are imported at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn_hardware.calibration import Calibration as Calibration
    from snn_hardware.chip import Chip as Chip
    from snn_hardware.effects import Effects as Effects
    from snn_hardware.observation import Observation as Observation
    from snn_hardware.placement import NoRoom as NoRoom
    from snn_hardware.target import Target as Target
    from snn_hardware.units import Units as Units
    from snn_hardware.units import target_for as target_for

__version__ = "0.1.0"

_HOME = {
    "Calibration": "calibration",
    "Chip": "chip",
    "Effects": "effects",
    "NoRoom": "placement",
    "Observation": "observation",
    "Target": "target",
    "Units": "units",
    "target_for": "units",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'snn_hardware' has no attribute {name!r}")
    value = getattr(import_module(f"snn_hardware.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
