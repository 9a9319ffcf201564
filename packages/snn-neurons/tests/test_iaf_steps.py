"""iaf_step and iaf_feed_forward_step: both orders, recurrence, gradients, refusals."""

import math
import re

import pytest
import torch
from snn_core import UnknownName
from snn_neurons.functional import (
    IAFFeedForwardState,
    IAFParameters,
    IAFState,
    iaf_feed_forward_step,
    iaf_step,
)
from snn_neurons.terms import weighed_reset

ORDERS = ("fire_first", "integrate_first")


def one_step(x, v, p, order, spike):
    v = v + x if order == "integrate_first" else v
    z = spike(v - p.v_th, p.alpha)
    v = v - z * v + z * p.v_reset
    return z, v + x if order == "fire_first" else v


@pytest.mark.parametrize("order", ORDERS)
def test_the_recurrent_step_agrees_with_the_independent_one(order, independent, draw, agree):
    inputs = draw(0.0, 1.0, 8, 2, 3)
    weights = draw(0.0, 0.8, 4, 3).requires_grad_(), draw(-0.5, 0.5, 4, 4).requires_grad_()
    v_th, v_reset = draw(0.8, 1.0, 4).requires_grad_(), draw(-0.2, 0.2, 4).requires_grad_()
    p = IAFParameters(v_th, v_reset, "super", torch.tensor(5.0))
    zeros = torch.zeros(2, 4, dtype=torch.float64)
    state, z, v, rows, expected = IAFState(zeros, zeros), zeros, zeros, [], []
    for x in inputs:
        out, state = iaf_step(x, state, *weights, p, order=order)
        assert out is state.z
        rows.append(torch.stack(state))
        x = x @ weights[0].T + z @ weights[1].T
        z, v = one_step(x, v, p, order, independent.spike)
        expected.append(torch.stack((z, v)))
    assert 0 < torch.stack(rows)[:, 0].sum() < 64
    agree([torch.stack(rows)], [torch.stack(expected)], (*weights, v_th, v_reset))


def test_the_default_order_is_the_documented_page_and_both_are_as_norse():
    for more, steps, after in (
        ({}, [2, 4, 6], 0.6),
        ({"order": "integrate_first"}, [1, 3, 5, 7], 0.0),
    ):
        state, spikes, membranes = IAFFeedForwardState(torch.zeros(1, 1)), [], []
        for _ in range(8):
            z, state = iaf_feed_forward_step(torch.full((1, 1), 0.6), state, **more)
            spikes.append(z.item())
            membranes.append(state.v.item())
        assert [t for t, z in enumerate(spikes) if z] == steps
        assert membranes[steps[0]] == pytest.approx(after)


def test_defaults_are_as_documented_and_stay_as_they_are():
    p = IAFParameters()
    assert p._fields == ("v_th", "v_reset", "method", "alpha")
    assert (p.v_th, p.v_reset, p.method, p.alpha) == (1.0, 0.0, "super", 100.0)
    v = torch.full((1, 1), 1.02, dtype=torch.float64, requires_grad=True)
    z, _ = iaf_feed_forward_step(torch.zeros(1, 1).double(), IAFFeedForwardState(v))
    z.sum().backward()
    assert v.grad.item() == pytest.approx(1 / (100 * 0.02 + 1) ** 2)
    assert IAFParameters() == p
    assert not any(p[k].requires_grad for k in (0, 1, 3))


def test_dt_does_not_enter():
    state = IAFFeedForwardState(torch.full((1, 1), 0.5))
    results = [iaf_feed_forward_step(torch.ones(1, 1), state, dt=dt) for dt in (1e-3, 7.0)]
    assert results[0] == results[1]


@pytest.mark.parametrize("order", ORDERS)
def test_an_infinite_input_spikes_and_is_reset_with_finite_gradients(order):
    x = torch.zeros(4, 1, 3)
    x[0], x[1] = torch.tensor([math.inf, 2.0, -math.inf]), 0.5
    x.requires_grad_()
    p = IAFParameters(v_reset=torch.tensor([0.25, 0.25, 0.25]).requires_grad_())
    state, spikes = IAFFeedForwardState(torch.zeros(1, 3)), []
    for row in x:
        z, state = iaf_feed_forward_step(row, state, p, order=order)
        spikes.append(z)
    emitted = torch.stack(spikes)[:, 0]
    assert emitted.sum(0).tolist() == [1.0, 1.0, 0.0]
    assert torch.equal(emitted[:, 0], emitted[:, 1])
    assert state.v.tolist() == [[0.75, 0.75, -math.inf]]
    for grad in torch.autograd.grad(emitted.sum() + state.v.sum(), (x, p.v_reset)):
        assert grad.isfinite().all()


def test_a_membrane_that_is_nan_stays_nan():
    state = IAFFeedForwardState(torch.full((1, 1), math.nan))
    assert iaf_feed_forward_step(torch.ones(1, 1), state)[1].v.isnan().all()


@pytest.mark.parametrize("z", [0.0, 0.3, 1.0])
def test_the_reset_passes_its_gradients(z):
    v, z, v_reset = (torch.tensor(k, dtype=torch.float64, requires_grad=True) for k in (3.0, z, -1))
    after = weighed_reset(v, z, v_reset)
    assert after.item() == pytest.approx((1 - z.item()) * 3 - z.item())
    slopes = torch.autograd.grad(after, (v, z, v_reset))
    assert [one.item() for one in slopes] == pytest.approx([1 - z.item(), -4.0, z.item()])


def test_refusals():
    x, state = torch.zeros(2, 3), IAFFeedForwardState(torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"has shape \(2, 3\), state.v \(1, 3\); they must be eq"):
        iaf_feed_forward_step(x, state)
    state = IAFFeedForwardState(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="'fire_first' or 'integrate_first', got 'reset_first'"):
        iaf_feed_forward_step(x, state, order="reset_first")
    with pytest.raises(UnknownName, match="unknown threshold 'sooper'"):
        iaf_feed_forward_step(x, state, IAFParameters(method="sooper"))
    for name, shape in (("v_th", (2,)), ("v_reset", (2, 1, 1)), ("v_th", (5, 3))):
        p = IAFParameters(**{name: torch.zeros(shape)})
        message = rf"^p.{name} of shape {re.escape(str(shape))} does not broadcast to .* \(2, 3\)"
        with pytest.raises(ValueError, match=message):
            iaf_feed_forward_step(x, state, p)
    recurrent = IAFState(torch.zeros(2, 4), torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(4, 5\)"):
        iaf_step(x, recurrent, torch.zeros(4, 5), torch.zeros(4, 4))
