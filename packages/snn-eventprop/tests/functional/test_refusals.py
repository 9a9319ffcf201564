"""Calls that cannot be right raise before any work; gradients that are not used warn."""

from types import SimpleNamespace

import pytest
import torch
from snn_core.errors import NumericsWarning
from snn_eventprop.functional import (
    EventPropNeuron,
    EventPropNeuronFunction,
    EventPropParams,
    UnusedGradientWarning,
)

DT = 1e-6
PARAMS = EventPropParams(leak=0.0, reset=0.0, threshold=1.0, tau_syn=5e-6, tau_mem=10e-6)
X = torch.full((2, 8, 2, 3), 0.9)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (X[0], ValueError, r"shape \(2, T, B, N\), T > 0, .* got \(8, 2, 3\); stack"),
        (X[:1], ValueError, r"got \(1, 8, 2, 3\)"),
        (X[:, :0], ValueError, r"T > 0"),
        (X.half(), TypeError, "input is torch.float16; .* convert it"),
        (X.to("meta"), ValueError, "on meta; .* pass input.to"),
        (X.numpy(), TypeError, r"must be a Tensor \(2, T, B, N\), got ndarray"),
        (X * float("nan"), ValueError, "NaN or infinite values"),
        (X * float("inf"), ValueError, "NaN or infinite values"),
    ],
)
def test_input(x, error, message):
    with pytest.raises(error, match=message):
        EventPropNeuron.apply(x, PARAMS, DT)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"tau_mem": 0.0}, ValueError, "tau_mem must be positive, got 0.0"),
        ({"tau_syn": -5e-6}, ValueError, "tau_syn must be positive"),
        ({"threshold": float("nan")}, ValueError, "v_th must be finite"),
        ({"leak": torch.zeros(4)}, ValueError, "does not broadcast to the layer's neurons"),
        ({"leak": torch.zeros(3).double()}, TypeError, "float64"),
        ({"leak": "0"}, TypeError, "must be a number or a Tensor"),
        ({"reset": 1.0}, ValueError, "reset must lie below threshold, got 1 and 1 V"),
        ({"reset": torch.tensor([0.0, 0.0, 2.0])}, ValueError, "got 2 and 1 V"),
    ],
)
def test_parameters(change, error, message):
    params = PARAMS._replace(**change)
    with pytest.raises(error, match=message):
        EventPropNeuron.apply(X, params, DT)
    with pytest.raises(error, match=message):
        EventPropNeuronFunction.apply(X, *params, None, DT)


def test_a_record_without_all_parameters():
    with pytest.raises(TypeError, match="this SimpleNamespace has no reset, threshold"):
        EventPropNeuron.apply(X, SimpleNamespace(leak=0.0, tau_syn=1e-5, tau_mem=1e-5), DT)
    whole = SimpleNamespace(**PARAMS._asdict(), more="anything")
    assert EventPropNeuron.apply(X, whole, DT).spikes.any()


@pytest.mark.parametrize(("dt", "error"), [(0.0, ValueError), (None, TypeError), ("1", TypeError)])
def test_step(dt, error):
    with pytest.raises(error, match="dt must be"):
        EventPropNeuron.apply(X, PARAMS, dt)


def test_a_step_longer_than_a_time_constant_warns():
    with pytest.warns(NumericsWarning, match="longer than tau_syn"):
        EventPropNeuron.apply(X, PARAMS, 6e-6)


def test_parameters_that_ask_for_a_gradient():
    asking = PARAMS._replace(tau_mem=torch.tensor(10e-6, requires_grad=True))
    for call in (
        lambda: EventPropNeuron.apply(X, asking, DT),
        lambda: EventPropNeuronFunction.apply(X, *asking),
    ):
        with pytest.warns(UnusedGradientWarning, match="requires a gradient and gets none"):
            call()
        with torch.no_grad():
            call()


def test_gradients_of_membrane_and_current():
    x = (4 * X).requires_grad_()
    out = EventPropNeuron.apply(x, PARAMS, DT)
    (expected,) = torch.autograd.grad(out.spikes.sum(), x, retain_graph=True)
    assert expected.any()
    for unused in (out.membrane, out.current):
        with pytest.warns(UnusedGradientWarning, match="membrane or the current"):
            (grad,) = torch.autograd.grad(out.spikes.sum() + unused.sum(), x, retain_graph=True)
        assert torch.equal(grad, expected)
        with pytest.warns(UnusedGradientWarning):
            (grad,) = torch.autograd.grad(unused.sum(), x, retain_graph=True)
        assert not grad.any()
    torch.autograd.grad(out.spikes.sum() + 0 * out.membrane.sum(), x)  # zeros lose nothing


def test_a_silent_layer_has_gradient_zero():
    x = (0.01 * X).requires_grad_()
    out = EventPropNeuron.apply(x, PARAMS, DT)
    out.spikes.sum().backward()
    assert not out.spikes.any()
    assert not x.grad.any()


def test_gradients_are_finite_whatever_the_spikes(drive):
    x = drive(200, 4, 50, strength=30.0).requires_grad_()
    out = EventPropNeuron.apply(x, PARAMS, DT)
    out.spikes.sum().backward()
    assert out.spikes.mean() > 0.2
    assert bool(x.grad.isfinite().all())
