"""What pictures share: colours, axes, and the values of one sample over time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from snn_nodes.recording.tap import Recording

# Okabe and Ito (2008): colours that the colour-blind tell apart; yellow is too faint for a line.
BLUE, GREY = "#0072B2", "#999999"
CYCLE = (BLUE, "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")

STEP = "step"
"""How time is called where it is counted."""

Array = np.ndarray[Any, np.dtype[Any]]


class Rows(NamedTuple):
    """One sample: values ``(R, N)`` at times ``(R,)``, and how time is called."""

    values: Array
    times: Array
    label: str


def rows_of(values: Recording | Tensor, what: str, dt: float | None, sample: int) -> Rows:
    """The spikes or membranes of one sample, from a recording or ``(T, B, *N)``.

    Raises:
        ValueError: they were not recorded, there is no such sample.
    """
    if isinstance(values, Recording):
        recorded: Tensor | None = getattr(values, what)
        if recorded is None:
            raise ValueError(
                f"no {what} was recorded of this layer; pass Recorder(net, {what}=True), and a "
                f"layer that has it"
            )
        steps, rows = values.at.numpy(), recorded
    else:
        steps, rows = np.arange(len(values)), values
    if rows.ndim < 2 or not -rows.shape[1] <= sample < rows.shape[1]:
        raise ValueError(
            f"there is no sample {sample} in {what} of {tuple(rows.shape)}, expected (T, B, *N)"
        )
    flat = as_array(rows[:, sample]).reshape(len(rows), -1)
    return Rows(flat, steps, STEP) if dt is None else Rows(flat, steps * dt * 1e3, "time (ms)")


def as_array(values: Tensor) -> Array:
    """As NumPy has it; in double precision, which has bfloat16 too, unless bool."""
    values = values.detach().cpu()
    array: Array = (values.double() if values.is_floating_point() else values).numpy()
    return array


def axes_or_new(axes: Axes | None, size: tuple[float, float]) -> Axes:
    """These axes; those of a new figure for None. No global state of matplotlib is touched."""
    return Figure(figsize=size, layout="constrained").subplots() if axes is None else axes


def headed(name: str, text: str) -> str:
    """The text, with the layer's name before it where there is one."""
    return f"{name}: {text}" if name else text


def note(axes: Axes, text: str) -> None:
    """A small line above the axes, at the right."""
    axes.set_title(text, loc="right", fontsize="small", color="0.3")


def show_all_steps(axes: Axes, rows: Rows) -> None:
    """All steps, and some room before the first bar."""
    times = rows.times
    if len(times):
        length = times[-1] - times[0]
        step = length / max(1, len(times) - 1) or 1.0
        axes.set_xlim(times[0] - max(step, 0.02 * length), times[-1] + max(step, 0.01 * length))
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=rows.label == STEP))


def open_frame(axes: Axes) -> None:
    """Leave only the two axes of the frame."""
    axes.spines[["top", "right"]].set_visible(False)
