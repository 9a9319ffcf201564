"""linear, linear_sparse, the exponential clamp, dropout and input neurons."""

import math

import pytest
import torch
from snn_neurons.functional import (
    HardwareObservables,
    batch_dropout,
    exponential_clamp,
    input_neuron,
    linear,
    linear_exponential_clamp,
    linear_sparse,
)


def test_linear(draw):
    x, w, b = draw(0, 1, 4, 2, 3), draw(-1, 1, 5, 3), draw(-1, 1, 5)
    torch.testing.assert_close(linear(x, w), torch.einsum("tbi,oi->tbo", x, w))
    torch.testing.assert_close(linear(x, w, b), torch.einsum("tbi,oi->tbo", x, w) + b)


def test_linear_sparse_leaves_the_weight_and_kills_masked_gradients(draw):
    x, b = draw(0, 1, 4, 2, 3), draw(-1, 1, 5)
    w = draw(-1, 1, 5, 3).requires_grad_()
    before = w.detach().clone()
    connections = draw(0, 1, 5, 3) > 0.5
    out = linear_sparse(x, w, connections, b)
    torch.testing.assert_close(out, torch.einsum("tbi,oi->tbo", x, w * connections) + b)
    out.square().sum().backward()
    assert torch.equal(w.detach(), before)
    assert torch.equal(w.grad[~connections], torch.zeros(int((~connections).sum())).double())
    assert (w.grad[connections] != 0).all()
    dense = torch.autograd.grad(linear(x, w * connections, b).square().sum(), w)[0]
    torch.testing.assert_close(w.grad, dense)
    assert torch.equal(linear_sparse(x, w, None, b), linear(x, w, b))


def test_a_masked_weight_that_is_not_finite_has_no_effect():
    w = torch.tensor([[1.0, math.inf]], requires_grad=True)
    out = linear_sparse(torch.ones(1, 1, 2), w, torch.tensor([[True, False]]))
    out.sum().backward()
    assert out.item() == 1.0
    assert w.grad.tolist() == [[1.0, 0.0]]


