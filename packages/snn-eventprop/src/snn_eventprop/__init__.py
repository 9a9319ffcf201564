"""snn-eventprop: exact gradients through spike times; backends eventprop_exact and eventprop.

Importing it loads neither torch nor numba; public names are imported at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn_eventprop.backends.exact import exact as exact
    from snn_eventprop.backends.grid import grid as grid
    from snn_eventprop.counts import count_surrogate_by_time as count_surrogate_by_time
    from snn_eventprop.counts import count_surrogate_by_voltage as count_surrogate_by_voltage
    from snn_eventprop.counts import spike_count as spike_count
    from snn_eventprop.counts import upward_slopes as upward_slopes
    from snn_eventprop.decode import first_spike as first_spike
    from snn_eventprop.free import free_membrane as free_membrane
    from snn_eventprop.losses.spike_time import spike_time_mse as spike_time_mse
    from snn_eventprop.losses.ttfs import ttfs_cross_entropy as ttfs_cross_entropy
    from snn_eventprop.losses.voltage import integral_cross_entropy as integral_cross_entropy
    from snn_eventprop.losses.voltage import maximum_cross_entropy as maximum_cross_entropy
    from snn_eventprop.losses.voltage import sample_cross_entropy as sample_cross_entropy
    from snn_eventprop.membrane import Membrane as Membrane
    from snn_eventprop.silent import is_silent as is_silent
    from snn_eventprop.silent import lift_silent_ as lift_silent_
    from snn_eventprop.silent import peak_margin as peak_margin
    from snn_eventprop.timed import TimedSpikes as TimedSpikes

__version__ = "0.1.0"

_HOME = {
    "Membrane": "membrane",
    "TimedSpikes": "timed",
    "count_surrogate_by_time": "counts",
    "count_surrogate_by_voltage": "counts",
    "exact": "backends.exact",
    "first_spike": "decode",
    "free_membrane": "free",
    "grid": "backends.grid",
    "integral_cross_entropy": "losses.voltage",
    "is_silent": "silent",
    "lift_silent_": "silent",
    "maximum_cross_entropy": "losses.voltage",
    "peak_margin": "silent",
    "sample_cross_entropy": "losses.voltage",
    "spike_count": "counts",
    "spike_time_mse": "losses.spike_time",
    "ttfs_cross_entropy": "losses.ttfs",
    "upward_slopes": "counts",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'snn_eventprop' has no attribute {name!r}")
    value = getattr(import_module(f"snn_eventprop.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
