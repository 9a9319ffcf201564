"""Pictures of a chip: mismatch, residuals, the membrane of a neuron, weights and their steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from snn_hardware.figures import CIRCUITS, QUADRANT

# Okabe and Ito (2008): colours that the colour-blind tell apart.
BLUE, SKY, ORANGE, BLACK, GREY = "#0072B2", "#56B4E9", "#E69F00", "#000000", "#999999"

BINS = 60
"""Of a histogram of circuits, over all that is shown."""

HEADROOM = 1.5
"""Height of a histogram with its legend, over that of the histogram."""


class Measured(NamedTuple):
    """One quantity of all circuits, before and after calibration; nan where there is no value.

    Args:
        name, unit: as shown.
        target, before, after: ``(512,)`` in that unit.
        spreads: before and after, in that unit.
    """

    name: str
    unit: str
    target: Tensor
    before: Tensor
    after: Tensor
    spreads: tuple[float, float]


class Trace(NamedTuple):
    """A membrane and the spikes of one neuron.

    Args:
        times: of the membrane, ``(T,)`` in seconds.
        membrane: ``(T,)`` in LSB.
        spikes: ``(K,)`` in seconds.
    """

    times: Tensor
    membrane: Tensor
    spikes: Tensor


class LayerWeights(NamedTuple):
    """The weights of a layer in steps of the chip.

    Args:
        name: of the layer.
        scaled: before rounding, any shape.
        steps: after rounding, within ``limit``.
        limit: the largest that a weight can be.
    """

    name: str
    scaled: Tensor
    steps: Tensor
    limit: int


def mismatch_figure(quantities: Sequence[Measured], title: str) -> Figure:
    """A histogram of each quantity over the circuits, before and after calibration.

    Raises:
        ValueError: nothing is given.

    >>> import torch
    >>> values = 80 + torch.randn(512)
    >>> leak = Measured("leak", "LSB", torch.full((512,), 80.0), values, values, (1.0, 1.0))
    >>> mismatch_figure([leak], "chip 7").axes[0].get_xlabel()
    'leak (LSB)'
    """
    figure = _figure(title, len(quantities), (11, 3.1))
    columns = min(3, len(quantities))
    rows = -(-len(quantities) // columns)
    figure.set_size_inches(3.7 * columns, 0.5 + 2.9 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, quantity in zip(grid, quantities, strict=False):
        known = [_known(values) for values in (quantity.before, quantity.after)]
        edges = np.histogram_bin_edges(np.concatenate(known), BINS)
        for values, name, spread, colour in zip(
            known, ("before", "after"), quantity.spreads, (GREY, BLUE), strict=True
        ):
            label = f"{name}, spread {spread:.2g} {quantity.unit}"
            axes.hist(values, edges, color=colour, alpha=0.75, label=label)
        low, high = quantity.target.min().item(), quantity.target.max().item()
        if low == high:
            form = {"color": BLACK, "linewidth": 0.8, "linestyle": "--"}
            axes.axvline(low, ymax=1 / HEADROOM, label="target", **form)
        axes.set(xlabel=f"{quantity.name} ({quantity.unit})", ylabel="circuits")
        axes.set_ylim(0, axes.get_ylim()[1] * HEADROOM)
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        _open_frame(axes)
    for axes in grid[len(quantities) :]:
        axes.set_axis_off()
    return figure


def residual_figure(quantities: Sequence[Measured], failed: Tensor, title: str) -> Figure:
    """How far each circuit is off its target after calibration; failed ones are marked.

    Args:
        quantities: rows of the picture.
        failed: ``(512,)``.
        title: what was calibrated.

    Raises:
        ValueError: nothing is given.

    >>> import torch
    >>> values = 80 + torch.randn(512)
    >>> leak = Measured("leak", "LSB", torch.full((512,), 80.0), values, values, (1.0, 1.0))
    >>> len(residual_figure([leak], torch.zeros(512, dtype=torch.bool), "chip 7").axes)
    1
    """
    figure = _figure(title, len(quantities), (10, 0.9 + 1.35 * len(quantities)))
    grid = figure.subplots(len(quantities), 1, sharex=True, squeeze=False).flatten()
    circuits = np.arange(int(CIRCUITS.value))
    for axes, quantity in zip(grid, quantities, strict=True):
        for n, circuit in enumerate(failed.nonzero().flatten().tolist()):
            label = f"failed ({int(failed.sum())})" if n == 0 else None
            axes.axvline(circuit, color=ORANGE, linewidth=1.2, alpha=0.7, label=label)
        residual = (quantity.after - quantity.target).numpy()
        axes.plot(circuits, residual, ".", color=BLUE, markersize=3)
        axes.axhline(0, color=BLACK, linewidth=0.6)
        for edge in range(int(QUADRANT.value), len(circuits), int(QUADRANT.value)):
            axes.axvline(edge - 0.5, color=GREY, linewidth=0.6, linestyle=":")
        axes.set_ylabel(f"{quantity.name}\n({quantity.unit})")
        axes.yaxis.set_major_locator(MaxNLocator(4))
        _open_frame(axes)
    grid[-1].set(xlabel="circuit (dotted: quadrants)", xlim=(-4, len(circuits) + 3))
    if bool(failed.any()):
        grid[0].legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1))
    figure.supylabel("measured − target")
    return figure


def trace_figure(
    inputs: Tensor, ideal: Trace, chip: Trace, reads: Trace, threshold: float, title: str
) -> Figure:
    """One neuron, ideal against chip: spikes in, membranes, spikes out.

    Args:
        inputs: times of input spikes, ``(K,)`` in seconds.
        ideal: what the neuron should do.
        chip: what it did, by the MADC.
        reads: the same by the CADC.
        threshold: that was asked for, in LSB.
        title: which neuron.

    >>> import torch
    >>> one = Trace(torch.arange(3) * 1e-6, torch.tensor([80.0, 81, 82]), torch.tensor([]))
    >>> trace_figure(torch.tensor([1e-6]), one, one, one, 125.0, "circuit 3").axes[1].get_ylabel()
    'membrane (LSB)'
    """
    figure = Figure(figsize=(9, 5), layout="constrained")
    figure.suptitle(title)
    above, axes, below = figure.subplots(3, 1, sharex=True, height_ratios=(0.8, 5, 1.2))
    above.eventplot([_us(inputs)], colors=[BLACK], lineoffsets=[0], linelengths=0.7)
    above.set(yticks=[0], yticklabels=["input"], ylim=(-0.6, 0.6))
    for trace, colour, width, name in (
        (ideal, GREY, 2.5, "ideal"),
        (chip, SKY, 0.6, "chip by MADC"),
        (reads, BLUE, 1.3, "chip by CADC"),
    ):
        values = trace.membrane.detach().numpy()
        axes.plot(_us(trace.times), values, color=colour, linewidth=width, label=name)
    axes.axhline(threshold, color=BLACK, linewidth=0.8, linestyle="--", label="threshold")
    axes.set(ylabel="membrane (LSB)")
    axes.legend(frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
    below.eventplot(
        [_us(chip.spikes), _us(ideal.spikes)],
        colors=[BLUE, GREY],
        lineoffsets=[0, 1],
        linelengths=0.7,
        linewidths=1.5,
    )
    names = [f"{len(one.spikes)} by {name}" for one, name in ((chip, "chip"), (ideal, "ideal"))]
    below.set(yticks=[0, 1], yticklabels=names, ylim=(-0.6, 1.6), xlabel="time on the chip (µs)")
    for one in (above, axes, below):
        _open_frame(one)
    for one in (above, below):
        one.tick_params(axis="y", length=0)
        one.spines["left"].set_visible(False)
    return figure


def weights_figure(layers: Sequence[LayerWeights], title: str) -> Figure:
    """Weights of each layer on the chip's steps; those beyond the largest step stand out.

    Raises:
        ValueError: nothing is given, or a layer without weights.

    >>> import torch
    >>> one = LayerWeights("0", torch.tensor([1.2, -70.0]), torch.tensor([1.0, -63.0]), 63)
    >>> weights_figure([one], "net.pt").axes[0].get_title("left")
    '0: 2 weights, 1 beyond ±63'
    """
    figure = _figure(title, len(layers), (9, 0.8 + 2.5 * len(layers)))
    grid = figure.subplots(len(layers), 1, squeeze=False).flatten()
    for axes, layer in zip(grid, layers, strict=True):
        if not layer.scaled.numel():
            raise ValueError(f"layer {layer.name} has no weights; leave it out")
        scaled, steps = (
            one.detach().double().flatten().numpy() for one in (layer.scaled, layer.steps)
        )
        reach = int(max(layer.limit, np.abs(scaled).max())) + 1
        edges = np.arange(-reach, reach + 2) - 0.5
        beyond = np.abs(scaled) > layer.limit
        axes.hist(scaled[beyond], edges, color=ORANGE, label="wanted, cannot be had")
        axes.hist(steps, edges, color=BLUE, label="on the chip", rwidth=0.85)
        for side in (-layer.limit, layer.limit):
            axes.axvline(side, color=BLACK, linewidth=0.8, linestyle="--")
        axes.set(ylabel="weights", yscale="symlog", ylim=(0, None))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_title(
            f"{layer.name}: {len(scaled)} weights, {beyond.sum()} beyond ±{layer.limit}",
            fontsize=10,
            loc="left",
        )
        _open_frame(axes)
    grid[-1].set_xlabel("steps of a weight (dashed: the largest)")
    form = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderpad": 0}
    grid[0].legend(frameon=False, fontsize=8, ncols=2, **form)
    return figure


def _figure(title: str, count: int, size: tuple[float, float]) -> Figure:
    if not count:
        raise ValueError("there is nothing to draw: give at least one quantity or layer")
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title)
    return figure


def _known(values: Tensor) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return values[values.isfinite()].double().numpy()


def _us(seconds: Tensor) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return (seconds.detach().double() * 1e6).numpy()


def _open_frame(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
