"""The functions of hxtorch.spiking and norse, by their names and signatures, over our models.

Nothing of a model is written here: each function runs a neuron of ``snn_neurons``, core's
``integrate``, thresholds or ``inject``. Where a function differs from the reference, the README of
the package says how.
"""

from __future__ import annotations

from snn_neurons.functional.clamping import exponential_clamp, linear_exponential_clamp
from snn_neurons.functional.cuba import (
    cuba_aelif_integration,
    cuba_li_integration,
    cuba_lif_integration,
)
from snn_neurons.functional.exp_cuba import (
    ExpCuBaLI,
    ExpCuBaLIF,
    exp_cuba_li_integration,
    exp_cuba_lif_integration,
)
from snn_neurons.functional.iaf_steps import (
    IAFFeedForwardState,
    IAFParameters,
    IAFState,
    iaf_feed_forward_step,
    iaf_step,
)
from snn_neurons.functional.observables import HardwareObservables
from snn_neurons.functional.projections import linear, linear_sparse
from snn_neurons.functional.refractoriness import refractory_update
from snn_neurons.functional.running import CuBaIntegration
from snn_neurons.functional.sources import batch_dropout, input_neuron
from snn_neurons.functional.spike_functions import SuperSpike, Unterjubel, threshold
from snn_neurons.functional.step_code import CuBaStepCode

__all__ = [
    "CuBaIntegration",
    "CuBaStepCode",
    "ExpCuBaLI",
    "ExpCuBaLIF",
    "HardwareObservables",
    "IAFFeedForwardState",
    "IAFParameters",
    "IAFState",
    "SuperSpike",
    "Unterjubel",
    "batch_dropout",
    "cuba_aelif_integration",
    "cuba_li_integration",
    "cuba_lif_integration",
    "exp_cuba_li_integration",
    "exp_cuba_lif_integration",
    "exponential_clamp",
    "iaf_feed_forward_step",
    "iaf_step",
    "input_neuron",
    "linear",
    "linear_exponential_clamp",
    "linear_sparse",
    "refractory_update",
    "threshold",
]
