"""Weights on the chip: rounding, limits, gradients, and how replicas share them."""

import math

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects
from snn_hardware.pattern import Pattern
from snn_hardware.synapses import MAPPINGS, Factors, as_it_is, on_steps, shares
from snn_neurons import lif

SCALE = 40.0


def weights(size=1.0, dtype=torch.float64):
    draw = torch.Generator().manual_seed(0)
    return (torch.randn(30, 50, generator=draw) * size).to(dtype).requires_grad_()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("replicas", [1, 3])
def test_rounding_is_to_the_nearest_step_and_ends_at_the_largest(dtype, replicas):
    weight = weights(3.0, dtype)
    found = on_steps(weight, SCALE, replicas, "clip")
    asked, limit = weight.detach() * SCALE, 63 * replicas
    inside = asked.abs() <= limit
    assert torch.equal(found.steps, found.steps.round())
    assert ((found.steps - asked)[inside].abs() <= 0.5).all()
    assert torch.equal(found.steps[~inside], limit * asked[~inside].sign())
    assert torch.equal(found.model, found.steps / SCALE)
    assert found.saturated == pytest.approx((~inside).double().mean().item())
    errors = (found.steps - asked)[inside].double()
    assert found.rounding == pytest.approx(errors.square().mean().sqrt().item(), rel=1e-5)


def test_rounding_errors_are_uniform():
    found = on_steps(weights(0.5), SCALE, 1, "clip")
    assert found.saturated < 0.01
    assert found.rounding == pytest.approx(1 / math.sqrt(12), rel=0.1)


def test_ties_go_away_from_zero():
    weight = torch.tensor([[0.5, -0.5, 1.5, -2.5, 62.5, 63.5, 0.0]])
    found = on_steps(weight, 1.0, 1, "clip").steps
    assert found.tolist() == [[1.0, -1.0, 2.0, -3.0, 63.0, 63.0, 0.0]]


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_gradients(mapping):
    weight = weights(2.0)
    found = on_steps(weight, SCALE, 1, mapping)
    mix = torch.linspace(1, 2, weight.numel()).reshape(weight.shape).double()
    (grad,) = torch.autograd.grad((found.model * mix).sum(), weight)
    asked = weight.detach().abs() * SCALE
    assert torch.equal(grad[asked < 60], mix[asked < 60])
    beyond = asked > 63
    assert beyond.any()
    if mapping == "clip":
        assert torch.equal(grad, mix)
    elif mapping == "masked":
        assert not grad[beyond].any()
    else:  # the slope of an exponential from step 61 on, whose length is 2 of 63 steps
        slope = torch.exp(-(asked[beyond] - 61) / 2)
        torch.testing.assert_close(grad[beyond], mix[beyond] * slope)


def test_weights_that_all_saturate_have_no_rounding_error():
    found = on_steps(torch.full((2, 2), 9.0), SCALE, 1, "clip")
    assert (found.saturated, found.rounding) == (1.0, 0.0)


def test_as_it_is():
    weight = weights(5.0)
    found = as_it_is(weight, SCALE)
    assert found.model is weight
    assert torch.equal(found.steps, weight.detach() * SCALE)
    assert (found.saturated, found.rounding) == (0.0, 0.0)


@pytest.mark.parametrize("replicas", range(1, 7))
def test_shares_sum_to_the_weight_as_even_as_can_be(replicas):
    steps = torch.arange(-63.0 * replicas, 63 * replicas + 1)[None].double()
    parts = shares(steps, replicas)
    assert parts.shape == (replicas, *steps.shape)
    assert torch.equal(parts.sum(0), steps)
    assert torch.equal(parts, parts.round())
    assert (parts.amax(0) - parts.amin(0) <= 1).all()
    assert parts.abs().max() == 63
    assert not ((parts > 0).any(0) & (parts < 0).any(0)).any()


@pytest.mark.parametrize("replicas", [1, 2, 5])
def test_shares_of_weights_that_are_not_rounded(replicas):
    steps = weights().detach() * SCALE
    torch.testing.assert_close(shares(steps, replicas).sum(0), steps, rtol=0, atol=1e-12)


def test_factors_go_by_the_sign_and_the_replica():
    excitatory = torch.tensor([[[2.0, 2.0, 2.0]], [[3.0, 3.0, 3.0]]])
    steps = torch.tensor([[10.0, -10.0, 0.0]])
    assert Factors(excitatory, 10 * excitatory).apply(steps).tolist() == [[25.0, -250.0, 0.0]]


@pytest.mark.parametrize(("signed", "replicas"), [(True, 3), (False, 1), (False, 4)])
def test_each_replica_is_a_synapse_of_its_own(signed, replicas):
    """By hand: source j has rows from 2 R j on, pair by pair; without signs from R j on."""
    draw = torch.Generator().manual_seed(1)
    x = (torch.rand(30, 2, 10, generator=draw) < 0.2).double()
    weight = torch.randn(12, 10, generator=draw).double()
    weight = weight if signed else weight.abs()
    scale = 45 / (0.35 * math.e)
    each = 2 if signed else 1
    steps = (weight * scale).abs().add(0.5).floor().clamp(max=63 * replicas) * weight.sign()
    own = 1 + 0.04 * Pattern(3).synapses()[:12, : each * replicas * 10]
    rows = own.reshape(12, 10, replicas, each)
    real = torch.zeros(12, 10).double()
    for r in range(replicas):
        part = ((steps.abs() + r) / replicas).floor() * steps.sign()
        real += part * torch.where(part > 0, rows[:, :, r, 0], rows[:, :, r, -1])
    chip = Chip(3, effects=Effects.only("weights", "synapse"))
    chip = chip.at("layer", replicas=replicas, signed=signed)
    params = lif.Params(10e-6, 10e-6)
    call = {"params": params, "dt": 1e-6}
    found = snn.integrate("lif", x, weight=weight, backend=chip, **call)
    wanted = snn.integrate("lif", x, weight=real / scale, record=("v",), **call)
    assert wanted.output.sum() > 20
    assert torch.equal(found.output, wanted.output)
    torch.testing.assert_close(found.observed.trace.v, wanted.traces.v, rtol=0, atol=1e-12)
