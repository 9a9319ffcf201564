"""The free membrane against the layer that it is of: silent neurons, peaks and thresholds."""

import pytest
import snn_core as snn
import torch
from snn_core import Events
from snn_eventprop.free import free_membrane
from snn_eventprop.silent import is_silent, peak_margin
from snn_neurons.lif import Params


@pytest.fixture
def inputs():
    random = torch.Generator().manual_seed(0)
    times = 40e-3 * torch.rand(6, 12, generator=random, dtype=torch.float64)
    return Events.of(times, torch.randint(5, (6, 12), generator=random), (5,), 0.1)


@pytest.fixture
def weight():
    random = torch.Generator().manual_seed(1)
    return 0.6 * torch.randn(8, 5, generator=random, dtype=torch.float64) + 0.3


def run(inputs, weight, params, **rest):
    return snn.integrate(
        "lif", inputs, weight=weight, params=params, backend="eventprop_exact", **rest
    )


@pytest.mark.parametrize("tau_syn", [5e-3, 20e-3])
def test_a_neuron_fires_just_if_its_threshold_is_below_the_peak(inputs, weight, tau_syn):
    peak = free_membrane(inputs, weight, Params(20e-3, tau_syn)).maximum()
    for b in range(6):
        rows = [row[b : b + 1] for row in (inputs.times, inputs.index)]
        one = Events(*rows, inputs.shape, inputs.duration)
        above = peak[b] > 1e-3
        for factor, silent in ((1 + 1e-9, True), (1 - 1e-9, False)):
            threshold = torch.where(above, peak[b] * factor, 1.0)
            out = run(one, weight, Params(20e-3, tau_syn, threshold, -1.0))
            assert bool((is_silent(out.output)[0][above] == silent).all())


def test_silent_neurons_of_a_recurrent_layer_follow_the_free_membrane(inputs, weight):
    random = torch.Generator().manual_seed(2)
    recurrent = 0.3 * torch.randn(8, 8, generator=random, dtype=torch.float64)
    delay = 2e-3 * torch.rand(8, 8, generator=random, dtype=torch.float64)
    params = Params(20e-3, 5e-3, v_leak=0.05)
    out = run(inputs, weight, params, recurrent_weight=recurrent, recurrent_delay=delay)
    free = free_membrane(
        inputs,
        weight,
        params,
        spikes=out.output,
        recurrent_weight=recurrent,
        recurrent_delay=delay,
    )
    silent = is_silent(out.output)
    assert 5 < silent.sum() < 43
    end = free.at(torch.tensor([inputs.duration], dtype=torch.float64))[..., 0]
    found, wanted = end[silent], out.state.neuron.v[silent]
    torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-14)
    assert bool((free.maximum()[silent] <= 1.0).all())
    margin = peak_margin(free, out.output, params.v_th)
    wanted = (1.0 - free.maximum()[silent]).square().sum() / 6
    torch.testing.assert_close(margin, wanted, rtol=1e-14, atol=0)
