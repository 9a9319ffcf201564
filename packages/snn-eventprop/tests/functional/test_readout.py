"""EventPropReadoutFunction: leaky integrators with the gradients of EventProp."""

import pytest
import snn_core as snn
import torch
from snn_eventprop.functional import EventPropReadoutFunction, UnusedGradientWarning
from snn_neurons.functional import cuba_li_integration
from snn_neurons.li import LI

DT = 1e-6
VALUES = {"leak": 0.1, "tau_syn": 7e-6, "tau_mem": 11e-6}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_membrane_is_that_of_li_to_the_bit(dtype, drive):
    x = drive(50, 3, 400, dtype=dtype)
    out = EventPropReadoutFunction.apply(x, **VALUES, dt=DT)
    expected = cuba_li_integration(x[0], **VALUES, dt=DT, backend="eager")
    assert torch.equal(out.membrane, expected.membrane)
    assert torch.equal(out.current[1:], expected.current[:-1])
    assert not out.current[0].any()


def test_the_first_channel_is_the_gradient_of_the_steps(drive, source, uneven):
    """Against automatic differentiation of the eager loop."""
    x, values = drive(50, 3, 9).requires_grad_(), uneven(9)
    given = {"leak": values.leak, "tau_syn": values.tau_syn, "tau_mem": values.tau_mem}
    g_v, g_i = torch.randn(2, 50, 3, 9, generator=source, dtype=torch.float64)
    out = EventPropReadoutFunction.apply(x, **given, dt=DT)
    params = LI.Params(tau_mem=values.tau_mem, tau_syn=values.tau_syn, v_leak=values.leak)
    plain = x[0].detach().requires_grad_()
    traces = snn.integrate(LI, plain, params=params, dt=DT, record=("i",), backend="eager")
    (grad,) = torch.autograd.grad((out.membrane, out.current), x, (g_v, g_i))
    later = torch.cat((g_i[1:], g_i[:1] * 0))  # the current is recorded one row earlier there
    (expected,) = torch.autograd.grad((traces.output, traces.traces.i), plain, (g_v, later))
    torch.testing.assert_close(grad[0], expected, rtol=1e-11, atol=1e-13)


def test_the_second_channel_is_the_gradient_of_a_time():
    """A unit arrival at t, V looked at at T: -dV/dt is the slope of the response at T - t."""
    dt, tau_mem, tau_syn = 1e-9, 10e-6, 4e-6
    x = torch.zeros(2, 9001, 1, 1, dtype=torch.float64, requires_grad=True)
    v = EventPropReadoutFunction.apply(x, 0.0, tau_syn, tau_mem, dt=dt).membrane
    v[9000].sum().backward()
    h = torch.arange(9000, 0, -1, dtype=torch.float64) * dt
    slope = torch.exp(-h / tau_syn) / tau_syn - torch.exp(-h / tau_mem) / tau_mem
    expected = tau_syn / (tau_mem - tau_syn) * slope
    torch.testing.assert_close(x.grad[1, :9000, 0, 0], expected, rtol=1e-3, atol=2e-3 / tau_mem)


def test_a_recorded_membrane(drive, source):
    """Its value, the model's gradient; cut to its length, zeros for what is cut off."""
    x = drive(30, 2, 4).requires_grad_()
    v = torch.randn(24, 2, 4, generator=source, dtype=torch.float64)
    g = torch.randn(24, 2, 4, generator=source, dtype=torch.float64)
    out = EventPropReadoutFunction.apply(x, **VALUES, hw_data=(None, v, None), dt=DT)
    assert torch.equal(out.membrane, v)
    assert out.current.shape == (24, 2, 4)
    (grad,) = torch.autograd.grad(out.membrane, x, g)
    model = EventPropReadoutFunction.apply(x, **VALUES, dt=DT).membrane
    (expected,) = torch.autograd.grad(model[:24], x, g)
    assert torch.equal(grad, expected)
    assert not grad[:, 23:].any()


def test_bad_calls(drive):
    x = drive(5, 1, 2)
    with pytest.raises(ValueError, match="hw_data has spikes, and this neuron has none"):
        EventPropReadoutFunction.apply(x, **VALUES, hw_data=(x[0], None, None))
    with pytest.raises(ValueError, match=r"shape \(2, T, B, N\)"):
        EventPropReadoutFunction.apply(x[0], **VALUES)
    with pytest.raises(ValueError, match="tau_syn must be positive"):
        EventPropReadoutFunction.apply(x, 0.0, -1e-6, 1e-6)
    with pytest.raises(ValueError, match="the input holds NaN or infinite values"):
        EventPropReadoutFunction.apply(x * float("nan"), **VALUES)
    with pytest.warns(UnusedGradientWarning, match="requires a gradient and gets none"):
        EventPropReadoutFunction.apply(x, torch.tensor(0.0, requires_grad=True), 5e-6, 9e-6)
