"""The EventProp functions of hxtorch.spiking by their names, signatures and sign of gradients.

They run on an Euler grid with stacked input ``(2, T, B, N)``: the neurons of ``snn_neurons.lif``
forward, an adjoint that sees the spikes inside their steps backward. In the spike slots, in and
out, stands **-dL/dt**, as in the reference; weights get the true dL/dw. A network is made of
``EventPropSynapseFunction``, ``EventPropNeuron`` and, where its loss is one of a membrane,
``EventPropReadoutFunction``. The backends ``eventprop`` and ``eventprop_exact`` are more exact.
"""

from __future__ import annotations

from snn_eventprop.functional.neuron import (
    EventPropIntegration,
    EventPropLIFFunction,
    EventPropNeuron,
    EventPropNeuronFunction,
)
from snn_eventprop.functional.notices import ClippedSlopeWarning, UnusedGradientWarning
from snn_eventprop.functional.parameters import EventPropParams
from snn_eventprop.functional.readout import EventPropReadout, EventPropReadoutFunction
from snn_eventprop.functional.synapse import EventPropSynapseFunction

__all__ = [
    "ClippedSlopeWarning",
    "EventPropIntegration",
    "EventPropLIFFunction",
    "EventPropNeuron",
    "EventPropNeuronFunction",
    "EventPropParams",
    "EventPropReadout",
    "EventPropReadoutFunction",
    "EventPropSynapseFunction",
    "UnusedGradientWarning",
]
