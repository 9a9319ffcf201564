"""Placement: layers onto circuits, rows, buses and labels of the chip."""

from __future__ import annotations

from snn_hardware.placement.errors import NoRoom
from snn_hardware.placement.fit import Fit, fit
from snn_hardware.placement.partition import Partition, partition
from snn_hardware.placement.placing import place
from snn_hardware.placement.request import Place, Request
from snn_hardware.placement.usage import WHOLE, Usage, describe, usage

__all__ = [
    "WHOLE",
    "Fit",
    "NoRoom",
    "Partition",
    "Place",
    "Request",
    "Usage",
    "describe",
    "fit",
    "partition",
    "place",
    "usage",
]
