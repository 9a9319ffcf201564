"""is_silent and lift_silent_: which neurons, which weights, and what they refuse."""

import math

import pytest
import torch
from snn_core import Events
from snn_eventprop.silent import is_silent, lift_silent_

INF = math.inf


@pytest.fixture
def spikes():
    """Neuron 0 fires in both samples, 1 in one, 2 and 3 in none."""
    times = torch.tensor([[0.1, 0.2, 0.3], [0.1, INF, INF]])
    return Events(times, torch.tensor([[0, 1, 0], [0, -1, -1]]), (4,), 1.0)


def test_silent_in_a_sample(spikes):
    wanted = [[False, False, True, True], [False, True, True, True]]
    assert is_silent(spikes).tolist() == wanted
    assert is_silent(spikes._replace(shape=(2, 2))).shape == (2, 2, 2)


def test_only_neurons_silent_in_the_whole_batch_are_lifted(spikes):
    weight = torch.rand(4, 3).requires_grad_()
    before = weight.detach().clone()
    lifted = lift_silent_(weight, spikes, 0.25)
    assert lifted.tolist() == [False, False, True, True]
    assert torch.equal(weight.detach()[:2], before[:2])
    assert torch.equal(weight.detach()[2:], before[2:] + 0.25)
    assert weight.requires_grad
    assert weight.grad_fn is None


@pytest.mark.parametrize(("more_than", "lifts"), [(0.0, True), (0.49, True), (0.5, False)])
def test_nothing_happens_up_to_a_fraction(spikes, more_than, lifts):
    weight = torch.zeros(4, 3)
    lifted = lift_silent_(weight, spikes, 1.0, more_than=more_than)
    assert bool(lifted.any()) == lifts
    assert weight.sum().item() == (6.0 if lifts else 0.0)


def test_masks_are_taken(spikes):
    for mask in (torch.tensor([True, False, True, False]), torch.tensor([[True] * 4, [False] * 4])):
        weight = torch.zeros(4, 3)
        lifted = lift_silent_(weight, mask, 1.0)
        assert torch.equal(lifted, mask if mask.ndim == 1 else mask.all(0))
        assert torch.equal(weight[:, 0] == 1.0, lifted)


@pytest.mark.parametrize("amount", [0.0, -0.1, INF, math.nan])
def test_a_wrong_amount_is_refused(spikes, amount):
    with pytest.raises(ValueError, match="amount must be above 0"):
        lift_silent_(torch.zeros(4, 3), spikes, amount)


@pytest.mark.parametrize("more_than", [-0.1, 1.0, math.nan])
def test_a_wrong_fraction_is_refused(spikes, more_than):
    with pytest.raises(ValueError, match=r"more_than must be a fraction in \[0, 1\)"):
        lift_silent_(torch.zeros(4, 3), spikes, 0.1, more_than=more_than)


@pytest.mark.parametrize("shape", [(3, 4), (4,), (4, 3, 1)])
def test_weights_of_another_layer_are_refused(spikes, shape):
    with pytest.raises(ValueError, match=r"weight must be \(N_out, N_in\) for spikes of N_out"):
        lift_silent_(torch.zeros(shape), spikes, 0.1)


def test_a_grid_is_refused():
    with pytest.raises(TypeError, match="expected Events"):
        lift_silent_(torch.zeros(4, 3), torch.zeros(5, 1, 4), 0.1)
