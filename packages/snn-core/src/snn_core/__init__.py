"""snn-core: protocols, registry, ``integrate`` and the eager backend. Importing it loads no torch.

Public names are imported at first use, so that ``snn list`` and plugins stay light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn_core.errors import AmbiguousName as AmbiguousName
    from snn_core.errors import BackendWarning as BackendWarning
    from snn_core.errors import MissingNeed as MissingNeed
    from snn_core.errors import NumericsWarning as NumericsWarning
    from snn_core.errors import PluginError as PluginError
    from snn_core.errors import PluginWarning as PluginWarning
    from snn_core.errors import UnknownName as UnknownName
    from snn_core.errors import Unsupported as Unsupported
    from snn_core.events import Events as Events
    from snn_core.hookspecs import Entry as Entry
    from snn_core.hookspecs import hookimpl as hookimpl
    from snn_core.injection import inject as inject
    from snn_core.integration import integrate as integrate
    from snn_core.layer import Layer as Layer
    from snn_core.lookup import backend as backend
    from snn_core.lookup import names as names
    from snn_core.lookup import neuron as neuron
    from snn_core.lookup import threshold as threshold
    from snn_core.registry import Registry as Registry
    from snn_core.registry import default_registry as default_registry
    from snn_core.thresholds import Threshold as Threshold
    from snn_core.types import AsBackend as AsBackend
    from snn_core.types import Backend as Backend
    from snn_core.types import Neuron as Neuron
    from snn_core.types import Observed as Observed
    from snn_core.types import Output as Output
    from snn_core.types import Problem as Problem
    from snn_core.types import Quantity as Quantity
    from snn_core.types import RecurrentState as RecurrentState
    from snn_core.types import Value as Value
    from snn_core.types import detached as detached

__version__ = "0.1.0"

_HOME = {
    "AmbiguousName": "errors",
    "AsBackend": "types",
    "Backend": "types",
    "BackendWarning": "errors",
    "Entry": "hookspecs",
    "Events": "events",
    "Layer": "layer",
    "MissingNeed": "errors",
    "Neuron": "types",
    "NumericsWarning": "errors",
    "Observed": "types",
    "Output": "types",
    "PluginError": "errors",
    "PluginWarning": "errors",
    "Problem": "types",
    "Quantity": "types",
    "RecurrentState": "types",
    "Registry": "registry",
    "Threshold": "thresholds",
    "UnknownName": "errors",
    "Unsupported": "errors",
    "Value": "types",
    "backend": "lookup",
    "default_registry": "registry",
    "detached": "types",
    "hookimpl": "hookspecs",
    "inject": "injection",
    "integrate": "integration",
    "names": "lookup",
    "neuron": "lookup",
    "threshold": "lookup",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'snn_core' has no attribute {name!r}")
    value = getattr(import_module(f"snn_core.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
