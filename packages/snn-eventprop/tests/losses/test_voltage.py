"""Cross entropies of membranes: that they take the readout they name, and what they refuse."""

import math

import pytest
import torch
from snn_core import Events
from snn_eventprop.losses import (
    integral_cross_entropy,
    maximum_cross_entropy,
    sample_cross_entropy,
)
from snn_eventprop.membrane import Membrane
from snn_neurons.li import Params
from snn_neurons.lif import State

LABELS = torch.tensor([2, 0])
TIMES = torch.tensor([0.01, 0.03], dtype=torch.float64)


@pytest.fixture
def membrane():
    times = torch.tensor([[0.0, 5e-3, 9e-3], [2e-3, 0.02, math.inf]], dtype=torch.float64)
    index = torch.tensor([[0, 1, 0], [1, 1, -1]])
    random = torch.Generator().manual_seed(0)
    weight = torch.randn(3, 2, generator=random, dtype=torch.float64).requires_grad_()
    zero = torch.zeros(2, 3, dtype=torch.float64)
    events = Events(times.requires_grad_(), index, (2,), 0.05)
    return Membrane(events, weight, None, Params(20e-3, 5e-3), State(zero, zero))


def by_hand(scores):
    """-log softmax at the labels, summed up in plain words."""
    shares = scores.exp() / scores.exp().sum(1, keepdim=True)
    return -(shares[0, 2].log() + shares[1, 0].log()) / 2


def same(found, wanted, membrane):
    torch.testing.assert_close(found, wanted, rtol=1e-13, atol=0)
    asked = (membrane.weight, membrane.events.times)
    pairs = (torch.autograd.grad(loss, asked) for loss in (found, wanted))
    for one, other in zip(*pairs, strict=True):
        assert bool(one.isfinite().all())
        assert bool(one.any())
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-14)


def test_cross_entropy_of_the_maximum(membrane):
    found = maximum_cross_entropy(membrane, LABELS, scale=3.0)
    same(found, by_hand(3.0 * membrane.maximum()), membrane)


def test_cross_entropy_of_the_integral(membrane):
    same(
        integral_cross_entropy(membrane, LABELS, scale=2.0),
        by_hand(2.0 / 0.05 * membrane.integral()),
        membrane,
    )
    for tau in (0.02, 0.5):
        same(
            integral_cross_entropy(membrane, LABELS, tau=tau),
            by_hand(membrane.integral(tau) / min(tau, 0.05)),
            membrane,
        )


def test_cross_entropy_of_samples_is_the_mean_over_them(membrane):
    values = membrane.at(TIMES)
    wanted = (by_hand(2.0 * values[..., 0]) + by_hand(2.0 * values[..., 1])) / 2
    same(sample_cross_entropy(membrane, LABELS, TIMES, scale=2.0), wanted, membrane)


LOSSES = [
    maximum_cross_entropy,
    integral_cross_entropy,
    lambda membrane, labels, **rest: sample_cross_entropy(membrane, labels, TIMES, **rest),
]


@pytest.mark.parametrize("loss", LOSSES)
def test_wrong_arguments_are_refused(membrane, loss):
    with pytest.raises(TypeError, match=r"expected a Membrane, the output of neuron 'li'.*Tensor"):
        loss(torch.zeros(2, 3), LABELS)
    with pytest.raises(ValueError, match="label 3 does not fit 3 output neurons"):
        loss(membrane, torch.tensor([3, 0]))
    with pytest.raises(ValueError, match="label -100 does not fit"):
        loss(membrane, torch.tensor([-100, 0]))
    with pytest.raises(ValueError, match=r"labels must be \(2,\)"):
        loss(membrane, torch.tensor([0]))
    for scale in (0.0, math.inf, math.nan):
        with pytest.raises(ValueError, match=r"scale must be a number above 0 \(1/V\)"):
            loss(membrane, LABELS, scale=scale)


def test_a_mean_over_no_times_is_refused(membrane):
    with pytest.raises(ValueError, match="at least one time, got none"):
        sample_cross_entropy(membrane, LABELS, TIMES[:0])


def test_a_wrong_time_constant_is_refused(membrane):
    with pytest.raises(ValueError, match="tau must be a number of seconds above 0"):
        integral_cross_entropy(membrane, LABELS, tau=0.0)
