"""Exponential-Euler LIF with an absolute refractory period.

The equations are those of ``snn_neurons.exp_lif``, held by ``snn_neurons.refractory``: after a
spike the neuron stays at v_reset and is silent for n = ceil(refractory_time / dt) steps, while its
current goes on.

Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3.
"""

from __future__ import annotations

from snn_neurons.exp_lif import EXP_LIF
from snn_neurons.refractory import with_refractoriness

EXP_LIF_REFRACTORY = with_refractoriness(EXP_LIF, __name__)
Params, State = EXP_LIF_REFRACTORY.Params, EXP_LIF_REFRACTORY.State
