"""snn-nodes: stateful spiking modules, sparse spikes that pay, and exchange by NIR.

Importing it loads no torch; public names are imported at first use. ``neuron``, ``layer``,
``surrogate`` and ``functional`` are modules with the names of SpikingJelly's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn_nodes import exchange as exchange
    from snn_nodes import functional as functional
    from snn_nodes import layer as layer
    from snn_nodes import neuron as neuron
    from snn_nodes import recording as recording
    from snn_nodes import spikes as spikes
    from snn_nodes import surrogate as surrogate
    from snn_nodes.exchange import ExchangeError as ExchangeError
    from snn_nodes.exchange import from_nir as from_nir
    from snn_nodes.exchange import to_nir as to_nir
    from snn_nodes.functional import detach as detach
    from snn_nodes.functional import detach_net as detach_net
    from snn_nodes.functional import fresh as fresh
    from snn_nodes.functional import reset as reset
    from snn_nodes.functional import reset_net as reset_net
    from snn_nodes.functional import set_backend as set_backend
    from snn_nodes.functional import set_on_new_shape as set_on_new_shape
    from snn_nodes.functional import set_step_mode as set_step_mode
    from snn_nodes.functional import set_T as set_T
    from snn_nodes.layer import Delay as Delay
    from snn_nodes.layer import Recurrent as Recurrent
    from snn_nodes.layer import Sequential as Sequential
    from snn_nodes.layer import SparseSynapse as SparseSynapse
    from snn_nodes.neuron import AdExNode as AdExNode
    from snn_nodes.neuron import BaseNode as BaseNode
    from snn_nodes.neuron import CubaLIFNode as CubaLIFNode
    from snn_nodes.neuron import IAFNode as IAFNode
    from snn_nodes.neuron import IFNode as IFNode
    from snn_nodes.neuron import LIFNode as LIFNode
    from snn_nodes.neuron import LINode as LINode
    from snn_nodes.neuron import NeuronNode as NeuronNode
    from snn_nodes.neuron import ParametricLIFNode as ParametricLIFNode
    from snn_nodes.neuron import StateWarning as StateWarning
    from snn_nodes.neuron import node as node
    from snn_nodes.recording import EnergyPerOperation as EnergyPerOperation
    from snn_nodes.recording import Recorder as Recorder
    from snn_nodes.recording import diagnose as diagnose
    from snn_nodes.recording import energy as energy
    from snn_nodes.recording import synaptic_operations as synaptic_operations
    from snn_nodes.spikes import SpikeTensor as SpikeTensor
    from snn_nodes.spikes import spike_linear as spike_linear
    from snn_nodes.surrogate import Surrogate as Surrogate

__version__ = "0.1.0"

_MODULES = ("exchange", "functional", "layer", "neuron", "recording", "spikes", "surrogate")
_HOME = {
    "AdExNode": "neuron",
    "BaseNode": "neuron",
    "CubaLIFNode": "neuron",
    "Delay": "layer",
    "EnergyPerOperation": "recording",
    "ExchangeError": "exchange",
    "IAFNode": "neuron",
    "IFNode": "neuron",
    "LIFNode": "neuron",
    "LINode": "neuron",
    "NeuronNode": "neuron",
    "ParametricLIFNode": "neuron",
    "Recorder": "recording",
    "Recurrent": "layer",
    "Sequential": "layer",
    "SparseSynapse": "layer",
    "SpikeTensor": "spikes",
    "StateWarning": "neuron",
    "Surrogate": "surrogate",
    "detach": "functional",
    "detach_net": "functional",
    "diagnose": "recording",
    "energy": "recording",
    "fresh": "functional",
    "from_nir": "exchange",
    "node": "neuron",
    "reset": "functional",
    "reset_net": "functional",
    "set_T": "functional",
    "set_backend": "functional",
    "set_on_new_shape": "functional",
    "set_step_mode": "functional",
    "spike_linear": "spikes",
    "synaptic_operations": "recording",
    "to_nir": "exchange",
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
