"""Recording and looking: what neurons do, what it costs, what is wrong, and pictures of it.

Pictures need matplotlib (``pip install 'snn-nodes[plot]'``) and are imported at first use.
"""

from __future__ import annotations

import importlib.util
from importlib import import_module
from typing import TYPE_CHECKING, Any

from snn_core.errors import MissingNeed

from snn_nodes.recording.advice import LayerDiagnosis
from snn_nodes.recording.diagnosis import Diagnosis, ParameterDiagnosis, diagnose
from snn_nodes.recording.joules import Energy, EnergyPerOperation, LayerEnergy, energy
from snn_nodes.recording.operations import (
    LayerOperations,
    OperationCounter,
    Operations,
    synaptic_operations,
)
from snn_nodes.recording.recorder import Recorder
from snn_nodes.recording.tap import Recording
from snn_nodes.recording.width import Width, surrogate_width

if TYPE_CHECKING:
    from snn_nodes.recording.pictures import membrane_trace as membrane_trace
    from snn_nodes.recording.pictures import rate_histogram as rate_histogram
    from snn_nodes.recording.pictures import spike_raster as spike_raster
    from snn_nodes.recording.surrogate_pictures import surrogate_shapes as surrogate_shapes

_PICTURES = {
    "membrane_trace": "pictures",
    "rate_histogram": "pictures",
    "spike_raster": "pictures",
    "surrogate_shapes": "surrogate_pictures",
}

__all__ = [
    "Diagnosis",
    "Energy",
    "EnergyPerOperation",
    "LayerDiagnosis",
    "LayerEnergy",
    "LayerOperations",
    "OperationCounter",
    "Operations",
    "ParameterDiagnosis",
    "Recorder",
    "Recording",
    "Width",
    "diagnose",
    "energy",
    "membrane_trace",
    "rate_histogram",
    "spike_raster",
    "surrogate_shapes",
    "surrogate_width",
    "synaptic_operations",
]


def __getattr__(name: str) -> Any:
    if name not in _PICTURES:
        raise AttributeError(f"module 'snn_nodes.recording' has no attribute {name!r}")
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingNeed(
            f"picture {name!r} needs matplotlib: pip install 'snn-nodes[plot]'", name="matplotlib"
        )
    return getattr(import_module(f"snn_nodes.recording.{_PICTURES[name]}"), name)
