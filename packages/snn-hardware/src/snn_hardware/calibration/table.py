"""Table: a calibration as text, its spreads and histograms of what is left."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from snn_hardware.calibration.spread import Spread
from snn_hardware.circuits import POTENTIALS, Values
from snn_hardware.figures import AFTER_CALIBRATING
from snn_hardware.target import Target

BINS = 25
BARS = " ▁▂▃▄▅▆▇█"


def table(target: Target, spread: dict[str, Spread], failed: dict[str, int]) -> Iterator[str]:
    """A line for each quantity, below a heading.

    >>> spread = dict.fromkeys(Values._fields, Spread(6.0, 1.5))
    >>> lines = list(table(Target(), spread, dict.fromkeys(Values._fields, 2)))
    >>> lines[1]
    'leak           80 LSB       6.00       1.50   0.25      0.30      2'
    """
    yield "quantity       target     before      after  ratio published failed"
    for name in Values._fields:
        found = spread[name]
        yield (
            f"{name:9} {_target(name, target):>11} {_amount(name, found.before):>10} "
            f"{_amount(name, found.after):>10} {_number(found.ratio):>6} "
            f"{AFTER_CALIBRATING[name].value:>9.2f} {failed[name]:>6}"
        )


def histograms(before: Values, after: Values) -> Iterator[str]:
    """Two lines for each quantity, on the same axis; the outermost bins hold what lies beyond.

    >>> flat = Values(*(torch.linspace(-1, 1, 512) for _ in Values._fields))
    >>> len(list(histograms(flat, flat)))
    11
    """
    yield "away from the target, before and after (outermost: that and beyond)"
    for name in Values._fields:
        reach = _reach(getattr(before, name), getattr(after, name))
        axis = f"-{_amount(name, reach)} to {_amount(name, reach)}"
        yield f"{name:9} |{_bars(getattr(before, name), reach)}| {axis}{_unit(name)}"
        yield f"{'':9} |{_bars(getattr(after, name), reach)}|"


def _reach(*deviations: Tensor) -> float:
    """Half the axis: what 98 % lie within; 1 if nothing is away from the target."""
    found = torch.cat(deviations).abs()
    found = found[found.isfinite()]
    reach = found.quantile(0.98).item() if len(found) else 0.0
    return reach if reach > 0 else 1.0


def _bars(deviations: Tensor, reach: float) -> str:
    found = deviations[~deviations.isnan()].clamp(-reach, reach)
    counts = torch.histc(found.float(), BINS, min=-reach, max=reach)
    heights = torch.ceil(counts / counts.max().clamp(min=1) * (len(BARS) - 1))
    return "".join(BARS[int(height)] for height in heights.tolist())


def _target(name: str, target: Target) -> str:
    scale = 1.0 if name in POTENTIALS else 1e6
    values = target.per_circuit(name) * scale
    low, high = values.min().item(), values.max().item()
    shown = f"{low:.4g}" if low == high else f"{low:.3g}-{high:.3g}"
    return f"{shown} {'LSB' if name in POTENTIALS else 'us'}"


def _amount(name: str, amount: float) -> str:
    return f"{amount:.2f}" if name in POTENTIALS else f"{100 * amount:.2f} %"


def _unit(name: str) -> str:
    return " LSB" if name in POTENTIALS else ""


def _number(ratio: float) -> str:
    return "-" if math.isnan(ratio) else f"{ratio:.2f}"
