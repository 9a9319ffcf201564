"""snn-eventprop: exact gradients through spike times; backends eventprop_exact and eventprop.

Importing it loads neither torch nor numba; public names are imported at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn_eventprop.backends.exact import exact as exact
    from snn_eventprop.backends.grid import grid as grid
    from snn_eventprop.timed import TimedSpikes as TimedSpikes

__version__ = "0.1.0"

_HOME = {
    "TimedSpikes": "timed",
    "exact": "backends.exact",
    "grid": "backends.grid",
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
