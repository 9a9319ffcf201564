"""Closed forms: impulse responses, spike times by hand, limits."""

import pytest
import torch
from snn_core import integrate
from snn_neurons import IAF, IAF_INTEGRATE_FIRST, LI
from snn_neurons.functional import (
    cuba_li_integration,
    exp_cuba_li_integration,
    exp_cuba_lif_integration,
)

N_STEPS, T0 = 30, 3
N = torch.arange(N_STEPS - T0, dtype=torch.float64)


def impulse():
    x = torch.zeros(N_STEPS, 1, 1, dtype=torch.float64)
    x[T0] = 1.0
    return x


def check(membrane, expected):
    assert membrane[:T0].abs().sum().item() == 0.0
    torch.testing.assert_close(membrane[T0:].flatten(), expected, rtol=1e-12, atol=1e-14)


def test_euler_impulse_response_with_equal_time_constants():
    k = 0.1
    out = cuba_li_integration(impulse(), leak=0.0, tau_syn=10e-6, tau_mem=10e-6, dt=1e-6)
    check(out.membrane, N * k * (1 - k) ** (N - 1))
    peak = out.membrane.flatten()[T0:]
    assert peak[9].item() == pytest.approx(0.38742, abs=5e-6)
    assert peak[10].item() == pytest.approx(0.38742, abs=5e-6)
    assert peak.max().item() == pytest.approx(peak[9].item(), abs=1e-15)


def test_euler_impulse_response_with_different_time_constants():
    km, ks = 0.1, 0.25
    params = LI.Params(tau_mem=1e-3 / km, tau_syn=1e-3 / ks)
    out = integrate(LI, impulse(), params=params, dt=1e-3)
    check(out.output, km * ((1 - km) ** N - (1 - ks) ** N) / (ks - km))


def test_exponential_impulse_response():
    em, es = 0.9, 0.8
    out = exp_cuba_li_integration(impulse(), leak=0.0, tau_syn_exp=es, tau_mem_exp=em)
    check(out.membrane, (1 - em) * (es**N - em**N) / (es - em))
    torch.testing.assert_close(out.current[T0:].flatten(), es**N)


def test_exponential_impulse_response_with_equal_decays():
    em = 0.9
    out = exp_cuba_lif_integration(
        impulse(),
        leak=0.0,
        reset=0.0,
        threshold=10.0,
        tau_syn_exp=em,
        tau_mem_exp=em,
        method="super_spike",
        alpha=50.0,
    )
    check(out.membrane, (1 - em) * N * em ** (N - 1))
    assert out.spikes.sum().item() == 0.0


@pytest.mark.parametrize(
    ("neuron", "steps", "after"),
    [(IAF, [2, 4, 6], 0.6), (IAF_INTEGRATE_FIRST, [1, 3, 5, 7], 0.0)],
)
def test_iaf_spikes_at_the_steps_of_its_order(neuron, steps, after):
    out = integrate(neuron, torch.full((8, 1, 1), 0.6), dt=1e-3, record=("v",))
    assert out.output.flatten().nonzero().flatten().tolist() == steps
    assert out.traces.v[steps[0]].item() == pytest.approx(after)
