"""AdEx with an absolute refractory period: ``snn_neurons.adex`` held by ``snn_neurons.refractory``.

The equations are those of AdEx; after a spike the neuron stays at v_reset and is silent for
n = ceil(refractory_time / dt) steps, while its current and its adaptation go on. The adaptation
sees the membrane of the integration, from before it is held, and emitted spikes only.

Source: Brette and Gerstner, J. Neurophysiol. 94, 2005; hxtorch.spiking, ``cuba_aelif_integration``.
"""

from __future__ import annotations

from snn_neurons.adex import ADEX
from snn_neurons.refractory import with_refractoriness

ADEX_REFRACTORY = with_refractoriness(ADEX, __name__)
Params, State = ADEX_REFRACTORY.Params, ADEX_REFRACTORY.State
