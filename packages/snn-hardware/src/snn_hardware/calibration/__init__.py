"""Calibration: codes that bring each circuit of a chip to a target, found by measuring it."""

from __future__ import annotations

from snn_hardware.calibration.result import Calibration
from snn_hardware.calibration.search import calibrate
from snn_hardware.calibration.spread import Spread

__all__ = ["Calibration", "Spread", "calibrate"]
