"""Every registered neuron passes core's conformance kit."""

from snn_core.testing import conformance

test_adex = conformance("adex")
test_adex_refractory = conformance("adex_refractory")
test_exp_li = conformance("exp_li")
test_exp_lif = conformance("exp_lif")
test_exp_lif_refractory = conformance("exp_lif_refractory")
test_iaf = conformance("iaf")
test_iaf_integrate_first = conformance("iaf_integrate_first")
test_li = conformance("li")
test_lif = conformance("lif")
test_lif_refractory = conformance("lif_refractory")
