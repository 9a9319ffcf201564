"""Pictures of a training and of what a network does: learning curve, spike raster, membranes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from torch import Tensor

from snn_train.loop import Epoch
from snn_train.network import Activity

# Okabe and Ito (2008): eight colours that the colour-blind tell apart; yellow is left out, too
# faint for a line.
BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE, BLACK = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#56B4E9",
    "#CC79A7",
    "#000000",
)
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, BLACK)
GREY = "#999999"

MILLISECONDS = 1e3
TRACED_NEURONS = 4


def learning_curve_figure(history: Sequence[Epoch], title: str) -> Figure:
    """Loss and accuracy of training and validation over the epochs.

    Args:
        history: one row per epoch, as :func:`snn_train.fit` returns it.
        title: what was trained.

    Raises:
        ValueError: if the history is empty.

    >>> from snn_train.loop import Score
    >>> history = [Epoch(Score(1.0, 0.5), Score(1.1, 0.4)), Epoch(Score(0.5, 0.9), Score(0.6, 0.8))]
    >>> learning_curve_figure(history, "digits").axes[1].get_ylabel()
    'accuracy (%)'
    """
    if not history:
        raise ValueError("the history is empty; train at least one epoch")
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    figure.suptitle(title)
    loss, accuracy = figure.subplots(1, 2)
    epochs = np.arange(1, len(history) + 1)
    marker = "o" if len(history) == 1 else ""
    for name, colour, style in (("train", BLUE, "-"), ("validation", VERMILLION, "--")):
        scores = [row.train if name == "train" else row.validation for row in history]
        form = {"color": colour, "linestyle": style, "marker": marker}
        losses = [score.loss for score in scores]
        percents = [100 * score.accuracy for score in scores]
        loss.plot(epochs, losses, label=f"{name}, {losses[-1]:.3g} at the end", **form)
        accuracy.plot(epochs, percents, label=f"{name}, {percents[-1]:.1f} % at the end", **form)
    loss.set(ylabel="mean loss", yscale="log")
    loss.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    loss.yaxis.set_major_formatter("{x:g}")
    loss.yaxis.set_minor_formatter(NullFormatter())
    accuracy.set(ylabel="accuracy (%)")
    for axes in (loss, accuracy):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(frameon=False)
        open_frame(axes)
    return figure


def raster_figure(activity: Activity, dt: float, title: str) -> Figure:
    """Spikes of the first sample: input neurons above, hidden neurons below.

    Args:
        activity: of a batch; its first sample is shown.
        dt: step in seconds; a spike of row k is drawn at ``k dt``.
        title: what is shown.

    >>> import torch
    >>> spikes, trace = torch.ones(5, 1, 2), torch.zeros(5, 1, 2)
    >>> activity = Activity(spikes, spikes, trace, trace, trace[0])
    >>> raster_figure(activity, 1e-3, "five steps").axes[1].get_title(loc="right")
    '10 spikes'
    """
    figure = Figure(figsize=(7, 6), layout="constrained")
    figure.suptitle(title)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    for axes, spikes, name, colour in (
        (above, activity.input, "input", BLUE),
        (below, activity.hidden, "hidden", VERMILLION),
    ):
        row, neuron = _numpy(spikes[:, 0]).nonzero()
        draw_raster(axes, row * dt * MILLISECONDS, neuron, spikes.shape[2], name, colour)
    end = len(activity.input) * dt * MILLISECONDS
    below.set(xlabel="time (ms)", xlim=(-0.02 * end, end))
    return figure


def draw_raster(
    axes: Axes, times: np.ndarray, neuron: np.ndarray, size: int, name: str, colour: str
) -> None:
    """Spikes of a layer of this size as bars, at times in milliseconds."""
    length = min(12.0, max(4.0, 250.0 / size))
    axes.plot(times, neuron, "|", color=colour, ms=length, mew=1.5)
    edge = 0.5 + 0.02 * size
    axes.set(ylabel=f"{name} neuron", ylim=(-edge, size - 1 + edge))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_title(f"{len(times)} spikes", loc="right", fontsize="small", color="0.3")
    open_frame(axes)


def membrane_figure(activity: Activity, dt: float, label: int, v_th: float, title: str) -> Figure:
    """Membranes of the first sample: a few hidden neurons above, the readout below.

    The hidden neurons are those that fired most. Where one fires its line is drawn up to the
    threshold, then to the recorded value, that after the reset. In the readout the true class is
    drawn thick.

    Args:
        activity: of a batch; its first sample is shown.
        dt: step in seconds; row k is drawn at ``k dt``.
        label: true class of the sample.
        v_th: threshold of the hidden neurons, in volts.
        title: what is shown.

    >>> import torch
    >>> spikes, trace = torch.ones(5, 1, 2), torch.zeros(5, 1, 2)
    >>> activity = Activity(spikes, spikes, trace, trace, trace[0])
    >>> membrane_figure(activity, 1e-3, 0, 1.0, "five steps").axes[1].get_ylabel()
    'readout membrane (V)'
    """
    figure = Figure(figsize=(8, 6.5), layout="constrained")
    figure.suptitle(title)
    above, below = figure.subplots(2, 1, sharex=True)
    time = np.arange(len(activity.hidden)) * dt * MILLISECONDS
    _draw_hidden(above, activity, time, v_th)
    draw_classes(below, time, _numpy(activity.output_v[:, 0]), label)
    for axes, name in ((above, "neuron"), (below, "class")):
        axes.legend(title=name, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        axes.grid(visible=True, alpha=0.3)
        open_frame(axes)
    return figure


def _draw_hidden(axes: Axes, activity: Activity, time: np.ndarray, v_th: float) -> None:
    membrane, spikes = _numpy(activity.hidden_v[:, 0]), _numpy(activity.hidden[:, 0])
    busiest = np.argsort(-spikes.sum(0), kind="stable")[:TRACED_NEURONS]
    span = v_th - min(float(membrane[:, busiest].min()), 0.0)
    for rank, (neuron, colour) in enumerate(zip(busiest, CYCLE, strict=False)):
        fired = spikes[:, neuron].nonzero()[0]
        line_time = np.insert(time, fired, time[fired])
        line = np.insert(membrane[:, neuron], fired, v_th)
        axes.plot(line_time, line, color=colour, label=str(neuron))
        bars = np.full(len(fired), v_th + (0.1 + 0.07 * rank) * span)
        axes.plot(time[fired], bars, "|", color=colour, ms=8, mew=2)
    axes.axhline(v_th, color=GREY, linestyle=":", label="threshold")
    axes.set(ylabel="hidden membrane (V)")
    axes.set_title("bars: spikes", loc="right", fontsize="small", color="0.3")


def draw_classes(axes: Axes, time: np.ndarray, readout: np.ndarray, label: int) -> None:
    """Membranes ``(T, C)`` over times in milliseconds, a line a class, the true one thick."""
    for neuron in range(readout.shape[1]):
        axes.plot(
            time,
            readout[:, neuron],
            color=CYCLE[neuron % len(CYCLE)],
            linestyle="-" if neuron < len(CYCLE) else "--",
            lw=3 if neuron == label else 1.2,
            zorder=3 if neuron == label else 2,
            label=f"{neuron} (true)" if neuron == label else str(neuron),
        )
    axes.set(xlabel="time (ms)", ylabel="readout membrane (V)")


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()


def open_frame(axes: Axes) -> None:
    """Leave only the two axes of the frame."""
    axes.spines[["top", "right"]].set_visible(False)
