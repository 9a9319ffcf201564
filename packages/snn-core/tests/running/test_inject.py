"""inject: the measured value forward, the model's gradient backward."""

import pytest
import torch
from snn_core import inject
from snn_core.testing.compiling import whole_graph


def test_value_is_measured_to_the_bit_and_gradient_is_the_models():
    model = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    measured = torch.full((3, 4), 1e-3, dtype=torch.float64, requires_grad=True)
    out = inject(torch.sin(model), measured)
    assert torch.equal(out, measured)
    weights = torch.rand(3, 4, dtype=torch.float64)
    (weights * out**2).sum().backward()
    torch.testing.assert_close(model.grad, 2 * weights * measured.detach() * torch.cos(model))
    assert measured.grad is None


def test_nothing_measured_is_the_model_itself():
    model = torch.rand(2)
    assert inject(model, None) is model


def test_the_measurement_is_not_aliased():
    measured = torch.ones(2)
    inject(torch.zeros(2), measured).add_(1)
    assert measured.tolist() == [1, 1]


def test_vmap_and_compile():
    model, measured = torch.rand(5, 2), torch.rand(5, 2)
    assert torch.equal(torch.func.vmap(inject)(model, measured), measured)
    with whole_graph(inject) as compiled:
        assert torch.equal(compiled(model, measured), measured)


def test_shapes_and_dtypes_are_not_broadcast_or_promoted():
    with pytest.raises(ValueError, match=r"measurement has shape \(1,\), the model \(2,\)"):
        inject(torch.zeros(2), torch.zeros(1))
    with pytest.raises(TypeError, match=r"measurement is torch.float64, the model torch.float32"):
        inject(torch.zeros(2), torch.zeros(2, dtype=torch.float64))
