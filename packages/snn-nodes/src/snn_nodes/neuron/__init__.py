"""Nodes: neurons as stateful modules, under the names of SpikingJelly and snngrow."""

from snn_nodes.batch_bound import StateWarning
from snn_nodes.neuron.base import BaseNode
from snn_nodes.neuron.if_node import IFNode
from snn_nodes.neuron.lif_node import LIFNode
from snn_nodes.neuron.neuron_node import NeuronNode, node
from snn_nodes.neuron.parametric_lif import ParametricLIFNode
from snn_nodes.neuron.registered import AdExNode, CubaLIFNode, IAFNode, LINode
from snn_nodes.neuron.stateful import StatefulNode

__all__ = [
    "AdExNode",
    "BaseNode",
    "CubaLIFNode",
    "IAFNode",
    "IFNode",
    "LIFNode",
    "LINode",
    "NeuronNode",
    "ParametricLIFNode",
    "StateWarning",
    "StatefulNode",
    "node",
]

# In snngrow's examples LIFNode is the module of the class, as in `LIFNode.LIFNode(...)`; in its
# package it is the class. Here it is the class, which finds itself by its name too.
for _kind in (BaseNode, IFNode, LIFNode):
    setattr(_kind, _kind.__name__, _kind)
