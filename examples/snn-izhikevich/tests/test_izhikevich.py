"""The neuron conforms to the toolbox, and computes the paper's numbers from the paper's units."""

import pytest
import torch
from snn_core import integrate, neuron
from snn_core.testing import conformance
from snn_core.thresholds import HEAVISIDE

test_conformance = conformance("izhikevich")


def respond(current: float, duration: float, dt: float = 0.1e-3):
    x = torch.full((round(duration / dt), 1, 1), current, dtype=torch.float64)
    return integrate("izhikevich", x, dt=dt, record=("v", "u"))


def test_rests_at_minus_70_mv():
    state = respond(current=0.0, duration=1.0).state  # 0.04 * 70^2 - 5 * 70 + 140 + 14 = 0
    assert state.v.item() == pytest.approx(-0.07, abs=1e-12)
    assert state.u.item() == pytest.approx(-14.0, abs=1e-9)


def test_spikes_as_the_equations_of_the_paper_in_mv_and_ms():
    v, u, expected = -70.0, -14.0, []
    for k in range(10_000):
        v, u = v + 0.1 * (0.04 * v**2 + 5 * v + 140 - u + 10), u + 0.1 * 0.02 * (0.2 * v - u)
        if v >= 30:
            v, u = -65.0, u + 8
            expected.append(k)
    spikes = respond(current=10.0, duration=1.0).output.squeeze().nonzero().squeeze().tolist()
    assert spikes == expected


def test_fires_tonically_and_adapts_as_in_figure_2():
    spikes = respond(current=10.0, duration=1.0).output.squeeze().nonzero().squeeze()
    first, *later = spikes.diff().tolist()
    assert len(spikes) == 23
    assert first < min(later) / 2  # fast at first, then it has adapted
    assert max(later) - min(later) <= 1  # regular spiking


def test_a_spike_resets_v_and_adds_d_to_u():
    izhikevich = neuron("izh")
    v = torch.tensor([[0.029]])
    state = izhikevich.State(v, izhikevich.Params().b * v)  # so that u stays, but for the spike
    z, after = izhikevich.step(torch.zeros(1, 1), state, izhikevich.Params(), HEAVISIDE, 1e-4)
    assert z.item() == 1.0
    assert after.v.item() == pytest.approx(-0.065)
    assert after.u.item() == pytest.approx(5.8 + 8.0)
