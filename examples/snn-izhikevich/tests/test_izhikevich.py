"""The neuron conforms to the toolbox, and computes the paper's numbers from the paper's units."""

import itertools

import torch
from snn_core import integrate, neuron
from snn_core.testing import conformance

test_conformance = conformance("izhikevich")


def respond(current: float, duration: float, dt: float = 0.1e-3):
    x = torch.full((round(duration / dt), 1, 1), current, dtype=torch.float64)
    return integrate("izhikevich", x, dt=dt, record=("v", "u"))


def test_rests_at_minus_70_mv():
    state = respond(current=0.0, duration=2.0).state  # 0.04 * 70^2 - 5 * 70 + 140 + 14 = 0
    torch.testing.assert_close(torch.cat(list(state)).squeeze(), torch.tensor([-0.07, -14.0]).double())


def test_spikes_regularly_as_in_figure_2():
    v, u, expected = -65.0, 0.2 * -65.0, []  # the paper's equations in mV and ms, I = 10
    for k in range(10_000):
        v, u = v + 0.1 * (0.04 * v**2 + 5 * v + 140 - u + 10), u + 0.1 * 0.02 * (0.2 * v - u)
        if v >= 30:
            v, u = -65.0, u + 8
            expected.append(k)
    spikes = respond(current=10.0, duration=1.0).output.squeeze().nonzero().squeeze().tolist()
    assert spikes == expected
    assert len(spikes) == 23
    first, *later = [after - before for before, after in itertools.pairwise(spikes)]
    assert first < 240  # 24 ms, then it has adapted
    assert set(later) == {451}


def test_a_spike_resets_v_and_adds_d_to_u():
    traces = respond(current=10.0, duration=0.1).traces
    k = int(traces.v.squeeze().diff().argmin()) + 1
    before, after = traces.u[k - 1].item(), traces.u[k].item()
    assert traces.v[k].item() == neuron("izhikevich").Params().v_reset
    assert 7.9 < after - before < 8.1