def test_projections_that_do_not_fit_are_refused():
    x, w = torch.zeros(4, 2, 3), torch.zeros(5, 3)
    with pytest.raises(ValueError, match=r"got \(4, 2, 3\) and \(5, 4\)"):
        linear(x, torch.zeros(5, 4))
    with pytest.raises(ValueError, match=r"bias of shape \(5,\) .* got \(3,\)"):
        linear(x, w, torch.zeros(3))
    with pytest.raises(TypeError, match=r"input is torch\.bool, the weight torch.float32"):
        linear(x.bool(), w)
    for refused in (linear, linear_sparse, linear_exponential_clamp):
        for given in (x, x.int()):
            with pytest.raises(TypeError, match=r"^weight must be floating .* torch\.int32"):
                refused(given, w.int())
    with pytest.raises(TypeError, match=r"convert it with \.to\(torch\.float32\)"):
        linear_sparse(x, w.int(), torch.ones(5, 3, dtype=torch.bool))
    with pytest.raises(TypeError, match=r"^weight must be floating point, got torch\.int64"):
        exponential_clamp(torch.arange(3))
    with pytest.raises(TypeError, match=r"connections must be boolean.* got torch\.float32"):
        linear_sparse(x, w, torch.ones(5, 3))
    with pytest.raises(ValueError, match=r"the weight's shape \(5, 3\), got \(3, 5\)"):
        linear_sparse(x, w, torch.ones(3, 5, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"got \(4, 2, 3\) and \(5, 4\)"):
        linear_exponential_clamp(x, torch.zeros(5, 4))


def test_the_exponential_clamp_at_known_points():
    w = torch.tensor([1.4, 1.6, -1.6, 0.0, 1e3, -1e3], dtype=torch.float64)
    expected = torch.tensor([1.4, 1.497855, -1.497855, 0.0, 1.5, -1.5], dtype=torch.float64)
    torch.testing.assert_close(exponential_clamp(w), expected, rtol=0, atol=5e-7)
    by_hand = 1.5 * (1 - math.exp(-31.5 * (1.6 / 1.5 - (1 - 1 / 31.5))) / 31.5)
    assert exponential_clamp(w)[1].item() == pytest.approx(by_hand, abs=1e-14)


def test_the_exponential_clamp_is_smooth_at_its_knee():
    knee = 1.5 * 61 / 63
    w = torch.tensor([knee - 1e-9, knee + 1e-9], dtype=torch.float64, requires_grad=True)
    y = exponential_clamp(w)
    (slope,) = torch.autograd.grad(y.sum(), w)
    torch.testing.assert_close(y, w, rtol=0, atol=1e-12)
    torch.testing.assert_close(slope, torch.ones(2).double(), rtol=0, atol=1e-6)


def test_the_gradient_of_the_exponential_clamp():
    w = torch.linspace(-3, 3, 41, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(exponential_clamp, w)
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        w = torch.tensor([0.0, -1.0, 1.49, 3e4], dtype=dtype, requires_grad=True)
        (slope,) = torch.autograd.grad(exponential_clamp(w, start_weight=62.9).sum(), w)
        assert slope.isfinite().all()


def test_quantized_weights_are_levels_with_a_straight_gradient(draw):
    step = 1.5 / 63
    w = (draw(-2, 2, 200)).requires_grad_()
    levels = exponential_clamp(w, quantize=True) / step
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-9)
    assert levels.abs().max() <= 63 + 1e-9
    smooth = exponential_clamp(w)
    assert ((levels * step - smooth).abs() <= step / 2 + 1e-12).all()
    given = torch.autograd.grad((levels * step).square().sum(), w)[0]
    expected = torch.autograd.grad((smooth * 2 * (levels * step).detach()).sum(), w)[0]
    torch.testing.assert_close(given, expected)


def test_ties_are_rounded_away_from_zero():
    # cap 63 makes a level 1; below the knee at 61 the clamp changes nothing
    w = torch.tensor([0.5, 1.5, 2.5, -0.5, -2.5, 0.49999997, 2.4999998], dtype=torch.float32)
    given = exponential_clamp(w, cap=63.0, quantize=True)
    assert given.tolist() == [1.0, 2.0, 3.0, -1.0, -3.0, 0.0, 2.0]


def test_linear_exponential_clamp_returns_the_output(draw):
    x, w, b = draw(0, 1, 4, 2, 3), draw(-2, 2, 5, 3).requires_grad_(), draw(-1, 1, 5)
    for more in ({}, {"cap": 1.0, "start_weight": 30.0, "quantize": True}):
        out = linear_exponential_clamp(x, w, b, **more)
        torch.testing.assert_close(out, linear(x, exponential_clamp(w, **more), b))
        assert out.shape == (4, 2, 5)


@pytest.mark.parametrize("start_weight", [0.0, 63.0, -1.0, 64.0])
def test_a_knee_outside_the_levels_is_refused(start_weight):
    with pytest.raises(ValueError, match=f"between 0 and 63, exclusive, got {start_weight}"):
        exponential_clamp(torch.ones(1), start_weight=start_weight)
    with pytest.raises(ValueError, match=r"cap must be above 0, got 0.0"):
        linear_exponential_clamp(torch.ones(1, 1), torch.ones(1, 1), cap=0.0)


def test_batch_dropout_drops_the_same_neurons_everywhere(draw):
    x = draw(0, 1, 4, 2, 3).requires_grad_()
    mask = torch.tensor([True, False, True])
    out = batch_dropout(x, mask)
    assert torch.equal(out[..., mask], x[..., mask])
    assert out[..., 1].abs().sum() == 0
    out.sum().backward()
    assert torch.equal(x.grad, mask.double().expand(4, 2, 3))
    with pytest.raises(TypeError, match=r"mask must be boolean, .* got torch\.float32"):
        batch_dropout(x, mask.float())
    with pytest.raises(ValueError, match=r"neurons' shape \(3,\) .* got \(2, 3\)"):
        batch_dropout(x, mask.expand(2, 3))
    with pytest.raises(ValueError, match=r"input of shape \(T, B, N\), got \(2, 3\)"):
        batch_dropout(x[0], mask)


def test_input_neurons_pass_or_replace(draw):
    x, spikes = draw(0, 1, 4, 2, 3).requires_grad_(), draw(0, 1, 5, 2, 3)
    assert torch.equal(input_neuron(x), x)
    assert torch.equal(input_neuron(x, (None, None, None)), x)
    for hw in (spikes, (spikes, None, None), HardwareObservables(spikes=spikes)):
        out = input_neuron(x, hw)
        assert torch.equal(out, spikes[:4])
        assert torch.autograd.grad(out.sum(), x)[0].tolist() == torch.ones(4, 2, 3).tolist()
    assert torch.equal(input_neuron(x, spikes[:3]), spikes[:3])
    with pytest.raises(ValueError, match=r"input \(4, 2, 3\), got \(4, 2, 2\)"):
        input_neuron(x, torch.zeros(4, 2, 2))


def test_input_neurons_truncate_no_measurement():
    counts, recorded = torch.ones(2, 1, 1, dtype=torch.int64), torch.full((2, 1, 1), 0.7)
    with pytest.raises(
        TypeError,
        match=r"hw_data.spikes is torch.float32, which the input's torch.int64 cannot hold; pass "
        r"input.to\(torch.float32\)",
    ):
        input_neuron(counts, recorded)
    assert torch.equal(input_neuron(counts, recorded > 1), torch.zeros(2, 1, 1, dtype=torch.int64))
    with pytest.raises(TypeError, match=r"torch.int64, which the input's torch.bool cannot hold"):
        input_neuron(counts > 0, 2 * counts)
