"""Membrane.at: against the sum of responses, against differences, and what it refuses."""

import math

import pytest
import torch
from torch.autograd import gradcheck

CASES = [
    ("longer membrane", "no delay"),
    ("equal", "one delay"),
    ("nearly equal", "axonal"),
    ("longer synapse", "dendritic"),
    ("per neuron", "per synapse"),
]
TIMES = [3.9, 0.0, 1.7, 1.7, 4.0, 0.01]


@pytest.mark.parametrize(("taus", "delay"), CASES)
def test_the_membrane_is_the_sum_of_its_responses(case, slow_voltage, taus, delay):
    membrane = case(taus, delay).build()
    found = membrane.at(torch.tensor(TIMES, dtype=torch.float64))
    assert found.shape == (3, 2, len(TIMES))
    for b, n, k in torch.ones(found.shape).nonzero().tolist():
        wanted = slow_voltage(membrane, b, n, TIMES[k])
        assert found[b, n, k].item() == pytest.approx(wanted, rel=1e-12, abs=1e-13)


def test_times_for_all_for_each_sample_and_for_each_neuron(case):
    membrane = case(delay="per synapse").build()
    random = torch.Generator().manual_seed(1)
    times = 4.0 * torch.rand(3, 2, 5, generator=random, dtype=torch.float64)
    each = membrane.at(times)
    for b in range(3):
        for n in range(2):
            one = membrane.at(times[b, n])
            torch.testing.assert_close(each[b, n], one[b, n], rtol=1e-12, atol=1e-14)
        of_samples = membrane.at(times[:, 0])
        assert torch.equal(of_samples[b], membrane.at(times[b, 0])[b])


@pytest.mark.parametrize(("taus", "delay"), CASES)
def test_everything_has_its_gradient(case, taus, delay):
    one = case(taus, delay)
    finite = one.tensors["times"].detach().isfinite()
    events = one.tensors["times"].detach()[finite].requires_grad_()
    # no arrival lies within the step of the differences of a sample
    times = torch.tensor([3.9, 0.3, 1.7, 1.7], dtype=torch.float64, requires_grad=True)

    def sampled(times, events, *rest):
        padded = torch.full(finite.shape, math.inf, dtype=torch.float64)
        return one.build(padded.masked_scatter(finite, events), *rest).at(times)

    arguments = (times, events, *list(one.tensors.values())[1:])
    assert gradcheck(sampled, arguments, eps=1e-6, atol=1e-8, rtol=1e-6)


def test_an_arrival_at_the_time_itself_has_no_effect_yet(case):
    one = case(delay="axonal")
    membrane = one.build()
    arrival = membrane.events.times[0, 0] + membrane.delay[membrane.events.index[0, 0]]
    time = arrival.detach().clone().requires_grad_()
    at_once = torch.autograd.grad(membrane.at(time[None])[0].sum(), time)[0]
    before = (time.detach() - 1e-9).requires_grad_()
    wanted = torch.autograd.grad(membrane.at(before[None])[0].sum(), before)[0]
    torch.testing.assert_close(at_once, wanted, rtol=1e-6, atol=1e-7)


def test_no_gradient_is_nan(case):
    one = case("nearly equal", "per synapse")
    found = one.gradients(lambda membrane: membrane.at(torch.tensor(TIMES)).sum())
    assert all(bool(gradient.isfinite().all()) for gradient in found.values())


def test_no_times_give_no_samples(case):
    assert case().build().at(torch.zeros(0)).shape == (3, 2, 0)


@pytest.mark.parametrize(
    ("times", "error", "problem"),
    [
        ([0.1], TypeError, "times must be a floating point Tensor, in seconds, got list"),
        (torch.tensor([1]), TypeError, r"got torch\.int64"),
        (torch.zeros(2, 5), ValueError, r"must be \(S,\), \(3, S\) or \(3, 2, S\), got \(2, 5\)"),
        (torch.zeros(3, 1, 5), ValueError, r"got \(3, 1, 5\)"),
        (torch.zeros(()), ValueError, r"got \(\)"),
        (torch.tensor([4.1]), ValueError, r"known from 0 to 4\.0 s, not at 4\.09"),
        (torch.tensor([-1.0]), ValueError, r"not at -1\.0 s"),
        (torch.tensor([math.nan]), ValueError, "not at nan s"),
    ],
)
def test_wrong_times_are_refused(case, times, error, problem):
    with pytest.raises(error, match=problem):
        case().build().at(times)
