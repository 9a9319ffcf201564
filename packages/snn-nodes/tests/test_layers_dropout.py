"""Dropout: how much, the same at all steps, anew after a reset."""

from __future__ import annotations

import copy
import math
import warnings

import pytest
import torch
from snn_nodes.layer import Dropout, Dropout2d
from snn_nodes.neuron import StateWarning


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.7])
def test_a_share_p_is_dropped_and_the_mean_stays(p):
    n = 40_000
    y = Dropout(p)(torch.ones(4, n // 4))
    dropped = (y == 0).sum().item() / n
    assert abs(dropped - p) <= 5 * math.sqrt(p * (1 - p) / n)
    kept = y[y != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - p)))


@pytest.mark.parametrize("mode", ["s", "m"])
def test_the_mask_stays_until_the_reset(mode):
    layer = Dropout(0.5, mode)
    x = torch.rand(3, 2, 50) + 1  # no zero of its own

    def dropped():
        y = layer(x) if mode == "m" else torch.stack([layer(step) for step in x])
        zero = y == 0
        assert bool((zero == zero[0]).all())  # at every step
        torch.testing.assert_close(y[~zero], 2 * x[~zero])
        return zero[0]

    first = dropped()
    assert torch.equal(dropped(), first)  # and over calls
    assert not torch.equal(first[0], first[1])  # each sample has its own
    layer.reset()
    assert layer.mask is None
    assert not torch.equal(dropped(), first)


def test_it_passes_everything_after_eval_and_keeps_its_mask():
    layer = Dropout(0.5)
    x = torch.rand(2, 20)
    y = layer(x)
    layer.eval()
    assert layer(x) is x
    layer.train()
    assert torch.equal(layer(x), y)


def test_the_gradient_is_the_mask():
    layer = Dropout(0.5, "m").double()
    x = torch.rand(3, 2, 4, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    (grad,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(grad, layer.mask.expand_as(x))
    assert torch.autograd.gradcheck(layer, x)


def test_channels_are_dropped_whole():
    layer = Dropout2d(0.5, "m")
    y = layer(torch.ones(3, 2, 30, 4, 5))
    channels = y[0, :, :, 0, 0]
    assert set(channels.flatten().tolist()) == {0.0, 2.0}
    assert torch.equal(y, channels[..., None, None].expand_as(y))
    assert layer.mask.shape == (2, 30, 1, 1)
    layer(torch.ones(3, 2, 30, 7, 7))  # another size of the picture needs no other mask


def test_another_batch_gets_a_new_mask_with_one_warning():
    layer = Dropout(0.5)
    layer(torch.ones(4, 30))
    with pytest.warns(StateWarning, match=r"its mask is \(4, 30\).*needs \(1, 30\).*reset_net"):
        y = layer(torch.ones(1, 30))
    assert y.shape == (1, 30)
    assert layer.mask.shape == (1, 30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(torch.ones(2, 30))  # said once


def test_another_batch_or_dtype_is_refused_by_policy():
    layer = Dropout(0.5, on_new_shape="raise")
    layer(torch.ones(4, 3))
    with pytest.raises(ValueError, match=r"Dropout\(p=0.5.*mask.*call reset_net\(net\) before"):
        layer(torch.ones(1, 3))
    with pytest.raises(ValueError, match="float64"):
        layer(torch.ones(4, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match="on_new_shape of Dropout must be 'restart' or 'raise'"):
        Dropout(0.5, on_new_shape="ignore")


def test_a_mask_is_no_part_of_the_model_but_of_its_copy():
    layer = Dropout(0.5)
    y = layer(torch.ones(2, 30))
    assert not layer.state_dict()
    assert torch.equal(copy.deepcopy(layer)(torch.ones(2, 30)), y)


def test_another_probability_draws_another_mask():
    layer = Dropout(0.5)
    x = torch.ones(2, 50)
    y = layer(x)
    layer.p = 0.5  # the one that it has
    assert torch.equal(layer(x), y)
    layer.p = 0
    assert torch.equal(layer(x), x)
    layer.p = 0.75
    assert set(layer(x).flatten().tolist()) == {0.0, 4.0}
    mask = layer.mask
    with pytest.raises(ValueError, match=r"p of Dropout must be a probability.*got 1.5"):
        layer.p = 1.5
    assert layer.p == 0.75
    assert layer.mask is mask
    assert "p=0.75" in repr(layer)


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, float("nan"), "0.5", True])
def test_a_probability_out_of_range_is_refused(p):
    with pytest.raises(ValueError, match="p of Dropout must be a probability, 0 <= p < 1, got"):
        Dropout(p)
