"""hw_data in every form; what is cut, what is counted, what is refused."""

from types import SimpleNamespace

import pytest
import torch
from snn_eventprop.functional import (
    ClippedSlopeWarning,
    EventPropNeuron,
    EventPropNeuronFunction,
    EventPropParams,
    EventPropSynapseFunction,
)
from snn_neurons.functional import HardwareObservables

DT = 1e-6
PARAMS = EventPropParams(leak=0.0, reset=0.0, threshold=1.0, tau_syn=5e-6, tau_mem=10e-6)


@pytest.fixture
def traces(source):
    z = (torch.rand(25, 2, 4, generator=source) < 0.2).double()
    v, madc = torch.randn(2, 25, 2, 4, generator=source, dtype=torch.float64)
    return z, v, madc[:3]


def test_every_form_is_the_same(drive, traces):
    x, (z, v, madc) = drive(30, 2, 4), traces
    newest = SimpleNamespace(spikes=z, voltage=SimpleNamespace(cadc=v, madc=madc), adaptation=None)
    forms = (HardwareObservables(z, v, madc), (z, v, madc), newest)
    outs = [EventPropNeuron.apply(x, PARAMS, DT, form) for form in forms]
    outs.append(EventPropNeuronFunction.apply(x, *PARAMS, forms[0], DT))
    for out in outs:
        assert all(torch.equal(one, other) for one, other in zip(out, outs[0], strict=True))
    assert outs[0].current.shape == (25, 2, 4)  # the model's, whatever the MADC recorded


@pytest.mark.parametrize("nothing", [None, HardwareObservables(), (None, None, None)])
def test_nothing_recorded_is_simulation(nothing, drive):
    x = drive(30, 2, 4)
    out, plain = (EventPropNeuron.apply(x, PARAMS, DT, hw) for hw in (nothing, None))
    assert all(torch.equal(one, other) for one, other in zip(out, plain, strict=True))


def test_the_madc_alone_cuts_nothing(drive, traces):
    x = drive(30, 2, 4)
    out = EventPropNeuron.apply(x, PARAMS, DT, (None, None, traces[2]))
    assert torch.equal(out.membrane, EventPropNeuron.apply(x, PARAMS, DT).membrane)


@pytest.mark.filterwarnings("ignore::snn_eventprop.functional.ClippedSlopeWarning")
def test_rows_that_were_cut_off_get_no_gradient(drive, traces, source):
    x = drive(30, 2, 4).requires_grad_()
    g = torch.randn(25, 2, 4, generator=source, dtype=torch.float64)
    out = EventPropNeuron.apply(x, PARAMS, DT, (traces[0], None, None))
    (grad,) = torch.autograd.grad(out.spikes, x, g)
    short = x.detach()[:, :25].requires_grad_()
    out = EventPropNeuron.apply(short, PARAMS, DT, (traces[0], None, None))
    (expected,) = torch.autograd.grad(out.spikes, short, g)
    assert torch.equal(grad[:, :25], expected)
    assert not grad[:, 24:].any()
    assert expected.any()


@pytest.mark.filterwarnings("ignore::snn_eventprop.functional.ClippedSlopeWarning")
def test_the_membrane_recorded_with_the_spikes_changes_no_gradient(drive, traces):
    x, (z, v, _) = drive(30, 2, 4).requires_grad_(), traces
    grads = []
    for hw in ((z, None, None), (z, v, None)):
        out = EventPropNeuron.apply(x, PARAMS, DT, hw)
        grads += torch.autograd.grad(out.spikes, x, torch.ones_like(z))
    assert torch.equal(*grads)


def test_the_callers_traces_stay_as_they_are(drive, traces):
    x, (z, v, _) = drive(25, 2, 4).requires_grad_(), traces
    out = EventPropNeuron.apply(x, PARAMS, DT, (z, v, None))
    assert out.spikes.requires_grad
    assert not z.requires_grad
    assert not v.requires_grad
    assert out.spikes.data_ptr() != z.data_ptr()


def test_simulated_spikes_fed_back_give_nearly_the_same_gradient(source):
    """Nearly, as recorded spikes sit at the end of their steps: to the order of dt."""
    x = (torch.rand(3000, 1, 5, generator=source) < 0.004).double()
    weight = torch.full((1, 5), 3.0, dtype=torch.float64, requires_grad=True)
    grads = []
    hw = None
    for _ in range(2):
        y = EventPropSynapseFunction.apply(x, weight)
        out = EventPropNeuron.apply(y, PARAMS, 1e-8, hw, 1.0)
        g = torch.cos(torch.arange(3000.0)).double().reshape(-1, 1, 1) * out.spikes.detach()
        grads += torch.autograd.grad(out.spikes, weight, g)
        hw = (out.spikes.detach(), None, None)
    assert out.spikes.sum() > 3
    torch.testing.assert_close(
        grads[1], grads[0], rtol=0.01, atol=0.01 * float(grads[0].abs().max())
    )
    assert not torch.equal(*grads)


def test_the_count_of_raised_slopes(traces):
    """Without input no recorded spike has a reason, and each slope is raised."""
    z = traces[0]
    out = EventPropNeuron.apply(
        torch.zeros(2, 25, 2, 4, dtype=torch.float64, requires_grad=True),
        PARAMS,
        DT,
        (z, None, None),
    )
    with pytest.warns(ClippedSlopeWarning, match="below vdot_min and was raised"):
        out.spikes.sum().backward()
    assert out.spikes.grad_fn.n_clipped == int(z[1:].sum()) > 0


def test_traces_that_are_refused(drive, traces):
    x, (z, v, _) = drive(25, 2, 4), traces
    with pytest.raises(ValueError, match="adaptation, and this neuron has none"):
        EventPropNeuron.apply(x, PARAMS, DT, HardwareObservables(adaptation=v))
    with pytest.raises(ValueError, match=r"recorded spikes must be 0 or 1, got 2.0"):
        EventPropNeuron.apply(x, PARAMS, DT, (2 * z, None, None))
    with pytest.raises(ValueError, match="fits the input"):
        EventPropNeuron.apply(x, PARAMS, DT, (z[:, :1], None, None))
    with pytest.raises(TypeError, match=r"hw_data.spikes must be a Tensor, got list"):
        EventPropNeuron.apply(x, PARAMS, DT, (z.tolist(), None, None))
    for vdot_min, error in ((0.0, ValueError), (-1.0, ValueError), ("1", TypeError)):
        with pytest.raises(error, match="vdot_min must be"):
            EventPropNeuron.apply(x, PARAMS, DT, (z, None, None), vdot_min)
    below = PARAMS._replace(threshold=-0.5, reset=-1.0)
    with pytest.raises(ValueError, match=r"its default, 0.1 threshold / tau_mem, is not"):
        EventPropNeuron.apply(x, below, DT, (z, None, None))
    EventPropNeuron.apply(x, below, DT, (z, None, None), 1e4)
