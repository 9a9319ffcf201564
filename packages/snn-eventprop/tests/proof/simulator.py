"""An event-by-event simulation that shares nothing with the package and is as plain as can be.

Between two arrivals the membrane is evaluated on a fine scan; where it rises above the threshold
from one point to the next, or has a peak between two points that does, the bracket is divided
into 64 parts again and again until it is one rounding wide. A spike is an upward crossing.
Arrivals of one time are all applied before anything is tested.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np

from .nets import PARAMETERS, Net
from .propagators import propagators

SCAN = 65


class Run(NamedTuple):
    """Spikes of one sample in order, and the state at the end."""

    times: np.ndarray
    neurons: np.ndarray
    v: np.ndarray
    i: np.ndarray
    ref: np.ndarray


class Constants(NamedTuple):
    """The parameters of the neurons, each ``(N,)``."""

    tau_mem: np.ndarray
    tau_syn: np.ndarray
    v_th: np.ndarray
    v_reset: np.ndarray
    v_leak: np.ndarray
    refractory_time: np.ndarray

    @classmethod
    def of(cls, net: Net) -> Constants:
        n = len(net.weight)
        values = (getattr(net, name) for name in PARAMETERS)
        return cls(*(np.array(plain(0.0 if v is None else v, (n,))) for v in values))

    def only(self, n: int) -> Constants:
        return Constants(*(field[n : n + 1] for field in self))


def plain(value, shape) -> np.ndarray:
    """A number, tensor or array as float64 of a shape."""
    if hasattr(value, "detach"):
        value = value.detach().double().numpy()
    return np.broadcast_to(np.asarray(value, dtype=np.float64), shape)


def membrane(c: Constants, v, i, h):
    """v and i of each neuron after the times h, ``(N, S)``."""
    longest = float(h.max() / min(c.tau_mem.min(), c.tau_syn.min())) if h.size else 0.0
    a, phi, b = propagators(h, c.tau_mem[:, None], c.tau_syn[:, None], exp=np.exp, longest=longest)
    leak = c.v_leak[:, None]
    return leak + a * (v[:, None] - leak) + phi * i[:, None], b * i[:, None]


def first_crossing(c: Constants, v, i, length) -> float:
    """When the one neuron of c first rises through its threshold, within length; else inf."""
    # Two neurons that fire together: the second one stands at its threshold, give or take rounding.
    if abs(v[0] - c.v_th[0]) <= 1e-13 * abs(c.v_th[0] - c.v_reset[0]) and rises(c, v, i):
        return 0.0
    h = length * np.linspace(0.0, 1.0, SCAN) ** 4  # dense at first, where all turns of v are
    values, currents = membrane(c, v, i, h[None])
    values, rate = values[0], c.v_leak[0] - values[0] + currents[0]
    peaks = np.nonzero((rate[:-1] > 0) & (rate[1:] < 0))[0]  # between k and k + 1
    highest = {k: refine(h[k], h[k + 1], lambda s: -slope(c, v, i, s)) for k in peaks}
    for k in range(SCAN - 1):
        high, top = h[k + 1], values[k + 1]
        if k in highest:
            high, top = highest[k], potential(c, v, i, np.array([highest[k]]))[0]
        if values[k] < c.v_th[0] < top:
            return refine(h[k], high, lambda s: potential(c, v, i, s) - c.v_th[0])
    return np.inf


def potential(c, v, i, s):
    return membrane(c, v, i, s[None])[0][0]


def slope(c, v, i, s):
    values, currents = membrane(c, v, i, s[None])
    return c.v_leak[0] - values[0] + currents[0]


def rises(c, v, i):
    return slope(c, v, i, np.array([0.0]))[0] > 0


def refine(low, high, excess) -> float:
    """Where excess changes from negative to not negative, between low and high."""
    for _ in range(60):
        points = np.linspace(low, high, SCAN)
        above = np.nonzero(excess(points) >= 0)[0]
        first = above[0] if len(above) else SCAN - 1
        if first == 0:
            return points[0]
        if points[first] - points[first - 1] >= high - low:
            break
        low, high = points[first - 1], points[first]
    return high


def input_arrivals(net: Net) -> list[tuple[float, int, float]]:
    weight = plain(net.weight, net.weight.shape)
    delay = plain(0.0 if net.delay is None else net.delay, weight.shape)
    times, sources = plain(net.times, net.times.shape)[0], net.index[0].tolist()
    return [
        (t + delay[n, j], n, weight[n, j])
        for t, j in zip(times, sources, strict=True)
        if t != np.inf
        for n in range(len(weight))
    ]


class Layer:
    """One sample on its way: v, i, free_at of each neuron ``(N,)``, arrivals to come, the time."""

    def __init__(self, net: Net):
        self.c, self.n, self.duration = Constants.of(net), len(net.weight), net.duration
        square = (self.n, self.n)
        self.is_recurrent = net.recurrent_weight is not None
        self.weight = plain(net.recurrent_weight if self.is_recurrent else 0.0, square)
        self.delay = plain(0.0 if net.recurrent_delay is None else net.recurrent_delay, square)
        self.v = np.array(self.c.v_leak if net.v is None else plain(net.v, (1, self.n))[0])
        self.i = np.array(plain(0.0 if net.i is None else net.i, (1, self.n))[0])
        self.free_at = np.array(plain(0.0 if net.ref is None else net.ref, (1, self.n))[0])
        self.v = np.where(self.free_at > 0, self.c.v_reset, self.v)
        self.queue, self.now = input_arrivals(net), 0.0
        heapq.heapify(self.queue)

    def receive(self) -> None:
        """Apply every arrival of this moment."""
        while self.queue and self.queue[0][0] <= self.now:
            _, target, jump = heapq.heappop(self.queue)
            self.i[target] += jump

    def next_stop(self) -> float:
        """The end, the next arrival or the next end of a refractory period."""
        releases = self.free_at[self.free_at > self.now]
        return min([self.duration, *(one[0] for one in self.queue[:1]), *releases])

    def crossings(self, length: float) -> np.ndarray:
        """When each neuron fires, counted from now; inf if not within length."""
        return np.array(
            [
                np.inf
                if self.free_at[k] > self.now
                else first_crossing(self.c.only(k), self.v[k : k + 1], self.i[k : k + 1], length)
                for k in range(self.n)
            ]
        )

    def advance(self, length: float, moment: float) -> None:
        v, i = membrane(self.c, self.v, self.i, np.full((self.n, 1), length))
        self.v = np.where(self.free_at > self.now, self.v, v[:, 0])
        self.i, self.now = i[:, 0], moment

    def fire(self, k: int) -> None:
        self.v[k], self.free_at[k] = self.c.v_reset[k], self.now + self.c.refractory_time[k]
        for to in range(self.n if self.is_recurrent else 0):
            heapq.heappush(self.queue, (self.now + self.delay[to, k], to, self.weight[to, k]))


def simulate(net: Net) -> Run:
    """One sample, a net with a batch of one."""
    layer, spikes = Layer(net), []
    while layer.now < layer.duration:
        layer.receive()
        stop = layer.next_stop()
        crossings = layer.crossings(stop - layer.now)
        first = crossings.min()
        if first == np.inf or layer.now + first >= layer.duration:
            layer.advance(stop - layer.now, stop)
            continue
        layer.advance(first, layer.now + first)
        for k in np.nonzero(crossings == first)[0]:
            spikes.append((layer.now, k))
            layer.fire(k)
    times = np.array([t for t, _ in spikes])
    neurons = np.array([k for _, k in spikes], dtype=int)
    return Run(times, neurons, layer.v, layer.i, np.maximum(layer.free_at - layer.duration, 0.0))
