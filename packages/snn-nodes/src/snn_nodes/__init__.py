"""snn-nodes: stateful spiking modules, sparse spikes that pay, and exchange by NIR.

Importing it loads no torch; public names are imported at first use. ``neuron``, ``layer``,
``surrogate`` and ``functional`` are modules with the names of SpikingJelly's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn_nodes import functional as functional
    from snn_nodes import layer as layer
    from snn_nodes import neuron as neuron
    from snn_nodes import surrogate as surrogate
    from snn_nodes.functional import detach_net as detach_net
    from snn_nodes.functional import fresh as fresh
    from snn_nodes.functional import reset_net as reset_net
    from snn_nodes.functional import set_step_mode as set_step_mode
    from snn_nodes.functional import set_T as set_T
    from snn_nodes.neuron import BaseNode as BaseNode
    from snn_nodes.neuron import IFNode as IFNode
    from snn_nodes.neuron import LIFNode as LIFNode

__version__ = "0.1.0"

_MODULES = ("functional", "layer", "neuron", "surrogate")
_HOME = {
    "AdExNode": "neuron",
    "BaseNode": "neuron",
    "CubaLIFNode": "neuron",
    "IAFNode": "neuron",
    "IFNode": "neuron",
    "LIFNode": "neuron",
    "LINode": "neuron",
    "NeuronNode": "neuron",
    "ParametricLIFNode": "neuron",
    "StateWarning": "neuron",
    "Surrogate": "surrogate",
    "detach_net": "functional",
    "fresh": "functional",
    "node": "neuron",
    "reset_net": "functional",
    "set_T": "functional",
    "set_backend": "functional",
    "set_on_new_shape": "functional",
    "set_step_mode": "functional",
}
__all__ = sorted([*_HOME, *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"snn_nodes.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'snn_nodes' has no attribute {name!r}")
    value = getattr(import_module(f"snn_nodes.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
