"""IAF with an absolute refractory period: ``snn_neurons.iaf`` held by ``snn_neurons.refractory``.

The equations are those of IAF, which fires first: it emits a spike for the membrane of the step
before, is reset, and adds its input. With n = ceil(refractory_time / dt), after a spike at step t:

- from t + 1 to t + n it is silent, and its membrane ends each step at v_reset;
- so the input of the steps t to t + n is lost: there is no synaptic current to keep it;
- at t + n + 1 it finds v_reset and adds its input; the next spike comes at t + n + 2 at the
  earliest, if v_reset is not above v_th. For n = 0 it is IAF itself.

Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3.
"""

from __future__ import annotations

from snn_neurons.iaf import IAF
from snn_neurons.refractory import with_refractoriness

IAF_REFRACTORY = with_refractoriness(IAF, __name__)
Params, State = IAF_REFRACTORY.Params, IAF_REFRACTORY.State
