"""LIF with an absolute refractory period: ``snn_neurons.lif`` held by ``snn_neurons.refractory``.

The equations are those of LIF; after a spike the neuron stays at v_reset and is silent for
n = ceil(refractory_time / dt) steps, while its current goes on.

Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3.
"""

from __future__ import annotations

from snn_neurons.lif import LIF
from snn_neurons.refractory import with_refractoriness

LIF_REFRACTORY = with_refractoriness(LIF, __name__)
Params, State = LIF_REFRACTORY.Params, LIF_REFRACTORY.State
