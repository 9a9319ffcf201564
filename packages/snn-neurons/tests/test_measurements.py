"""A measurement of something that a neuron does not have is refused, not dropped."""

import pytest
import snn_core as snn
import torch

X = torch.zeros(3, 1, 2)


@pytest.mark.parametrize(
    ("name", "field", "takes"),
    [("li", "z", "v"), ("exp_li", "z", "v"), ("lif", "w", "v, z"), ("iaf", "w", "v, z")],
)
def test_a_measurement_that_a_neuron_has_no_use_for_is_refused(name, field, takes):
    message = f"neuron '{name}' takes no measured '{field}'; it takes {takes}$"
    with pytest.raises(ValueError, match=message):
        snn.integrate(name, X, dt=1e-3, observed=snn.Observed(**{field: X}))


def test_adex_takes_all_three():
    observed = snn.Observed(v=X + 0.5, w=X + 0.25, z=X + 1.0)
    out = snn.integrate("adex", X, dt=1e-3, observed=observed, record=("v", "w"))
    assert torch.equal(out.output, observed.z)
    assert torch.equal(out.traces.v, observed.v)
    assert torch.equal(out.traces.w, observed.w)
