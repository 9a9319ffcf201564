"""Every gradient of the exact engine against central differences of its own forward.

The same spikes, neuron by neuron, on both sides; that is checked at every step.
"""

from __future__ import annotations

import pytest

from .comparing import assert_close, central_differences, sequence
from .nets import TIME_CONSTANTS, end_of, gradients, loss_of_state, loss_of_times, random_net

SIZES = {"n": 4, "m": 4, "k": 8, "b": 1, "strength": 2.2}


def loss(out):
    return 10 * loss_of_times(out.output) + 0.1 * loss_of_state(end_of(out))


@pytest.mark.parametrize("taus", TIME_CONSTANTS.values(), ids=TIME_CONSTANTS)
@pytest.mark.parametrize("refractory", [0.0, 3e-3], ids=["free", "refractory"])
@pytest.mark.parametrize("leak_above", [False, True], ids=["leak_below", "leak_above"])
def test_every_argument(taus, refractory, leak_above):
    net = random_net(53, **SIZES, taus=taus, refractory=refractory, leak_above=leak_above)
    if refractory:
        net = net.replace(ref=net.ref + 1e-3)  # away from 0, where only one side exists
    assert len(sequence(net)[0]) >= 4
    expected, noise = central_differences(net, loss)
    assert_close(gradients(net, loss), expected, rtol=1e-5, noise=noise)


@pytest.mark.parametrize("taus", TIME_CONSTANTS.values(), ids=TIME_CONSTANTS)
def test_recurrence_without_delay(taus):
    net = random_net(53, **SIZES, taus=taus, delays=False)
    assert len(sequence(net)[0]) >= 4
    expected, noise = central_differences(net, loss)
    assert_close(gradients(net, loss), expected, rtol=1e-5, noise=noise)
