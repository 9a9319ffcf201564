"""Encoders against closed forms, and what they refuse."""

import math
import re

import pytest
import torch
from snn_train import events_at, latency, poisson, rate, spike_times

SIDES = pytest.mark.parametrize("encode", [spike_times, latency])
GRIDS = pytest.mark.parametrize("encode", [rate, lambda r, t, dt: poisson(r, t, dt, None)])


def test_spike_times_are_linear_and_differentiable():
    values = torch.rand(4, 3, dtype=torch.float64, requires_grad=True)
    times = spike_times(values, 2e-3, 26e-3)
    assert torch.allclose(times, 2e-3 + 24e-3 * values, rtol=1e-15, atol=0)
    times.sum().backward()
    assert torch.allclose(values.grad, torch.full_like(values, 24e-3), rtol=1e-15, atol=0)


def test_a_larger_value_is_earlier_in_latency():
    values = torch.tensor([1.0, 0.75, 0.5, 0.25], dtype=torch.float64)
    assert latency(values, 0.0, 8e-3).tolist() == pytest.approx([0.0, 2e-3, 4e-3, 6e-3], rel=1e-15)


def test_latency_is_silent_up_to_its_bound():
    values = torch.tensor([0.0, 0.3, 0.30001], dtype=torch.float64)
    times = latency(values, 0.0, 1.0, silent=0.3)
    assert times.tolist() == [math.inf, math.inf, pytest.approx(0.69999)]
    assert latency(values, 0.0, 1.0)[0] == math.inf


@SIDES
@pytest.mark.parametrize("wrong", [-0.5, 1.5, math.nan])
def test_values_outside_the_interval_are_named(encode, wrong):
    values = torch.full((2, 3), 0.5)
    values[1, 2] = wrong
    expected = rf"values in \[0, 1\], got {wrong:g} at index \(1, 2\); rescale them"
    with pytest.raises(ValueError, match=expected):
        encode(values, 0.0, 1e-3)


@SIDES
@pytest.mark.parametrize("window", [(1e-3, 1e-3), (-1e-3, 1e-3), (0.0, math.inf)])
def test_an_empty_window_is_refused(encode, window):
    expected = rf"0 <= t_min < t_max in seconds, got t_min={window[0]:g}, t_max={window[1]:g}"
    with pytest.raises(ValueError, match=expected):
        encode(torch.zeros(1, 1), *window)


def test_events_are_sorted_and_keep_the_gradient():
    times = torch.tensor(
        [[3e-3, math.inf, 1e-3], [0.0, 2e-3, 4e-3]], dtype=torch.float64, requires_grad=True
    )
    events = events_at(times, 5e-3)
    assert events.times.tolist() == [[1e-3, 3e-3, math.inf], [0.0, 2e-3, 4e-3]]
    assert events.index.tolist() == [[2, 0, -1], [0, 1, 2]]
    assert (events.shape, events.duration) == ((3,), 5e-3)
    real = events.times[events.index >= 0]
    (real * torch.arange(1.0, 6.0)).sum().backward()
    assert times.grad.tolist() == [[2.0, 0.0, 1.0], [3.0, 4.0, 5.0]]


def test_events_of_a_layer_with_two_axes_go_to_the_grid():
    times = torch.tensor([[[1e-3, 0.0], [math.inf, 2e-3]]])
    grid = events_at(times, 3e-3).to_grid(1e-3)
    assert grid.shape == (3, 1, 2, 2)
    assert grid.nonzero().tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [2, 0, 1, 1]]


@pytest.mark.parametrize("wrong", [-1e-3, 5e-3, math.nan])
def test_a_time_outside_the_recording_is_refused(wrong):
    with pytest.raises(ValueError, match=re.escape(f"an event at {wrong} s is outside [0, 0.005)")):
        events_at(torch.tensor([[0.0, wrong]], dtype=torch.float64), 5e-3)


def test_times_without_a_batch_are_refused():
    with pytest.raises(ValueError, match=re.escape("times of shape (B, *N), got (3,)")):
        events_at(torch.zeros(3), 5e-3)


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_regular_spikes_come_in_the_number_of_the_closed_form(steps):
    hundredths = torch.arange(101, dtype=torch.float64)
    spikes = rate(10.0 * hundredths[None], steps, 1e-3)
    assert spikes.unique().tolist() in ([0.0], [1.0], [0.0, 1.0])
    assert spikes[:, 0].sum(0).tolist() == [steps * part // 100 for part in range(101)]


def test_regular_spikes_are_evenly_spaced():
    rows = rate(torch.tensor([[300.0]]), 100, 1e-3)[:, 0, 0].nonzero()[:, 0]
    assert set(rows.diff().tolist()) == {3, 4}
    assert rate(torch.tensor([[250.0]]), 12, 1e-3)[:, 0, 0].nonzero()[:, 0].tolist() == [3, 7, 11]


def test_poisson_has_the_mean_and_variance_of_bernoulli_trials():
    rates = torch.tensor([[20.0, 200.0, 700.0]], dtype=torch.float64).expand(2000, 3)
    spikes = poisson(rates, 50, 1e-3, torch.Generator().manual_seed(3))
    probability = rates[0] * 1e-3
    assert spikes.shape == (50, 2000, 3)
    error = (spikes.mean((0, 1)) - probability).abs()
    assert bool((error < 4 * (probability * (1 - probability) / 1e5).sqrt()).all())
    # steps are independent: the count of 50 steps has the binomial variance (4 sigma of 2000)
    variance = spikes.sum(0).var(0)
    assert torch.allclose(
        variance, 50 * probability * (1 - probability), rtol=4 * (2 / 2000) ** 0.5
    )


def test_poisson_draws_from_its_generator_only():
    rates = torch.full((5, 8), 400.0)
    state = torch.get_rng_state()
    first, same, other = (
        poisson(rates, 20, 1e-3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


@GRIDS
def test_one_spike_in_every_step_is_the_most(encode):
    dt = 3e-3
    rounded = torch.full((1, 2), 1 / dt).double()  # single precision makes it larger than 1 / dt
    assert bool((rounded * dt > 1).all())
    assert bool((encode(rounded, 10, dt) == 1).all())
    with pytest.raises(ValueError, match=r"1/dt = 333\.333 Hz.*got 340 at index \(0, 1\); lower"):
        encode(torch.tensor([[10.0, 340.0]]), 10, dt)


@GRIDS
@pytest.mark.parametrize("wrong", [-1.0, math.nan])
def test_a_rate_below_zero_is_refused(encode, wrong):
    with pytest.raises(ValueError, match=rf"got {wrong:g} at index \(0, 0\)"):
        encode(torch.tensor([[wrong]]), 10, 1e-3)


@GRIDS
def test_steps_and_dt_must_be_positive(encode):
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        encode(torch.zeros(1, 1), 0, 1e-3)
    with pytest.raises(ValueError, match=r"dt must be positive, got -0\.001 \(seconds\)"):
        encode(torch.zeros(1, 1), 10, -1e-3)
