"""Spikes and gradients of two layers in continuous time, event by event, in plain Python.

It shares nothing with the package. No leak, no refractoriness, tau_mem != tau_syn. A crossing is
found by bisection up to the maximum of the membrane, which is a sum of two exponentials.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

TAU_MEM, TAU_SYN, DURATION = 20e-3, 5e-3, 60e-3
N_INPUTS = 5
FACTORS = np.array([1.0, -2.0, 1.5])


class Spikes(NamedTuple):
    """Times, neurons and synaptic currents of a layer's spikes, by time."""

    times: np.ndarray
    neurons: np.ndarray
    currents: np.ndarray


class Net(NamedTuple):
    """A network and one sample: each input channel spikes once."""

    times: np.ndarray
    hidden: np.ndarray
    output: np.ndarray

    @classmethod
    def random(cls, rng, strength=3.0) -> Net:
        """5-30-3, inputs on the grid of 1 ms."""
        times = np.append(1e-3 * np.round(rng.random(N_INPUTS - 1) * 30), 0.0)
        hidden = rng.normal(strength, strength / 2, (30, N_INPUTS))
        return cls(times, hidden, rng.normal(0.3, 0.3, (3, 30)))


def response(h):
    """Membrane after h seconds of a unit current at 0."""
    return TAU_SYN / (TAU_MEM - TAU_SYN) * (math.exp(-h / TAU_MEM) - math.exp(-h / TAU_SYN))


def response_slope(h):
    return (
        TAU_SYN
        / (TAU_MEM - TAU_SYN)
        * (math.exp(-h / TAU_SYN) / TAU_SYN - math.exp(-h / TAU_MEM) / TAU_MEM)
    )


def membrane(v, i, h):
    return v * math.exp(-h / TAU_MEM) + i * response(h)


def time_to_spike(v, i, length):
    """Seconds to the first crossing of 1 within length, or None."""
    if i <= 1:
        return None
    slow = i / (TAU_MEM / TAU_SYN - 1)  # v(h) = (v + slow) e^{-h/tau_mem} - slow e^{-h/tau_syn}
    ratio = slow * TAU_MEM / ((v + slow) * TAU_SYN) if v + slow > 0 else math.inf
    peak = math.log(ratio) / (1 / TAU_SYN - 1 / TAU_MEM)
    low, high = 0.0, min(length, peak)
    if membrane(v, i, high) <= 1:
        return None
    for _ in range(55):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if membrane(v, i, middle) > 1 else (middle, high)
    return high


def spikes_of(weights, times, sources) -> Spikes:
    """All spikes of a layer for sorted arrivals."""
    found = []
    arrivals = [*zip(times, sources, strict=True), (DURATION, None)]
    for n in range(len(weights)):
        v = i = now = 0.0
        for time, source in arrivals:
            while (h := time_to_spike(v, i, time - now)) is not None:
                now, i, v = now + h, i * math.exp(-h / TAU_SYN), 0.0
                found.append((now, n, i))
            h = time - now
            v, i, now = membrane(v, i, h), i * math.exp(-h / TAU_SYN), time
            i += 0.0 if source is None else weights[n, int(source)]
    times, neurons, currents = np.array(sorted(found)).reshape(-1, 3).T
    return Spikes(times, neurons.astype(int), currents)


def gradients(weights, times, sources, spikes, to_spikes):
    """dL/dw and dL/dt of the arrivals, given dL/dt of the spikes (Wunderlich and Pehle 2021)."""
    to_weights, to_arrivals = np.zeros_like(weights), np.zeros(len(times))
    for n in range(len(weights)):
        events = [(t, 1, k) for k, t in enumerate(spikes.times) if spikes.neurons[k] == n]
        events += [(t, 0, k) for k, t in enumerate(times)]
        a, b, now = 0.0, 0.0, DURATION
        for time, is_spike, k in sorted(events, reverse=True):
            h = now - time
            a, b, now = (
                a * math.exp(-h / TAU_MEM),
                b * math.exp(-h / TAU_SYN) + a * response(h),
                time,
            )
            if is_spike:
                current = spikes.currents[k]
                a = (current * a - TAU_MEM * to_spikes[k]) / (current - 1)
            else:
                to_weights[n, int(sources[k])] += b
                to_arrivals[k] += weights[n, int(sources[k])] * (b / TAU_SYN - a / TAU_MEM)
    return to_weights, to_arrivals


def arrivals_of(net: Net):
    """Input times in order, and their channels."""
    order = np.argsort(net.times, kind="stable")
    return net.times[order], order


def first_times(spikes: Spikes, n: int):
    """First time of each neuron, inf where silent; and which spikes these are."""
    times, slots = np.full(n, np.inf), np.full(n, -1)
    for k in reversed(range(len(spikes.times))):
        times[spikes.neurons[k]], slots[spikes.neurons[k]] = spikes.times[k], k
    return times, slots


def loss(times):
    """A sum of first spike times, each with a factor; its derivative is the factors."""
    return float(FACTORS @ times)


def hidden_spikes(net: Net) -> Spikes:
    return spikes_of(net.hidden, *arrivals_of(net))


def value(net: Net) -> float:
    """The loss of the first output spikes."""
    hidden = hidden_spikes(net)
    output = spikes_of(net.output, hidden.times, hidden.neurons)
    return loss(first_times(output, 3)[0])


def gradient(net: Net):
    """dL/dw of the hidden and of the output weights."""
    hidden = hidden_spikes(net)
    output = spikes_of(net.output, hidden.times, hidden.neurons)
    to_output = np.zeros(len(output.times))
    to_output[first_times(output, 3)[1]] = FACTORS
    to_weights, to_hidden = gradients(net.output, hidden.times, hidden.neurons, output, to_output)
    return hidden_gradient(net, hidden, to_hidden), to_weights


def hidden_gradient(net: Net, hidden: Spikes, to_hidden):
    """dL/dw of the hidden weights, given dL/dt of the hidden spikes."""
    return gradients(net.hidden, *arrivals_of(net), hidden, to_hidden)[0]


def usable(net: Net) -> bool:
    """Every output neuron spikes."""
    hidden = hidden_spikes(net)
    output = spikes_of(net.output, hidden.times, hidden.neurons)
    return bool(np.isfinite(first_times(output, 3)[0]).all())


def nets(n: int, seed: int) -> list[Net]:
    """n usable networks."""
    rng = np.random.default_rng(seed)
    found: list[Net] = []
    while len(found) < n:
        net = Net.random(rng)
        found += [net] if usable(net) else []
    return found
