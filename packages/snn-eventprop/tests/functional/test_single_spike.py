"""One input, one spike: the gradient against the closed form, and each mended defect.

tau_mem = tau_syn = tau, no leak, threshold 1: a weight w arrives at 0, and the spike is where
w (t/tau) e^{-t/tau} = 1.
"""

import math

import numpy as np
import pytest
import torch
from snn_eventprop.functional import (
    ClippedSlopeWarning,
    EventPropNeuron,
    EventPropParams,
    EventPropSynapseFunction,
)
from snn_neurons.functional import HardwareObservables

from . import plain_adjoint

TAU = 10e-6
PARAMS = EventPropParams(leak=0.0, reset=0.0, threshold=1.0, tau_syn=TAU, tau_mem=TAU)


def slope_of_time(w):
    """-dt/dw of the first spike in continuous time."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if w * middle * math.exp(-middle) < 1 else (low, middle)
    return TAU * low * math.exp(-low) / (w * math.exp(-low) * (1 - low))


def pulse(dt, at=0):
    x = torch.zeros(at + round(15e-6 / dt), 1, 1, dtype=torch.float64)
    x[at] = 1.0
    return x


def returned(w, dt, hw_data=None):
    """The weight's gradient for L = -t of the first spike."""
    weight = torch.tensor([[w]], dtype=torch.float64, requires_grad=True)
    y = EventPropSynapseFunction.apply(pulse(dt), weight)
    out = EventPropNeuron.apply(y, PARAMS, dt, hw_data)
    first = int(out.spikes.flatten().argmax())
    assert first > 0
    out.spikes[first].sum().backward()
    return weight.grad.item(), out


def returned_by_reference(w, dt):
    x = w * pulse(dt).numpy()
    traces = plain_adjoint.grid(x, dt, TAU, TAU)
    g = np.zeros_like(x)
    g[traces[0].argmax()] = 1.0
    return plain_adjoint.reference(g, *traces, dt, TAU, TAU)[0, 0].item()


@pytest.mark.parametrize(
    ("w", "dt", "ours", "reference"),
    [
        (3.5, 1e-6, 0.91, 0.57),
        (5.0, 1e-6, 0.97, 0.74),
        (30.0, 1e-6, 0.97, 0.0),
        (3.5, 1e-7, 0.99, 0.97),
        (5.0, 1e-7, 1.00, 0.96),
        (30.0, 1e-7, 1.00, 0.87),
    ],
)
def test_returned_over_true(w, dt, ours, reference):
    """The published table, and that the plain reference of these tests is the one it is about."""
    assert round(returned(w, dt)[0] / slope_of_time(w), 2) == ours
    assert round(returned_by_reference(w, dt) / slope_of_time(w), 2) == reference


@pytest.mark.parametrize("w", [3.5, 5.0, 30.0])
def test_the_error_falls_in_proportion_to_the_step(w):
    errors = [abs(returned(w, dt)[0] / slope_of_time(w) - 1) for dt in (1e-7, 1e-8)]
    assert errors[1] < errors[0] / 7
    assert errors[1] < 2e-3


def test_a_spike_one_step_after_its_input():
    """The reference: 0. Ours: inside the step exact but for where Euler puts the spike, f = 1/3."""
    f, w = 1 / 3, 30.0
    part = f * 1e-6 / TAU
    expected = TAU * part * math.exp(-part) / (w * math.exp(-part) - 1)
    assert returned(w, 1e-6)[0] == pytest.approx(expected, rel=1e-12)


def test_a_recorded_spike_sits_at_the_end_of_its_step():
    z = (pulse(1e-6, at=1)[1:] * 0).clone()
    z[1] = 1.0
    expected = TAU * 0.1 * math.exp(-0.1) / (30 * math.exp(-0.1) - 1)
    given, out = returned(30.0, 1e-6, HardwareObservables(spikes=z))
    assert given == pytest.approx(expected, rel=1e-12)
    assert out.spikes.grad_fn.n_clipped == 0


def test_the_gradient_of_a_time_has_the_references_sign():
    """Channel 1 is -dL/dt of a spike of unit weight: an input later by h makes L = -t less by h."""
    weight = torch.tensor([[5.0]], dtype=torch.float64)
    x = pulse(1e-8).requires_grad_()
    out = EventPropNeuron.apply(EventPropSynapseFunction.apply(x, weight), PARAMS, 1e-8)
    out.spikes[int(out.spikes.flatten().argmax())].sum().backward()  # -dL/dt = 1
    assert x.grad[0].item() == pytest.approx(1.0, rel=5e-3)


def test_a_spike_that_the_model_does_not_explain_keeps_its_sign():
    """The reference divides by the negative slope, or drops the spike and what came through it."""
    z = torch.zeros(15, 1, 1, dtype=torch.float64)
    z[5] = z[9] = 1.0
    weight = torch.tensor([[0.5]], dtype=torch.float64, requires_grad=True)
    y = EventPropSynapseFunction.apply(pulse(1e-6), weight)
    out = EventPropNeuron.apply(y, PARAMS, 1e-6, (z, None, None))
    with pytest.warns(ClippedSlopeWarning):
        out.spikes[5].sum().backward()
    assert out.spikes.grad_fn.n_clipped == 2
    whole = 0.9**4  # four steps of Euler and an exact one back from the spike
    lv, li = math.exp(-0.1) / 0.1, 0.1 * math.exp(-0.1) / 0.1
    for _ in range(4):
        lv, li = 0.9 * lv, 0.9 * li + 0.1 * lv
    assert lv == pytest.approx(whole * math.exp(-0.1) / 0.1)
    assert weight.grad.item() == pytest.approx(TAU * li, rel=1e-12)
