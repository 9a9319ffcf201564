"""The spikes of the exact engine against those of the plain simulation: order, times, end state."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from .comparing import sequence
from .nets import TIME_CONSTANTS, end_of, random_net, real
from .simulator import simulate


def assert_same(net, atol=1e-13):
    """The package runs the batch, the simulation each sample alone. atol in seconds."""
    out = net.run()
    assert bool((out.output.times[:, 1:] >= out.output.times[:, :-1]).all())
    assert out.output.index[~real(out.output)].tolist() == [-1] * int((~real(out.output)).sum())
    end = end_of(out)
    for b in range(len(net.times)):
        run = simulate(net.sample(b))
        assert sequence(net.sample(b))[0] == run.neurons.tolist()
        times = out.output.times[b][real(out.output)[b]]
        np.testing.assert_allclose(times.numpy(), run.times, rtol=0, atol=atol)
        np.testing.assert_allclose(end.v[b].numpy(), run.v, rtol=0, atol=1e-11)
        np.testing.assert_allclose(end.i[b].numpy(), run.i, rtol=0, atol=1e-11)
        if net.refractory_time is not None:
            np.testing.assert_allclose(end.ref[b].numpy(), run.ref, rtol=0, atol=atol)
    return out.output


@pytest.mark.parametrize("taus", TIME_CONSTANTS.values(), ids=TIME_CONSTANTS)
@pytest.mark.parametrize("refractory", [0.0, 3e-3], ids=["free", "refractory"])
@pytest.mark.parametrize("leak_above", [False, True], ids=["leak_below", "leak_above"])
def test_recurrent_nets_with_delays(taus, refractory, leak_above):
    net = random_net(5, taus=taus, refractory=refractory, leak_above=leak_above, k=10, b=1)
    assert real(assert_same(net)).sum() >= 3


@pytest.mark.parametrize("taus", TIME_CONSTANTS.values(), ids=TIME_CONSTANTS)
def test_recurrent_nets_without_delay(taus):
    assert_same(random_net(6, taus=taus, delays=False, k=10, b=2))


@pytest.mark.parametrize("recurrent_delay", [None, 1e-3])
@pytest.mark.parametrize("delay", [None, 2e-3, "axonal", "dendritic"])
def test_delays_of_every_shape(delay, recurrent_delay):
    net = random_net(7, k=10, b=1)
    shapes = {"axonal": net.delay[0], "dendritic": net.delay[:, :1]}
    net = net.replace(delay=shapes.get(delay, delay), recurrent_delay=recurrent_delay)
    assert_same(net)


@pytest.mark.parametrize("part", [None, "tau_mem", "tau_syn", "v_th", "v_leak", "v_reset"])
def test_parameters_as_numbers_and_per_neuron(part):
    numbers = {"tau_mem": 12e-3, "tau_syn": 4e-3, "v_th": 1.0, "v_leak": 0.05, "v_reset": -0.1}
    spread = torch.linspace(0.9, 1.1, 4, dtype=torch.float64)
    if part is not None:
        numbers[part] = numbers[part] * spread
    assert_same(random_net(8, recurrent=False, delays=False).replace(**numbers))


def test_time_constants_that_differ_from_neuron_to_neuron():
    pairs = torch.tensor(list(TIME_CONSTANTS.values()), dtype=torch.float64)
    net = random_net(9, n=5, taus=(10e-3, 8e-3))
    assert_same(net.replace(tau_mem=pairs[:, 0].clone(), tau_syn=pairs[:, 1].clone()))


def test_a_start_in_the_middle_of_a_refractory_period():
    net = random_net(10, refractory=3e-3, leak_above=True)
    left = torch.tensor([[0.0, 1e-3, 5e-3, 30e-3], [0.0, 0.0, 0.0, 0.2]], dtype=torch.float64)
    assert_same(net.replace(ref=left))


def test_a_refractory_time_of_nought_is_none():
    net = random_net(11, refractory=1e-3)
    net = net.replace(refractory_time=0.0)
    free = net.replace(refractory_time=None, ref=None)
    with_it, without = net.run().output, free.run().output
    assert torch.equal(with_it.index, without.index)
    torch.testing.assert_close(with_it.times, without.times, rtol=0, atol=1e-15)


@pytest.mark.parametrize("refractory", [0.0, 2e-3], ids=["free", "refractory"])
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("duration", [1.0, 100.0])
def test_a_long_quiet_stretch_between_spikes(duration, recurrent, refractory):
    """After 40 time constants what is left of the first inputs is far below rounding."""
    net = random_net(12, b=1, recurrent=recurrent, delays=recurrent, refractory=refractory)
    times = torch.cat([0.05 * net.times[:, :8], net.times[:, 8:] - 0.1 + duration], dim=1)
    events = assert_same(net.replace(times=times, duration=duration))
    assert (events.times < 0.1).sum() >= 4
    assert (events.times > duration - 0.1).sum() >= 4


def test_extreme_ratios_of_the_time_constants():
    for taus in ((1.0, 1e-3), (1e-3, 1.0), (20e-3, 1e-5)):
        net = random_net(13, taus=taus, b=1, recurrent=False, delays=False, strength=2.0)
        assert_same(net.replace(weight=net.weight.clamp(-300, 300)), atol=1e-12)


@pytest.mark.parametrize("eps", [1e-15, 1e-13, 1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1])
def test_nearly_equal_time_constants(eps):
    for sign in (1, -1):
        net = random_net(14, taus=(10e-3, 10e-3 * (1 + sign * eps)), b=1, refractory=1e-3)
        assert_same(net)
