"""threshold, SuperSpike and Unterjubel: spellings, formula, gradients."""

import pytest
import torch
from snn_core import UnknownName
from snn_neurons.functional import SuperSpike, Unterjubel, threshold


@pytest.mark.parametrize("method", ["super_spike", "superspike", "SuperSpike", "super"])
def test_all_spellings_are_one_threshold(method):
    x = torch.tensor([-0.02, 0.0, 0.02], dtype=torch.float64, requires_grad=True)
    z = threshold(x, method, 50.0)
    assert z.tolist() == [0.0, 0.0, 1.0]
    (gradient,) = torch.autograd.grad(z.sum(), x)
    torch.testing.assert_close(gradient, torch.tensor([0.25, 1.0, 0.25]).double())


def test_super_spike_is_the_threshold_with_a_default_of_fifty():
    x = torch.linspace(-1, 1, 21, dtype=torch.float64, requires_grad=True)
    for given in (SuperSpike.apply(x, 50.0), SuperSpike.apply(x)):
        expected = threshold(x, "super_spike", 50.0)
        assert torch.equal(given, expected)
        grads = [torch.autograd.grad(z.sum(), x)[0] for z in (given, expected)]
        assert torch.equal(*grads)
        torch.testing.assert_close(grads[0], 1 / (50 * x.detach().abs() + 1) ** 2)


def test_alpha_may_be_a_tensor_and_gets_no_gradient():
    x, alpha = torch.tensor(0.02, requires_grad=True), torch.tensor(50.0)
    assert torch.autograd.grad(SuperSpike.apply(x, alpha), x)[0].item() == pytest.approx(0.25)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_gradient_is_finite_for_any_finite_input(dtype):
    top = torch.finfo(dtype).max
    x = torch.tensor([-top, -1.0, 0.0, 1.0, top], dtype=dtype, requires_grad=True)
    (gradient,) = torch.autograd.grad(SuperSpike.apply(x, 100.0).sum(), x)
    assert gradient.isfinite().all()


def test_an_unknown_method_is_named():
    with pytest.raises(UnknownName, match="unknown threshold 'superspik'; did you mean"):
        threshold(torch.zeros(1), "superspik", 50.0)


def test_unterjubel_gives_the_measured_value_and_the_models_gradient():
    model = torch.tensor([1.0, 2.0], requires_grad=True)
    measured = torch.tensor([5.0, 6.0], requires_grad=True)
    out = Unterjubel.apply(model * 3, measured)
    assert out.tolist() == [5.0, 6.0]
    gradients = torch.autograd.grad(
        (out * torch.tensor([1.0, 10.0])).sum(), (model, measured), allow_unused=True
    )
    assert gradients[0].tolist() == [3.0, 30.0]
    assert gradients[1] is None
