"""The history of one neuron: its arrivals, spikes, releases and samples in order of time.

A release is the end of a hold: the refractory time after a spike, or what was left of it at the
start. At equal times a sample comes first, then a spike, a release, an arrival: so a sample sees
the membrane before the arrival, and a spike is not caused by what arrives with it.
"""

from __future__ import annotations

import numpy as np

from snn_eventprop.kernels.arrivals import LEAK, REFRACTORY, TAU_MEM, TAU_SYN, V_RESET
from snn_eventprop.kernels.closed_form import propagators
from snn_eventprop.kernels.compiling import Floats, Ints, compiled

SAMPLE, SPIKE, RELEASE, ARRIVAL = range(4)


@compiled
def merge_history(
    arrivals: Floats,
    n_arrivals: int,
    spikes: Floats,
    samples: Floats,
    held: float,
    refractory: float,
    duration: float,
    times: Floats,
    kinds: Ints,
    numbers: Ints,
) -> int:
    """Fill in time, kind and number (within its kind) of each entry; returns how many there are.

    Args:
        arrivals, spikes, samples: ascending.
        held: until when the neuron is held at the start.
        refractory: how long a spike holds it; the next spike of a record ends a hold early.
        times, kinds, numbers: as long as all together and one release a spike, plus one.
    """
    n, a, k, s = 0, 0, 0, 0
    release = held if 0.0 < held < duration else np.inf
    while True:
        sample = samples[s] if s < len(samples) else np.inf
        spike = spikes[k] if k < len(spikes) else np.inf
        arrival = arrivals[a] if a < n_arrivals else np.inf
        time = min(sample, spike, release, arrival)
        if time == np.inf:
            return n
        times[n] = time
        if sample <= time:
            kinds[n], numbers[n] = SAMPLE, s
            s += 1
        elif spike <= time:
            kinds[n], numbers[n] = SPIKE, k
            k += 1
            release = time + refractory if refractory > 0.0 else np.inf
            if release >= duration:
                release = np.inf
        elif release <= time:
            kinds[n], numbers[n] = RELEASE, k - 1
            release = np.inf
        else:
            kinds[n], numbers[n] = ARRIVAL, a
            a += 1
        n += 1


@compiled
def replay_history(
    times: Floats,
    kinds: Ints,
    numbers: Ints,
    n: int,
    strength: Floats,
    v: float,
    i: float,
    held: bool,
    p: Floats,
    duration: float,
    table: Floats,
    path: Floats,
) -> None:
    """Run through a history of n entries with its spikes given.

    Args:
        strength: (A,), what each arrival adds to the current.
        v, i, held: at the start.
        table: (3, n + 1), filled with the propagators of the interval before each entry, the last
            to the end of the recording.
        path: (3, n + 2), filled: path[:, e] is v, i and whether it is held (1.0) just after entry
            e - 1; path[:, 0] is the start, path[:, n + 1] the end.
    """
    before = 0.0
    v = p[V_RESET] if held else v
    path[0, 0], path[1, 0], path[2, 0] = v, i, 1.0 if held else 0.0
    for e in range(n + 1):
        now = times[e] if e < n else duration
        decay_mem, decay_syn, response = propagators(now - before, p[TAU_MEM], p[TAU_SYN])
        table[0, e], table[1, e], table[2, e] = decay_mem, decay_syn, response
        if not held:
            v = p[LEAK] + (v - p[LEAK]) * decay_mem + i * response
        i *= decay_syn
        if e < n:
            kind = kinds[e]
            if kind == SPIKE:
                v, held = p[V_RESET], p[REFRACTORY] > 0.0
            elif kind == RELEASE:
                held = False
            elif kind == ARRIVAL:
                i += strength[numbers[e]]
        path[0, e + 1], path[1, e + 1], path[2, e + 1] = v, i, 1.0 if held else 0.0
        before = now
