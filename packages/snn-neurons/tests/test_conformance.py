"""Every registered neuron, and what the combinators make, pass the conformance kit of core."""

from snn_core.testing import conformance
from snn_neurons import IAF_INTEGRATE_FIRST, Terms, with_refractoriness, with_terms

test_adex = conformance("adex")
test_adex_refractory = conformance("adex_refractory")
test_exp_li = conformance("exp_li")
test_exp_lif = conformance("exp_lif")
test_exp_lif_refractory = conformance("exp_lif_refractory")
test_iaf = conformance("iaf")
test_iaf_integrate_first = conformance("iaf_integrate_first")
test_iaf_refractory = conformance("iaf_refractory")
test_if_box = conformance("if_box")
test_li = conformance("li")
test_li_box = conformance("li_box")
test_lif = conformance("lif")
test_lif_box = conformance("lif_box")
test_lif_refractory = conformance("lif_refractory")

# records made by combinators, not registered
test_adaptive_integrator = conformance(with_terms(Terms(fire=False, exponential=False)))
test_adaptive_lif = conformance(with_terms(Terms(exponential=False)))
test_iaf_integrate_first_refractory = conformance(with_refractoriness(IAF_INTEGRATE_FIRST))
