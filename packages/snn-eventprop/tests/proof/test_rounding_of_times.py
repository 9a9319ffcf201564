"""Spikes within one rounding of an arrival or of the end: none is lost, none is out of range.

The resolution of single precision at 0.1 s is 7 ns. The membranes here cross their threshold some
nanoseconds before and after what they must not be confused with.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from .nets import Net, gradients, loss_of_times, real

TAU, LEAK, TH = 10e-3, 1.5, 1.0
N = 200


def start_for(times):
    """Membranes without current that reach the threshold at these times."""
    return LEAK - (LEAK - TH) * np.exp(times / TAU)


def drifting(crossings, dtype, *, inputs=(), weight=0.0, recurrent=False, duration=0.1):
    """Neurons that drift upwards without current; ``inputs`` are times of one channel."""
    n = len(crossings)
    zero = torch.zeros(n, n, dtype=dtype) if recurrent else None
    return Net(
        index=torch.zeros(1, len(inputs), dtype=torch.long), duration=duration,
        times=torch.tensor([inputs], dtype=dtype).reshape(1, -1),
        weight=torch.full((n, 1), weight, dtype=dtype), tau_mem=TAU, tau_syn=5e-3, v_th=TH,
        v_reset=-50.0, v_leak=LEAK, recurrent_weight=zero,
        v=torch.from_numpy(start_for(np.asarray(crossings))).to(dtype)[None],
        i=torch.zeros(1, n, dtype=dtype),
    )  # fmt: skip


def crossings_of(net):
    """The exact crossing times of the rounded starts."""
    v = net.v[0].double().numpy()
    return TAU * np.log((LEAK - v) / (LEAK - TH))


kernels = pytest.mark.parametrize("recurrent", [False, True], ids=["plain", "recurrent"])
dtypes = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])


@kernels
@dtypes
def test_spikes_about_the_end_are_within_the_recording_or_not_there(recurrent, dtype):
    duration, width = 0.01, 4e-9 if dtype == torch.float32 else 4e-18
    near = np.linspace(-width, width, N)
    net = drifting(duration + near, dtype, recurrent=recurrent, duration=duration)
    events = net.run().output.check()
    surely = crossings_of(net) < duration - 2e-9
    fired = np.bincount(events.index[0][real(events)[0]], minlength=N) > 0
    assert not (surely & ~fired).any()
    assert not (fired & (crossings_of(net) > duration + 2e-9)).any()
    # and the next layer takes them
    following = net.replace(
        times=events.times, index=events.index, weight=torch.ones(N, N, dtype=dtype) / N
    )
    following.run()


@kernels
@dtypes
def test_a_spike_just_before_an_inhibition_is_not_lost(recurrent, dtype):
    width = 8e-9 if dtype == torch.float32 else 2e-17
    arrival = float(torch.tensor(0.01, dtype=dtype))
    net = drifting(
        arrival + np.linspace(-width, width, N), dtype, inputs=(arrival,), weight=-100.0,
        recurrent=recurrent, duration=0.011,
    )  # fmt: skip
    events = net.run().output
    fired = np.bincount(events.index[0][real(events)[0]], minlength=N) > 0
    doubt = 1e-17  # of the comparison itself
    before, after = (sign * (crossings_of(net) - arrival) > doubt for sign in (-1, 1))
    if dtype == torch.float32:
        assert before.any()
        assert after.any()
    assert not (before & ~fired).any(), "lost"
    assert not (after & fired).any(), "invented"
    assert bool((events.times[real(events)] <= arrival).all())
    found = gradients(net, lambda out: loss_of_times(out.output))
    for name, value in found.items():
        assert bool(value.isfinite().all()), name


@kernels
@dtypes
def test_a_spike_right_after_its_arrival_is_caused_by_it(recurrent, dtype):
    """Without its arrival it has no slope at all: leak and membrane are at the threshold."""
    below = float(np.nextafter(np.float32(1.0), np.float32(0)))
    if dtype == torch.float64:
        below = math.nextafter(1.0, 0.0)
    net = drifting([0.0] * 3, dtype, inputs=(0.05,), weight=10.0, recurrent=recurrent)
    net = net.replace(v=torch.full((1, 3), below, dtype=dtype), v_leak=1.0)
    events = net.run().output
    assert events.index.tolist() == [[0, 1, 2]]
    assert bool((events.times >= net.times[0, 0]).all())
    found = gradients(net, lambda out: out.output.times.sum())
    # dt/dt_input = 1 for each: the membrane stands still before
    assert found["times"].item() == pytest.approx(3.0, rel=1e-4)
    torch.testing.assert_close(found["weight"], torch.zeros(3, 1, dtype=dtype), rtol=0, atol=1e-6)
