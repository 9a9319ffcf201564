"""10,000 random neurons against a brute-force grid: no spike missed, none invented.

The grid has a step of a sixtieth of the shortest time constant or less and evaluates v itself at
every point; between two points that lie on either side of a peak, the peak is bracketed and found.
Cases too near a tangency to be told apart in double precision are counted, not left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch

from .nets import TIME_CONSTANTS, Net, real
from .propagators import propagators

N, INPUTS, DURATION = 2500, 12, 0.1
POINTS = 24  # between two arrivals, at first; then again after every spike
UNDECIDED = 1e-12  # volts between a peak and the threshold


class Group(NamedTuple):
    """Neurons on the grid: constants and state, each ``(n,)``."""

    tau_mem: np.ndarray
    tau_syn: np.ndarray
    v_th: np.ndarray
    v_reset: np.ndarray
    v_leak: np.ndarray
    v: np.ndarray
    i: np.ndarray

    def at(self, h):
        """v and i after h, ``(n, S)``."""
        longest = float(h.max() / min(self.tau_mem.min(), self.tau_syn.min()))
        a, phi, b = propagators(
            h, self.tau_mem[:, None], self.tau_syn[:, None], exp=np.exp, longest=longest
        )
        leak = self.v_leak[:, None]
        v = leak + a * (self.v[:, None] - leak) + phi * self.i[:, None]
        return v, b * self.i[:, None]

    def only(self, chosen):
        return Group(*(field[chosen] for field in self))


def narrow(group, low, high, is_past):
    """Narrow [low, high], ``(n,)``, to 1e-11 of its length; ``is_past(v, i)`` begins there."""
    parts, rows = np.linspace(0, 1, 17), np.arange(len(low))
    for _ in range(9):
        h = low[:, None] + (high - low)[:, None] * parts
        first = is_past(*group.at(h[:, 1:-1])).argmax(axis=1) + 1
        first = np.where(is_past(*group.at(h[rows, first][:, None]))[:, 0], first, 16)
        low, high = h[rows, first - 1], h[rows, first]
    return high


def first_spikes(group, length):
    """When each neuron first fires within its length, else inf; and how near a peak comes.

    Between two points of the scan there is at most one peak, and in a whole interval too.
    """
    h = length[:, None] * np.linspace(0, 1, POINTS)
    v, i = group.at(h)
    top = v[:, 1:].copy()
    rate = group.v_leak[:, None] - v + i
    turns, k = np.nonzero((rate[:, :-1] > 0) & (rate[:, 1:] < 0))
    assert len(set(turns)) == len(turns)
    margin = np.full(len(length), np.inf)
    if len(turns):
        some = group.only(turns)
        falls = lambda v, i: some.v_leak[:, None] - v + i <= 0  # noqa: E731
        peak = narrow(some, h[turns, k], h[turns, k + 1], falls)
        h[turns, k + 1], top[turns, k] = peak, some.at(peak[:, None])[0][:, 0]
        margin[turns] = np.abs(top[turns, k] - some.v_th)
    rises = (v[:, :-1] < group.v_th[:, None]) & (top > group.v_th[:, None])
    fires = np.nonzero(rises.any(axis=1))[0]
    found = np.full(len(length), np.inf)
    if len(fires):
        some, k = group.only(fires), rises[fires].argmax(axis=1)
        above = lambda v, i: v >= some.v_th[:, None]  # noqa: E731
        found[fires] = narrow(some, h[fires, k], h[fires, k + 1], above)
    return found, margin


def brute_force(group, weight, times, index, duration):
    """Spike times of each neuron in order, and which neurons were ever too near a tangency."""
    spikes = [[] for _ in group.v]
    undecided = np.zeros(len(group.v), dtype=bool)
    now = 0.0
    for arrival, source in [*zip(times, index, strict=True), (duration, None)]:
        left = np.full(len(group.v), arrival - now)
        going = np.arange(len(group.v))
        while len(going) and arrival > now:
            some = group.only(going)
            h, margin = first_spikes(some, left[going])
            undecided[going] |= margin < UNDECIDED
            step = np.minimum(h, left[going])
            v, i = (x[:, 0] for x in some.at(step[:, None]))
            fired = h < np.inf
            group.v[going], group.i[going] = np.where(fired, some.v_reset, v), i
            for k, s in zip(going[fired], step[fired], strict=True):
                spikes[k].append(arrival - left[k] + s)
            left[going] -= step
            going = going[fired]
        now = arrival
        if source is not None:
            group = group._replace(i=group.i + weight[:, source])
    return spikes, undecided


def random_neurons(seed):
    """A layer of N unconnected neurons, each with constants of its own, and a sample of inputs."""
    source = np.random.default_rng(seed)
    tau_mem = source.uniform(5e-3, 30e-3, N)
    ratio = np.exp(source.uniform(np.log(0.2), np.log(4.0), N))
    ratio[: N // 10] = 1.0
    ratio[N // 10 : N // 5] = 1.0 + source.uniform(-1e-6, 1e-6, N // 10)
    ratio[N // 5 : 3 * N // 10] = 0.5
    v_leak = source.uniform(-0.5, 0.5, N)
    v_leak[-N // 10 :] = source.uniform(0.9, 1.6, N // 10)  # about and above the threshold
    values = {
        "tau_mem": tau_mem,
        "tau_syn": ratio * tau_mem,
        "v_th": source.uniform(0.8, 1.2, N),
        "v_reset": source.uniform(-0.6, 0.4, N),
        "v_leak": v_leak,
        "v": np.minimum(source.uniform(-0.5, 0.75, N), 0.79),
        "i": source.uniform(-1.5, 1.5, N),
    }
    weight = source.normal(0.6, 2.0, (N, INPUTS)) * np.maximum(1.0, 1 / ratio)[:, None]
    times = np.sort(source.uniform(0, DURATION, INPUTS))
    return values, weight, times, source.permutation(INPUTS)


def as_net(values, weight, times, index, duration=DURATION):
    tensors = {name: torch.from_numpy(value.copy()) for name, value in values.items()}
    tensors |= {"v": tensors["v"][None], "i": tensors["i"][None]}
    return Net(
        index=torch.from_numpy(np.asarray(index))[None], duration=duration,
        times=torch.from_numpy(times)[None], weight=torch.from_numpy(weight), **tensors,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_neurons(seed):
    values, weight, times, index = random_neurons(seed)
    events = as_net(values, weight, times, index).run().output
    group = Group(**{name: value.copy() for name, value in values.items()})
    expected, undecided = brute_force(group, weight, times, index, DURATION)
    given = [[] for _ in range(N)]
    for time, k in zip(events.times[0][real(events)[0]], events.index[0], strict=False):
        given[k].append(time.item())
    counts = np.array([len(row) for row in expected])
    wrong = {k for k in range(N) if len(given[k]) != counts[k]}
    assert undecided.sum() == 0, "no peak of these seeds is near enough to be doubtful"
    assert not wrong, {k: (given[k], expected[k]) for k in wrong}
    assert counts.sum() > N
    assert (counts == 0).any()
    assert counts.max() > 5
    for one, other in zip(given, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)


# Peaks within this of the threshold, in its own units, are too near to be told apart by rounding.
MARGINS = (1e-12, 1e-11, 1e-9, 1e-6)


def grazing(taus, margin, inhibited):
    """A neuron whose highest peak, 1 after one input, is 1 + margin times its threshold."""
    tau_mem, tau_syn = taus
    h = np.linspace(0, 3 * max(taus), 3001)
    one = Group(*(np.array([x]) for x in (tau_mem, tau_syn, 1.0, 0.0, 0.0, 0.0, 1.0)))
    k = one.at(h[None])[0][0].argmax()
    low, high = h[k - 1 : k], h[k + 1 : k + 2]
    peak = narrow(one, low, high, lambda v, i: i - v <= 0)
    height = one.at(peak[:, None])[0][0, 0]
    plain = (tau_mem, tau_syn, 1.0, 0.0, 0.0, 0.0, 0.0)
    values = {name: np.array([x]) for name, x in zip(Group._fields, plain, strict=True)}
    after = 0.5 * max(taus) if inhibited else 2.0 * max(taus)
    times = np.array([1e-3, 1e-3 + peak[0] + after])
    weight = np.array([[(1 + margin) / height, -1.0]])
    return as_net(values, weight, times, [0, 1], duration=times[1] + 10 * max(taus))


@pytest.mark.parametrize("inhibited", [False, True])
@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("taus", TIME_CONSTANTS.values(), ids=TIME_CONSTANTS)
def test_peaks_that_graze_the_threshold(taus, margin, inhibited):
    above = grazing(taus, margin, inhibited).run().output
    below = grazing(taus, -margin, inhibited).run().output
    assert real(below).sum() == 0
    assert real(above).sum() == 1
