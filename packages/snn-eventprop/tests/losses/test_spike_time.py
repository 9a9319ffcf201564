"""spike_time_mse: value, gradient, missing spikes, wrong input."""

import math

import pytest
import torch
from snn_eventprop.losses import spike_time_mse
from torch.autograd import gradcheck

INF = math.inf


def double(values, **options):
    return torch.tensor(values, dtype=torch.float64, **options)


def test_the_mean_is_over_the_finite_targets():
    times = double([[0.1, 0.2, INF], [0.3, INF, 0.5]], requires_grad=True)
    targets = double([[0.4, INF, 0.2], [0.3, INF, 0.1]], requires_grad=True)
    loss = spike_time_mse(times, targets)
    assert loss.item() == pytest.approx((0.3**2 + 0.4**2) / 4, rel=1e-15)
    loss.backward()
    wanted = double([[-0.15, 0, 0], [0, 0, 0.2]])
    torch.testing.assert_close(times.grad, wanted, rtol=1e-14, atol=0)
    torch.testing.assert_close(targets.grad, -wanted, rtol=1e-14, atol=0)


def test_the_gradient_is_that_of_the_value():
    times, targets = torch.rand(2, 4, 3, dtype=torch.float64).requires_grad_()
    assert gradcheck(spike_time_mse, (times, targets.detach()), eps=1e-6, atol=1e-9, rtol=1e-7)


def test_all_spikes_missing_give_zero_without_nan():
    times = double([INF, INF], requires_grad=True)
    loss = spike_time_mse(times, double([0.1, 0.2]))
    loss.backward()
    assert loss.item() == 0.0
    assert times.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("times", "targets", "error", "problem"),
    [
        ([0.1], double([0.1]), TypeError, "times must be a floating point Tensor.* got list"),
        (double([0.1]), torch.tensor([1]), TypeError, r"targets must be .* got torch\.int64"),
        (double([0.1, 0.2]), double([0.1]), ValueError, r"one shape, got \(2,\) and \(1,\)"),
        (double([math.nan]), double([0.1]), ValueError, "times holds NaN"),
        (double([0.1]), double([math.nan]), ValueError, "targets holds NaN"),
        (double([0.1]), double([INF]), ValueError, "no target is finite"),
    ],
)
def test_wrong_input_is_refused(times, targets, error, problem):
    with pytest.raises(error, match=problem):
        spike_time_mse(times, targets)
