"""The neurons without a synapse: closed forms, and where they meet the other models."""

import pytest
import torch
from snn_core import NumericsWarning, Observed, integrate
from snn_core.thresholds import SUPER_SPIKE
from snn_neurons import IAF_INTEGRATE_FIRST, IF_BOX, LI_BOX, LIF, LIF_BOX

DT = 1e-3


def run(neuron, x, **params):
    values = neuron.Params(**params)
    return integrate(neuron, x, params=values, dt=DT, record=("v",))


def close(given, expected):
    torch.testing.assert_close(given, expected, rtol=1e-12, atol=1e-13)


def steps_of(output):
    return output.flatten().nonzero().flatten().tolist()


def test_the_impulse_response_of_li_box_starts_in_the_step_of_the_impulse():
    k, r, leak, t0 = 0.1, 3.0, 0.25, 3
    x = torch.zeros(20, 1, 1, dtype=torch.float64)
    x[t0] = 1.0
    out = run(LI_BOX, x, tau_mem=DT / k, r=r, v_leak=leak)
    n = torch.arange(20 - t0, dtype=torch.float64)
    close(out.output[:t0].flatten(), torch.full((t0,), leak).double())
    close(out.output[t0:].flatten(), leak + r * k * (1 - k) ** n)


def test_lif_box_below_threshold_is_li_box():
    x = torch.rand(30, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shared = {"tau_mem": 7e-3, "r": 0.5, "v_leak": -0.1}
    fired = run(LIF_BOX, x, v_th=10.0, **shared)
    assert torch.equal(fired.traces.v, run(LI_BOX, x, **shared).output)
    assert fired.output.sum() == 0


def test_lif_box_fires_with_the_period_of_its_closed_form():
    """From reset, v[n] = v_inf + (v_reset - v_inf)(1 - k)^n: fires at the least n with v > v_th."""
    k, r, drive, v_th, v_reset, v_leak = 0.05, 2.0, 0.9, 1.0, -0.4, 0.2
    v_inf = v_leak + r * drive
    n = torch.arange(1, 60, dtype=torch.float64)
    first = int(n[v_inf + (v_leak - v_inf) * (1 - k) ** n > v_th][0])
    period = int(n[v_inf + (v_reset - v_inf) * (1 - k) ** n > v_th][0])
    assert first != period
    x = torch.full((80, 1, 1), drive, dtype=torch.float64)
    params = {"r": r, "v_th": v_th, "v_reset": v_reset, "v_leak": v_leak}
    out = run(LIF_BOX, x, tau_mem=DT / k, **params)
    assert steps_of(out.output) == list(range(first - 1, 80, period))
    assert out.traces.v[first - 1].item() == v_reset


def test_a_threshold_that_is_only_reached_does_not_fire():
    x = torch.tensor([1.0, 0.0, 1.5]).reshape(3, 1, 1)
    assert steps_of(run(LIF_BOX, x, tau_mem=DT, v_th=1.0).output) == [2]
    assert steps_of(run(IF_BOX, x, r=1 / DT, v_th=1.0).output) == [2]


def test_if_box_counts_charge_in_proportion_to_the_step():
    x = torch.full((12, 1, 1), 0.3, dtype=torch.float64)
    for dt, steps in ((1e-3, [3, 7, 11]), (2e-3, [1, 3, 5, 7, 9, 11])):
        out = integrate(IF_BOX, x, params=IF_BOX.Params(r=1e3), dt=dt)
        assert steps_of(out.output) == steps, dt


def test_if_box_of_unit_charge_is_iaf_integrate_first():
    dt = 2.0**-10  # so that dt r is exactly 1
    x = torch.rand(50, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    params = IF_BOX.Params(r=1 / dt, v_th=0.9, v_reset=-0.2)
    charge = IAF_INTEGRATE_FIRST.Params(v_th=0.9, v_reset=-0.2)
    ours = integrate(IF_BOX, x, params=params, dt=dt, record=("v",))
    theirs = integrate(IAF_INTEGRATE_FIRST, x, params=charge, dt=dt, record=("v",))
    assert 0 < ours.output.sum() < ours.output.numel()
    assert torch.equal(ours.output, theirs.output)
    assert torch.equal(ours.traces.v, theirs.traces.v)


def test_lif_box_fed_with_the_current_of_lif_is_lif():
    """LIF is a synapse before a LIFBox that sees the current of the step before."""
    x = torch.rand(50, 2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    firing = {"v_th": 0.8, "v_reset": -0.1, "v_leak": 0.05, "tau_mem": 8e-3}
    lif = integrate(LIF, x, params=LIF.Params(**firing), dt=DT, record=("v", "i"))
    before = torch.cat([torch.zeros(1, 2, 3, dtype=torch.float64), lif.traces.i[:-1]])
    box = run(LIF_BOX, before, **firing)
    assert 0 < box.output.sum() < box.output.numel()
    assert torch.equal(box.output, lif.output)
    close(box.traces.v, lif.traces.v)


@pytest.mark.parametrize("neuron", [LIF_BOX, LI_BOX, IF_BOX])
def test_parameters_are_per_neuron(neuron):
    x = torch.rand(20, 2, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    scale = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    values = neuron.Params(*(float(value) * scale + 0.01 * scale for value in neuron.Params()))
    together = integrate(neuron, x, params=values, dt=DT).output
    for n in range(3):
        one = neuron.Params(*(value[n].item() for value in values))
        alone = integrate(neuron, x[..., n : n + 1], params=one, dt=DT).output
        assert torch.equal(together[..., n : n + 1], alone)


@pytest.mark.parametrize("neuron", [LIF_BOX, IF_BOX])
def test_no_gradient_passes_a_reset_and_measurements_are_taken(neuron):
    v = torch.full((1, 1), 3.0, dtype=torch.float64, requires_grad=True)
    x = torch.zeros(1, 1, dtype=torch.float64)
    z, after = neuron.step(x, neuron.State(v), neuron.Params(v_reset=0.5), SUPER_SPIKE, DT)
    assert (z.item(), after.v.item()) == (1.0, 0.5)
    assert torch.autograd.grad(after.v.sum(), v, retain_graph=True)[0].item() == 0.0
    assert torch.autograd.grad(z.sum(), v)[0].item() > 0.0
    seen = Observed(v=torch.full((1, 1), 2.0, dtype=torch.float64))
    z, after = neuron.step(x, neuron.State(v), neuron.Params(), SUPER_SPIKE, DT, seen)
    assert (z.item(), after.v.item()) == (1.0, 2.0)


@pytest.mark.parametrize("neuron", [LIF_BOX, LI_BOX])
def test_integrate_warns_of_a_step_longer_than_the_time_constant(neuron):
    with pytest.warns(NumericsWarning, match=r"dt = 0.001 s is longer than tau_mem"):
        run(neuron, torch.zeros(2, 1, 1), tau_mem=DT / 2)
