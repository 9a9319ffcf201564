"""EventPropSynapseFunction: two channels, two gradients."""

import pytest
import torch
from snn_eventprop.functional import EventPropSynapseFunction


@pytest.fixture
def tensors(source):
    def draw(*shape):
        return torch.randn(shape, generator=source, dtype=torch.float64)

    x = (draw(20, 4, 7) > 0.5).double().requires_grad_()
    return x, draw(3, 7).requires_grad_(), draw(2, 20, 4, 3)


def test_forward_is_the_projection_and_zeros(tensors):
    x, weight, _ = tensors
    y = EventPropSynapseFunction.apply(x, weight)
    assert y.shape == (2, 20, 4, 3)
    torch.testing.assert_close(y[0], x @ weight.T, rtol=1e-14, atol=1e-14)
    assert not y[1].any()


def test_each_channel_carries_one_gradient(tensors):
    x, weight, g = tensors
    EventPropSynapseFunction.apply(x, weight, None).backward(g)
    expected = torch.einsum("tbo,tbi->oi", g[0], x)
    torch.testing.assert_close(weight.grad, expected, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(x.grad, g[1] @ weight, rtol=1e-13, atol=1e-13)


def test_only_what_is_asked_for(tensors):
    x, weight, g = tensors
    EventPropSynapseFunction.apply(x.detach(), weight).backward(g)
    assert weight.grad is not None
    EventPropSynapseFunction.apply(x, weight.detach()).backward(g)
    assert x.grad is not None


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64])
def test_spikes_of_other_dtypes_take_the_weights(dtype, tensors):
    x, weight, _ = tensors
    y = EventPropSynapseFunction.apply(x.detach().to(dtype), weight)
    assert torch.equal(y, EventPropSynapseFunction.apply(x, weight))


def test_a_bias_is_refused(tensors):
    x, weight, _ = tensors
    with pytest.raises(ValueError, match=r"takes no bias: .* pass bias=None, and shift"):
        EventPropSynapseFunction.apply(x, weight, torch.zeros(3))


def test_bad_input(tensors):
    x, weight, _ = tensors
    with pytest.raises(ValueError, match=r"shape \(T, B, N\) with N = 7 .* got \(20, 4, 6\)"):
        EventPropSynapseFunction.apply(x[..., :6], weight)
    with pytest.raises(ValueError, match="time comes first"):
        EventPropSynapseFunction.apply(x[0], weight)
    with pytest.raises(TypeError, match="float32"):
        EventPropSynapseFunction.apply(x.float(), weight)
    with pytest.raises(TypeError, match=r"Tensor \(T, B, N_in\), got list"):
        EventPropSynapseFunction.apply([1.0], weight)
    broken = weight.detach().clone()
    broken[0, 0] = float("nan")
    with pytest.raises(ValueError, match="1 entries that are NaN or infinite"):
        EventPropSynapseFunction.apply(x, broken)


def test_the_weights_gradient_needs_no_matrix_per_sample(source):
    """A tensor (B, N_out, N_in) would have 131 MB here; the weight has 1 MB."""
    x = (torch.rand(2, 128, 1000, generator=source) < 0.01).float()
    weight = torch.zeros(256, 1000, requires_grad=True)
    y = EventPropSynapseFunction.apply(x, weight)
    kinds = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=kinds, profile_memory=True) as profile:
        y.backward(torch.ones_like(y))
    largest = max(event.cpu_memory_usage for event in profile.events())
    assert largest < 4 * (2 * weight.numel() + 4 * y.numel())
