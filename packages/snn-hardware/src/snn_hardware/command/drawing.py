"""The pictures that the commands write; this needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from snn_hardware.calibration import Calibration
from snn_hardware.circuits import POTENTIALS, Values
from snn_hardware.command.records import Mapped, Recording
from snn_hardware.pictures import (
    LayerWeights,
    Measured,
    Trace,
    mismatch_figure,
    residual_figure,
    trace_figure,
    weights_figure,
)

DPI = 120
MICROSECONDS = 1e6


def draw_calibration(found: Calibration, folder: Path) -> list[Path]:
    """Mismatch before and after, and the residual of each circuit; the files' names."""
    quantities = [_measured(found, name) for name in Values._fields]
    count = int(found.ok.sum())
    title = f"Chip {found.seed}: {len(found.ok)} circuits before and after calibration"
    residual_title = f"Chip {found.seed}: {count} of {len(found.ok)} circuits as asked for"
    figures = {
        "mismatch.png": mismatch_figure(quantities, title),
        "residuals.png": residual_figure(quantities, ~found.ok, residual_title),
    }
    for name, figure in figures.items():
        figure.savefig(folder / name, dpi=DPI)
    return [folder / name for name in figures]


def draw_trace(
    burst: Tensor, ideal: Recording, chip: Recording, threshold: float, title: str, folder: Path
) -> Path:
    """One neuron, ideal and on the chip; the file's name."""
    intended = Trace(ideal.times, ideal.membrane, ideal.spikes)
    fast, slow = Trace(*chip.madc, chip.spikes), Trace(chip.times, chip.cadc, chip.spikes)
    path = folder / "trace.png"
    trace_figure(burst, intended, fast, slow, threshold, title).savefig(path, dpi=DPI)
    return path


def draw_weights(layers: Sequence[Mapped], name: str, folder: Path) -> Path:
    """The weights of each layer against their steps; the file's name."""
    rows = [
        LayerWeights(one.layer.name, one.weights.asked, one.weights.steps, int(one.weights.limit))
        for one in layers
    ]
    path = folder / "weights.png"
    weights_figure(rows, f"Weights of {name} on the chip").savefig(path, dpi=DPI)
    return path


def _measured(found: Calibration, name: str) -> Measured:
    """One quantity in the unit it is shown in: potentials in LSB, times in µs."""
    potential = name in POTENTIALS
    scale, unit = (1.0, "LSB") if potential else (MICROSECONDS, "µs")
    target = found.target.per_circuit(name) * scale
    spread = found.spread()[name]  # of times relative to the target
    width = 1.0 if potential else target.mean().item()
    before, after = (getattr(values, name) * scale for values in (found.before, found.after))
    return Measured(
        name, unit, target, before, after, (spread.before * width, spread.after * width)
    )
