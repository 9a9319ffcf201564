"""The backward pass against the scheme written out plainly, to rounding."""

import numpy as np
import pytest
import torch
from snn_eventprop.functional import ClippedSlopeWarning, EventPropNeuron, EventPropParams
from snn_neurons.functional import HardwareObservables

from . import plain_adjoint

DT = 1e-6
NO_FLOOR = np.zeros(())


def arrays(params):
    """Numbers and NumPy arrays of parameters."""
    return {k: v.numpy() if torch.is_tensor(v) else v for k, v in params._asdict().items()}


def both(x, params, g, floor=NO_FLOOR, **more):
    """The gradient of x and how many slopes were raised, by the package and plainly."""
    x = x.clone().requires_grad_()
    out = EventPropNeuron.apply(x, params, DT, **more)
    out.spikes.backward(g)
    traces = (one.detach().numpy() for one in out)
    recorded = more.get("hw_data") is not None
    plain, raised = plain_adjoint.ours(
        g.numpy(), *traces, DT, **arrays(params), floor=floor, recorded=recorded
    )
    return x.grad, out.spikes.grad_fn.n_clipped, torch.from_numpy(plain), raised


def agree(given, expected, rtol=1e-10):
    scale = float(expected.abs().max())
    torch.testing.assert_close(given / scale, expected / scale, rtol=rtol, atol=rtol * 1e-2)


def test_in_simulation(drive, uneven, source):
    x, params = drive(80, 3, 40), uneven(40)
    g = torch.randn(80, 3, 40, generator=source, dtype=torch.float64)
    grad, n_clipped, plain, raised = both(x, params, g)
    assert n_clipped == raised
    agree(grad, plain)
    assert not grad[:, -1].any()


def test_equal_time_constants(drive, source):
    params = EventPropParams(leak=0.0, reset=0.0, threshold=1.0, tau_syn=9e-6, tau_mem=9e-6)
    g = torch.randn(80, 3, 40, generator=source, dtype=torch.float64)
    grad, _, plain, _ = both(drive(80, 3, 40), params, g)
    agree(grad, plain)


def test_single_precision(drive, source):
    params = EventPropParams(leak=0.0, reset=0.0, threshold=1.0, tau_syn=5e-6, tau_mem=9e-6)
    x = drive(60, 3, 40, dtype=torch.float32, strength=4.0)
    g = torch.randn(60, 3, 40, generator=source)
    grad, _, plain, _ = both(x, params, g)
    assert grad.dtype == torch.float32
    # a slope close to 0 multiplies the rounding of the current: compare the neurons without
    calm = plain.abs().amax((0, 1)) < 1e2
    assert calm.float().mean() > 0.9
    agree(grad[..., calm].double(), plain[..., calm].double(), rtol=1e-3)


def test_a_tangent_spike_takes_the_mean_slope_of_its_step():
    silent = EventPropParams(leak=0.0, reset=-9.0, threshold=9.0, tau_syn=5e-6, tau_mem=10e-6)
    x = torch.zeros(2, 30, 1, 1, dtype=torch.float64)
    x[0, 0] = 2.0
    peak = EventPropNeuron.apply(x, silent, DT).membrane.max().item()
    g = torch.ones(30, 1, 1, dtype=torch.float64)
    grad, n_clipped, plain, raised = both(x, silent._replace(threshold=peak - 1e-6), g)
    assert n_clipped == raised == 1
    agree(grad, plain)
    assert 0 < grad[0, 0].item() < 1e-3  # more input, earlier spike


def test_a_leak_above_threshold(drive, source):
    """The spike at the start moves with nothing; those after it are crossings as any other."""
    params = EventPropParams(leak=1.5, reset=0.0, threshold=1.0, tau_syn=5e-6, tau_mem=6e-6)
    x = drive(60, 2, 8, strength=0.3)
    out = EventPropNeuron.apply(x, params, DT)
    assert bool(out.spikes[1].all())
    assert out.spikes[2:].any()
    g = torch.randn(60, 2, 8, generator=source, dtype=torch.float64)
    grad, _, plain, _ = both(x, params, g)
    agree(grad, plain)
    only_first = torch.zeros_like(g)
    only_first[1] = 1.0
    assert not both(x, params, only_first)[0].any()


@pytest.mark.parametrize("vdot_min", [None, 5e4, 0.5e6])
def test_recorded_spikes(vdot_min, drive, source, uneven):
    """At the end of their steps, on the model's current, with a slope of vdot_min at least."""
    x, params = drive(60, 3, 20), uneven(20)
    z = (torch.rand(60, 3, 20, generator=source) < 0.15).double()
    g = torch.randn(60, 3, 20, generator=source, dtype=torch.float64)
    floor = 0.1 * params.threshold if vdot_min is None else vdot_min * params.tau_mem
    hw = HardwareObservables(spikes=z)
    with pytest.warns(ClippedSlopeWarning, match=r"spikes.grad_fn.n_clipped"):
        grad, n_clipped, plain, raised = both(
            x, params, g, floor.numpy(), hw_data=hw, vdot_min=vdot_min
        )
    assert n_clipped == raised > 0
    agree(grad, plain)


def test_a_floor_in_simulation(drive, source, uneven):
    x, params = drive(60, 3, 20), uneven(20)
    g = torch.randn(60, 3, 20, generator=source, dtype=torch.float64)
    with pytest.warns(ClippedSlopeWarning):
        grad, n_clipped, plain, raised = both(
            x, params, g, (1e5 * params.tau_mem).numpy(), vdot_min=1e5
        )
    assert n_clipped == raised > 0
    agree(grad, plain)
