"""surrogate_shapes: surrogates side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from snn_core import lookup
from snn_core.thresholds import Threshold

from snn_nodes.recording.picture_parts import CYCLE, GREY, as_array, open_frame
from snn_nodes.recording.width import surrogate_width


def surrogate_shapes(
    thresholds: Sequence[str | Threshold],
    *,
    reach: float | None = None,
    unit: str = "",
    axes: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Surrogates side by side: their slopes on the left, the primitives of these on the right.

    Args:
        thresholds: names or records (``snn.threshold("atan", alpha=4.0)``; that of a surrogate
            object is ``Sigmoid().threshold``).
        reach: of ``v - v_threshold``, either side; None for the widest of the widths
            (``surrogate_width``) and some.
        unit: of v, such as ``"V"``.
        axes: two to draw into; None for a new figure.

    Returns:
        Both axes.

    Raises:
        ValueError: no thresholds.
        UnknownName: a name that nothing provides.

    >>> left, right = surrogate_shapes(["super_spike", "atan"])
    >>> left.get_ylabel(), right.get_ylabel(), left.lines[1].get_label()
    ('slope', 'primitive', 'atan, α = 2')
    """
    if isinstance(thresholds, str) or not len(thresholds):
        raise ValueError(
            f"surrogate_shapes takes a list of thresholds, such as ['atan'], got {thresholds!r}"
        )
    records = [lookup.threshold(threshold) for threshold in thresholds]
    reach = _reach(records) if reach is None else reach
    x = reach * torch.linspace(-1, 1, 2001, dtype=torch.float64)
    if axes is None:
        figure = Figure(figsize=(9, 3.5), layout="constrained")
        left, right = figure.subplots(1, 2)
    else:
        left, right = axes
    for rank, record in enumerate(records):
        colour, style = CYCLE[rank % len(CYCLE)], "-" if rank < len(CYCLE) else "--"
        name = f"{record.name}, α = {record.alpha:g}"
        for axes_of, y in ((left, record.derivative(x, record.alpha)), (right, record.smooth(x))):
            axes_of.plot(as_array(x), as_array(y), color=colour, linestyle=style, label=name)
    of = f"v − v_threshold ({unit})" if unit else "v − v_threshold"
    for one, name in ((left, "slope"), (right, "primitive")):
        one.set(xlabel=of, ylabel=name)
        one.axvline(0, color=GREY, linestyle=":", lw=0.8, zorder=0)
        open_frame(one)
        one.margins(x=0)
    left.set_ylim(bottom=0)
    right.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    return left, right


def _reach(records: Sequence[Threshold]) -> float:
    widths = [surrogate_width(record).high for record in records]
    finite = [width for width in widths if 0 < width < float("inf")]
    return 1.3 * max(finite, default=1.0)
