"""What a run draws of a network and a sample: the pictures of a task, by the names of files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from matplotlib.figure import Figure

from snn_train.event_network import EventActivity, EventClassifier
from snn_train.event_pictures import event_membrane_figure, event_raster_figure, output_figure
from snn_train.network import Activity, SpikingClassifier
from snn_train.pictures import membrane_figure, raster_figure

RASTER, MEMBRANE, OUTPUT = "raster.png", "membrane.png", "output.png"
"""Every file that a function of this page may name."""

Draw = Callable[[Any, Any, Any, int, str], dict[str, Figure]]
"""``(activity of one sample, network, settings, its class, title) -> figures by file``."""


def draw_grid(
    activity: Activity, model: SpikingClassifier, settings: Any, label: int, title: str
) -> dict[str, Figure]:
    """Spikes and membranes on the grid of the hidden layer."""
    dt, v_th = cast(float, model.hidden.dt), float(model.hidden.params.v_th)
    return {
        RASTER: raster_figure(activity, dt, title),
        MEMBRANE: membrane_figure(activity, dt, label, v_th, title),
    }


def draw_spikes(
    activity: EventActivity, model: EventClassifier, settings: Any, label: int, title: str
) -> dict[str, Figure]:
    """Spikes at their times, for a readout that spikes."""
    return {
        RASTER: event_raster_figure(activity, title),
        OUTPUT: output_figure(activity, label, title),
    }


def draw_membrane(
    activity: EventActivity, model: EventClassifier, settings: Any, label: int, title: str
) -> dict[str, Figure]:
    """Spikes at their times, and the membranes of a readout of leaky integrators."""
    return {
        RASTER: event_raster_figure(activity, title),
        MEMBRANE: event_membrane_figure(activity, label, title),
    }
