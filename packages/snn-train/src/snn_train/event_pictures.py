"""Pictures of a network on events: raster, output spikes, membranes of a readout."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from snn_core import Events

from snn_train.event_network import EventActivity
from snn_train.pictures import (
    BLUE,
    GREEN,
    GREY,
    MILLISECONDS,
    VERMILLION,
    draw_classes,
    draw_raster,
    open_frame,
)

TAIL = 1.1
"""A picture ends a tenth after its last spike; what comes after that is silence."""

MEMBRANE_POINTS = 500


def event_raster_figure(activity: EventActivity, title: str) -> Figure:
    """Spikes of the first sample at their times: input channels above, hidden neurons below.

    Args:
        activity: of a batch; its first sample is shown.
        title: what is shown.

    >>> events = Events(torch.tensor([[1e-3, 4e-3]]), torch.tensor([[0, 1]]), (2,), 0.1)
    >>> figure = event_raster_figure(EventActivity(events, events, events, events.times), "two")
    >>> figure.axes[1].get_title(loc="right")
    '2 spikes'
    """
    figure = Figure(figsize=(7, 6), layout="constrained")
    figure.suptitle(title)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    for axes, events, name, colour in (
        (above, activity.input, "input", BLUE),
        (below, activity.hidden, "hidden", VERMILLION),
    ):
        times, neuron = _first(events)
        draw_raster(axes, times * MILLISECONDS, neuron, events.shape[0], name, colour)
    _time_axis(below, activity)
    return figure


def output_figure(activity: EventActivity, label: int, title: str) -> Figure:
    """Output spikes of the first sample, a row for each class; the first of all decides.

    Args:
        activity: of a batch whose readout spikes; its first sample is shown.
        label: true class of the sample.
        title: what is shown.

    >>> events = Events(torch.tensor([[1e-3, 4e-3]]), torch.tensor([[0, 1]]), (2,), 0.1)
    >>> figure = output_figure(EventActivity(events, events, events, events.times), 1, "two")
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['0', '1 (true)']
    """
    figure = Figure(figsize=(7, 3), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots()
    times, neuron = _first(activity.output)
    classes = range(activity.output.shape[0])
    for one in classes:
        colour = GREEN if one == label else GREY
        axes.plot(
            times[neuron == one] * MILLISECONDS,
            neuron[neuron == one],
            "|",
            color=colour,
            ms=18,
            mew=3,
        )
    if len(times):
        axes.plot(times[0] * MILLISECONDS, neuron[0], "o", color=VERMILLION, label="first of all")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    names = [f"{one} (true)" if one == label else str(one) for one in classes]
    axes.set_yticks(list(classes), names)
    axes.set(ylabel="output neuron", ylim=(-0.6, len(names) - 0.4))
    axes.set_title(f"{len(times)} spikes", loc="right", fontsize="small", color="0.3")
    _time_axis(axes, activity)
    open_frame(axes)
    return figure


def event_membrane_figure(activity: EventActivity, label: int, title: str) -> Figure:
    """Readout membranes of the first sample, from their closed form; the true class is thick.

    Args:
        activity: of a batch whose readout is a ``Membrane`` of snn-eventprop.
        label: true class of the sample.
        title: what is shown.
    """
    figure = Figure(figsize=(8, 4), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots()
    end = _end(activity)
    times = torch.linspace(0.0, end, MEMBRANE_POINTS, dtype=torch.float64)
    membrane = activity.output.at(times)[0].detach().cpu().numpy()
    draw_classes(axes, times.numpy() * MILLISECONDS, membrane.T, label)
    axes.legend(title="class", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.grid(visible=True, alpha=0.3)
    open_frame(axes)
    return figure


def _first(events: Events) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds and neurons of the first sample, without padding."""
    times = events.times[0].detach().cpu().numpy()
    real = np.isfinite(times)
    return times[real], events.index[0].cpu().numpy()[real]


def _end(activity: EventActivity) -> float:
    """Where pictures end: some time after the last spike, or with the recording."""
    layers = [one for one in activity[:3] if isinstance(one, Events)]
    last = max((float(_first(one)[0].max(initial=0.0)) for one in layers), default=0.0)
    duration = activity.input.duration
    return min(TAIL * last, duration) or duration


def _time_axis(axes: Axes, activity: EventActivity) -> None:
    end = _end(activity) * MILLISECONDS
    axes.set(xlabel="time (ms)", xlim=(-0.02 * end, end))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8))
