"""Pictures of what neurons do: spike raster, membranes, rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from snn_nodes.recording.picture_parts import (
    BLUE,
    CYCLE,
    GREY,
    Array,
    Rows,
    as_array,
    axes_or_new,
    headed,
    note,
    open_frame,
    rows_of,
    show_all_steps,
)
from snn_nodes.recording.tap import Recording

BINS = 30
"""Of a histogram of rates."""

TRACED = 3
"""Membranes that are drawn unless more are asked for."""


def spike_raster(
    spikes: Recording | Tensor,
    *,
    dt: float | None = None,
    sample: int = 0,
    name: str = "",
    axes: Axes | None = None,
) -> Axes:
    """A bar for each spike of one sample: time to the right, neurons upwards.

    Args:
        spikes: what a ``Recorder`` has recorded of a layer, or spikes ``(T, B, *N)``; axes beyond
            one are counted through.
        dt: step in seconds, for a time in milliseconds; None counts steps.
        sample: of the batch.
        name: of the layer.
        axes: to draw into; None for a new figure.

    Returns:
        The axes; ``axes.figure.savefig("raster.png")`` writes the picture.

    Raises:
        ValueError: no spikes were recorded, no such sample, a shape without time and batch.

    >>> import torch
    >>> axes = spike_raster(torch.ones(5, 1, 2), dt=1e-3, name="hidden")
    >>> axes.get_ylabel(), axes.get_xlabel(), axes.get_title(loc="right")
    ('hidden: neuron', 'time (ms)', '10 spikes')
    """
    rows = rows_of(spikes, "spikes", dt, sample)
    row, neuron = rows.values.nonzero()
    size = rows.values.shape[1]
    axes = axes_or_new(axes, (7, 3.5))
    length = min(12.0, max(2.0, 250.0 / max(1, size)))
    axes.plot(rows.times[row], neuron, "|", color=BLUE, ms=length, mew=1.2, rasterized=True)
    edge = 0.5 + 0.02 * size
    axes.set(xlabel=rows.label, ylabel=headed(name, "neuron"), ylim=(-edge, size - 1 + edge))
    show_all_steps(axes, rows)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    note(axes, "1 spike" if len(row) == 1 else f"{len(row)} spikes")
    open_frame(axes)
    return axes


def membrane_trace(
    membrane: Recording | Tensor,
    *,
    spikes: Tensor | None = None,
    threshold: float | None = None,
    dt: float | None = None,
    sample: int = 0,
    neurons: Sequence[int] | None = None,
    unit: str = "",
    name: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Membranes of some neurons of one sample, the threshold, and a bar above it for each spike.

    A membrane is the value after reset. Where a neuron fires, its line is drawn up to the threshold
    first, if that is given.

    Args:
        membrane: what a ``Recorder(membrane=True)`` has recorded of a layer, or ``(T, B, *N)``.
        spikes: ``(T, B, *N)``; None for those of the recording, if there are.
        threshold: where to draw the line; in the membrane's unit.
        dt, sample, name, axes: as for ``spike_raster``.
        neurons: which ones, counted through; None for the three that fire most.
        unit: of the membrane, such as ``"V"``.

    Raises:
        ValueError: no membrane was recorded, no such sample or neuron, spikes of another shape.

    >>> import torch
    >>> axes = membrane_trace(torch.rand(5, 1, 2), threshold=1.0, unit="V")
    >>> axes.get_ylabel(), axes.get_xlabel()
    ('membrane (V)', 'step')
    """
    rows = rows_of(membrane, "membrane", dt, sample)
    fired = _spikes_beside(membrane, spikes, rows, sample)
    chosen = _neurons(neurons, fired, rows.values.shape[1])
    axes = axes_or_new(axes, (7, 3.5))
    values = rows.values[:, chosen]
    top = float(values.max(initial=0.0 if threshold is None else threshold))
    span = max(top - float(values.min(initial=0.0)), 1e-12)
    for rank, neuron in enumerate(chosen):
        colour, when = CYCLE[rank % len(CYCLE)], fired[:, neuron].nonzero()[0]
        times, line = rows.times, rows.values[:, neuron]
        if threshold is not None:
            line = np.insert(line, when, np.maximum(threshold, line[when]))
            times = np.insert(times, when, times[when])
        style = "-" if rank < len(CYCLE) else "--"
        axes.plot(times, line, style, color=colour, lw=1.2, alpha=0.9, label=str(neuron))
        height = np.full(len(when), top + (0.1 + 0.07 * rank) * span)
        axes.plot(rows.times[when], height, "|", color=colour, ms=7, mew=1.6)
    if threshold is not None:
        axes.axhline(threshold, color=GREY, linestyle=":", label="threshold")
    axes.set(xlabel=rows.label, ylabel=headed(name, f"membrane ({unit})" if unit else "membrane"))
    show_all_steps(axes, rows)
    if fired[:, chosen].any():
        note(axes, "bars: spikes")
    axes.legend(title="neuron", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    open_frame(axes)
    return axes


def rate_histogram(
    rates: Tensor | Recording | Mapping[str, Tensor | Recording],
    *,
    dt: float | None = None,
    bins: int = BINS,
    axes: Axes | None = None,
) -> Axes:
    """How many neurons fire how often, layer by layer; neurons that never fire are counted apart.

    Args:
        rates: spikes per step, any shape, or a recording that has them; or those of several layers
            by name, such as a ``Recorder``.
        dt: step in seconds, for rates in Hz; None for spikes per step.
        bins: number of bins over all that is shown.
        axes: to draw into; None for a new figure.

    Raises:
        ValueError: no rates.

    >>> import torch
    >>> axes = rate_histogram({"hidden": torch.tensor([0.0, 0.2, 0.4])}, dt=1e-3)
    >>> axes.get_xlabel(), axes.get_legend().get_texts()[0].get_text()
    ('rate (Hz)', 'hidden: mean 200 Hz, 1 of 3 silent')
    """
    layers = rates if isinstance(rates, Mapping) else {"": rates}
    scale, unit = (1.0, "spikes/step") if dt is None else (1 / dt, "Hz")
    given = {n: of.rates if isinstance(of, Recording) else of for n, of in layers.items()}
    values = {name: scale * as_array(of).flatten() for name, of in given.items() if of is not None}
    if not values or not all(map(len, values.values())):
        raise ValueError("there are no rates to draw; give a tensor, or layers that spike by name")
    edges = np.histogram_bin_edges(np.concatenate([*values.values(), np.zeros(1)]), bins)
    axes = axes_or_new(axes, (6, 3.5))
    for rank, (name, of) in enumerate(values.items()):
        silent = f"{(of == 0).sum()} of {len(of)} silent"
        text = headed(name, f"mean {of.mean():.3g} {unit}, {silent}")
        colour, bins_of = CYCLE[rank % len(CYCLE)], edges.tolist()
        axes.hist(of, bins_of, histtype="stepfilled", color=colour, alpha=0.25)
        axes.hist(of, bins_of, histtype="step", color=colour, lw=1.4, label=text)
    axes.set(xlabel=f"rate ({unit})", ylabel="neurons")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_ylim(0, axes.get_ylim()[1] * (1.05 + 0.1 * len(values)))  # room for the legend
    axes.legend(frameon=False, loc="upper right", fontsize="small")
    open_frame(axes)
    return axes


def _spikes_beside(
    membrane: Recording | Tensor, spikes: Tensor | None, rows: Rows, sample: int
) -> Array:
    if spikes is None and isinstance(membrane, Recording):
        spikes = membrane.spikes
    if spikes is None:
        return np.zeros(rows.values.shape, dtype=bool)
    fired = rows_of(spikes, "spikes", None, sample).values
    if fired.shape != rows.values.shape:
        raise ValueError(
            f"the membranes of a sample are {rows.values.shape}, its spikes {fired.shape}; give "
            f"both of the same steps and neurons"
        )
    return np.asarray(fired != 0)


def _neurons(neurons: Sequence[int] | None, fired: Array, size: int) -> list[int]:
    if neurons is None:
        busiest: list[int] = np.argsort(-fired.sum(0), kind="stable")[:TRACED].tolist()
        return busiest
    beyond = [neuron for neuron in neurons if not 0 <= neuron < size]
    if beyond or not len(neurons):
        raise ValueError(f"neurons are counted from 0 to {size - 1}, got {list(neurons)}")
    return list(neurons)
