"""Pictures of a training and of what a network does: learning curve, spike raster, membranes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
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
        form = {"color": colour, "linestyle": style, "marker": marker, "label": name}
        loss.plot(epochs, [score.loss for score in scores], **form)
        accuracy.plot(epochs, [100 * score.accuracy for score in scores], **form)
    loss.set(ylabel="cross entropy (nat)", yscale="log")
    accuracy.set(ylabel="accuracy (%)")
    for axes in (loss, accuracy):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(frameon=False)
        _open_frame(axes)
    return figure


def raster_figure(activity: Activity, dt: float, title: str) -> Figure:
    """Spikes of the first sample: input neurons above, hidden neurons below.

    Args:
        activity: of a batch; its first sample is shown.
        dt: step in seconds; a spike of row k is drawn at ``k dt``.
        title: what is shown.
    """
    figure = Figure(figsize=(7, 6), layout="constrained")
    figure.suptitle(title)
    sizes = (activity.input.shape[2], activity.hidden.shape[2])
    heights = (1, min(3, max(1, sizes[1] / sizes[0])))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    for axes, spikes, name, colour in (
        (above, activity.input, "input", BLUE),
        (below, activity.hidden, "hidden", VERMILLION),
    ):
        row, neuron = _numpy(spikes[:, 0]).nonzero()
        length = 0.8 * max(1.0, spikes.shape[2] / 40)
        axes.vlines(
            row * dt * MILLISECONDS, neuron - length / 2, neuron + length / 2, color=colour, lw=1.5
        )
        axes.set(ylabel=f"{name} neuron", ylim=(-1 - length / 2, spikes.shape[2] + length / 2))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_title(f"{len(row)} spikes", loc="right", fontsize="small", color="0.3")
        _open_frame(axes)
    below.set(
        xlabel="time (ms)", xlim=(-dt * MILLISECONDS, len(activity.input) * dt * MILLISECONDS)
    )
    return figure


def membrane_figure(
    activity: Activity, dt: float, label: int, v_th: float | None, title: str
) -> Figure:
    """Membranes of the first sample: a few hidden neurons above, the readout below.

    The hidden neurons are those that fired most; their spikes are marked. In the readout the true
    class is drawn thick.

    Args:
        activity: of a batch; its first sample is shown.
        dt: step in seconds; row k, the membrane after the step, is drawn at ``(k + 1) dt``.
        label: true class of the sample.
        v_th: threshold of the hidden neurons; None where it is not one number.
        title: what is shown.
    """
    figure = Figure(figsize=(8, 6.5), layout="constrained")
    figure.suptitle(title)
    above, below = figure.subplots(2, 1, sharex=True)
    time = (np.arange(len(activity.hidden)) + 1) * dt * MILLISECONDS
    _draw_hidden(above, activity, time, v_th)
    readout = _numpy(activity.output_v[:, 0])
    for neuron in range(readout.shape[1]):
        below.plot(
            time,
            readout[:, neuron],
            color=CYCLE[neuron % len(CYCLE)],
            linestyle="-" if neuron < len(CYCLE) else "--",
            lw=3 if neuron == label else 1.2,
            zorder=3 if neuron == label else 2,
            label=f"{neuron} (true)" if neuron == label else str(neuron),
        )
    below.set(xlabel="time (ms)", ylabel="readout membrane (1)")
    for axes, name in ((above, "neuron"), (below, "class")):
        axes.legend(title=name, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        axes.grid(visible=True, alpha=0.3)
        _open_frame(axes)
    return figure


def _draw_hidden(axes: Axes, activity: Activity, time: np.ndarray, v_th: float | None) -> None:
    membrane, spikes = _numpy(activity.hidden_v[:, 0]), _numpy(activity.hidden[:, 0])
    busiest = np.argsort(-spikes.sum(0), kind="stable")[:TRACED_NEURONS]
    top = max(v_th if v_th is not None else -np.inf, float(membrane[:, busiest].max()))
    span = top - float(membrane[:, busiest].min()) or 1.0
    for rank, (neuron, colour) in enumerate(zip(busiest, CYCLE, strict=False)):
        axes.plot(time, membrane[:, neuron], color=colour, label=str(neuron))
        fired = time[spikes[:, neuron] != 0]
        height = top + (0.08 + 0.07 * rank) * span
        axes.plot(fired, np.full(len(fired), height), "|", color=colour, ms=8, mew=2)
    if v_th is not None:
        axes.axhline(v_th, color=GREY, linestyle=":", label="threshold")
    axes.set(ylabel="hidden membrane (1)")
    axes.set_title("bars: spikes", loc="right", fontsize="small", color="0.3")


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()


def _open_frame(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
