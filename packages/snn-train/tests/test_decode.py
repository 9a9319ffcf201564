"""Decoders and their gradients."""

import math

import pytest
import torch
from snn_train import (
    early_mean_over_time,
    first_spike,
    max_over_time,
    mean_over_time,
    sum_over_time,
)

TRACE = torch.tensor(
    [[[1.0, -3.0]], [[4.0, -2.0]], [[4.0, -5.0]], [[0.0, -9.0]]], dtype=torch.float64
)


@pytest.mark.parametrize(
    ("decode", "values", "gradient"),
    [
        (max_over_time, [4.0, -2.0], [[0, 0], [0.5, 1], [0.5, 0], [0, 0]]),
        (sum_over_time, [9.0, -19.0], [[1, 1]] * 4),
        (mean_over_time, [2.25, -4.75], [[0.25, 0.25]] * 4),
    ],
)
def test_values_and_gradients(decode, values, gradient):
    trace = TRACE.clone().requires_grad_()
    scores = decode(trace)
    assert scores.tolist() == [values]
    scores.sum().backward()
    assert trace.grad[:, 0].tolist() == gradient


def test_the_first_spike_is_found_and_silence_is_infinite():
    spikes = torch.zeros(6, 2, 2)
    spikes[2, 0, 0] = spikes[4, 0, 0] = spikes[5, 1, 1] = spikes[0, 1, 0] = 1
    times = first_spike(spikes, 1e-3)
    assert times.tolist() == [[pytest.approx(2e-3), math.inf], [0.0, pytest.approx(5e-3)]]
    assert torch.equal(first_spike(spikes.bool(), 1e-3), times)


def test_the_first_spike_carries_no_gradient():
    spikes = torch.ones(3, 1, 1, requires_grad=True)
    assert not first_spike(spikes, 1e-3).requires_grad


def test_the_first_spike_needs_a_step():
    with pytest.raises(ValueError, match=r"dt must be positive, got 0\.0 \(seconds\)"):
        first_spike(TRACE, 0.0)


@pytest.mark.parametrize(
    "decode",
    [max_over_time, sum_over_time, mean_over_time, lambda trace: first_spike(trace, 1e-3)],
)
def test_a_trace_without_steps_is_refused(decode):
    with pytest.raises(ValueError, match=r"at least one time step, got \(0, 2, 3\)"):
        decode(torch.zeros(0, 2, 3))


def test_the_early_mean_weighs_each_step_exponentially():
    trace = torch.rand(7, 2, 3, dtype=torch.float64)
    found = early_mean_over_time(trace, dt=1e-3, tau=4e-3, scale=2.0)
    expected = sum(2.0 * 0.25 * math.exp(-0.25 * k) * row for k, row in enumerate(trace))
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("wrong", [{"dt": 0.0}, {"tau": -1.0}, {"tau": math.inf}])
def test_an_early_mean_without_a_time_scale_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be positive, got"):
        early_mean_over_time(torch.ones(3, 1), **({"dt": 1e-3, "tau": 1e-3} | wrong))
