"""Spike counts and their surrogates: numbers, the gradient that each says it has, wrong input."""

import math

import pytest
import torch
from snn_core import Events
from snn_eventprop.counts import (
    count_surrogate_by_time,
    count_surrogate_by_voltage,
    spike_count,
    upward_slopes,
)
from snn_eventprop.free import free_membrane
from snn_eventprop.membrane import Membrane
from snn_neurons.lif import Params, State

INF = math.inf
TIMES = [[0.1, 0.2, 0.4, 0.5], [0.3, INF, INF, INF], [INF, INF, INF, INF]]
INDEX = [[1, 5, 1, 1], [0, -1, -1, -1], [-1, -1, -1, -1]]
COUNTS = [[0, 3, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]


@pytest.fixture
def spikes():
    times = torch.tensor(TIMES, dtype=torch.float64, requires_grad=True)
    return Events(times, torch.tensor(INDEX), (2, 3), 1.0)


def test_the_count_is_exact_and_has_no_gradient(spikes):
    counts = spike_count(spikes)
    assert counts.tolist() == [[row[:3], row[3:]] for row in COUNTS]
    assert not counts.requires_grad


def test_surrogates_count_exactly(spikes):
    slopes = torch.rand(3, 4, dtype=torch.float64) * 1e9
    assert torch.equal(count_surrogate_by_time(spikes, tau=5e-3), spike_count(spikes))
    assert torch.equal(count_surrogate_by_voltage(spikes, slopes, volt=0.3), spike_count(spikes))


def test_the_surrogate_by_time_acts_on_every_spike_alike(spikes):
    counts = count_surrogate_by_time(spikes, tau=0.02).flatten(1)
    ((counts - 2.0).square() / 2).sum().backward()
    # -(n - n*)/tau
    wanted = [[-50.0, 50.0, -50.0, -50.0], [50.0, 0, 0, 0], [0, 0, 0, 0]]
    assert spikes.times.grad.tolist() == wanted


def test_the_surrogate_by_voltage_acts_by_the_slope(spikes):
    slopes = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, INF, math.nan, 6.0], [7.0] * 4])
    slopes = slopes.double().requires_grad_()
    counts = count_surrogate_by_voltage(spikes, slopes, volt=0.5).flatten(1)
    ((counts - 2.0).square() / 2).sum().backward()
    wanted = [[-2.0, 4.0, -6.0, -8.0], [10.0, 0, 0, 0], [0, 0, 0, 0]]
    assert spikes.times.grad.tolist() == wanted
    assert slopes.grad is None


@pytest.mark.parametrize("delay", [None, 0.05, "per synapse"])
def test_slopes_are_those_of_the_membrane_at_threshold(delay):
    random = torch.Generator().manual_seed(0)
    times = torch.rand(3, 9, generator=random, dtype=torch.float64)
    times[2, 4:] = INF
    inputs = Events.of(times, torch.randint(4, (3, 9), generator=random), (4,), 1.0)
    weight = torch.randn(5, 4, generator=random, dtype=torch.float64)
    if delay == "per synapse":
        delay = torch.rand(5, 4, generator=random, dtype=torch.float64)
    params = Params(torch.linspace(0.2, 0.4, 5).double(), 0.1, v_leak=0.3)
    state = State(*torch.randn(2, 3, 5, generator=random, dtype=torch.float64))
    membrane = free_membrane(inputs, weight, params, delay=delay, state=state)
    at = torch.rand(3, 6, generator=random, dtype=torch.float64)
    spikes = Events.of(at, torch.randint(5, (3, 6), generator=random), (5,), 1.0)
    threshold = torch.linspace(0.9, 1.1, 5).double()
    found = upward_slopes(membrane, spikes, threshold)
    # the free membrane's own derivative, moved from where it is to threshold
    place = spikes.index.unsqueeze(1)
    asked = spikes.times.requires_grad_()
    values = membrane.at(asked).gather(1, place).squeeze(1)
    (slope,) = torch.autograd.grad(values.sum(), asked)
    wanted = slope + (values - threshold[spikes.index]) / params.tau_mem[spikes.index]
    torch.testing.assert_close(found, wanted.detach(), rtol=1e-10, atol=1e-10)


def test_slopes_of_padding_are_zero_and_nothing_is_nan(spikes):
    nothing = Events(torch.zeros(3, 0), torch.zeros(3, 0).long(), (4,), 1.0)
    flat = spikes._replace(shape=(6,))
    membrane = free_membrane(nothing, torch.zeros(6, 4), Params(0.5, v_leak=2.0))
    slopes = upward_slopes(membrane, flat, 1.0)
    assert slopes.tolist() == [[2.0] * 4, [2.0, 0, 0, 0], [0.0] * 4]


def test_an_arrival_with_the_spike_is_not_before_it():
    one = torch.ones(1, 1, dtype=torch.float64)
    inputs = Events(0.5 * one, torch.tensor([[0]]), (1,), 1.0)
    membrane = Membrane(inputs, one, None, (0.5, 0.25, 2.0), State(one, 0 * one))
    assert upward_slopes(membrane, inputs, 1.0).item() == 2.0


@pytest.mark.parametrize("constant", [0.0, -1.0, INF, math.nan])
def test_wrong_constants_are_refused(spikes, constant):
    with pytest.raises(ValueError, match="tau must be above 0 seconds"):
        count_surrogate_by_time(spikes, tau=constant)
    with pytest.raises(ValueError, match="volt must be above 0"):
        count_surrogate_by_voltage(spikes, torch.ones(3, 4), volt=constant)


def test_slopes_must_fit_the_spikes(spikes):
    with pytest.raises(ValueError, match=r"slopes must be \(3, 4\).*got \(3,\)"):
        count_surrogate_by_voltage(spikes, torch.ones(3), volt=1.0)
    with pytest.raises(ValueError, match="NaN or inf at a spike"):
        count_surrogate_by_voltage(spikes, torch.full((3, 4), math.nan), volt=1.0)


def test_events_must_be_well_formed(spikes):
    wrong = spikes._replace(index=spikes.index + 6)
    for count in (
        spike_count,
        lambda events: count_surrogate_by_time(events, tau=1.0),
        lambda events: count_surrogate_by_voltage(events, torch.ones(3, 4), volt=1.0),
    ):
        with pytest.raises(ValueError, match="does not fit a layer"):
            count(wrong)
        with pytest.raises(TypeError, match="expected Events"):
            count(torch.zeros(4, 2))
