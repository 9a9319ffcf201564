"""The history of one neuron: its arrivals, spikes, releases and samples in order of time.

A release is the end of a hold: the refractory time after a spike, or what was left of it at the
start. At equal times a sample comes first, then a spike, a release, an arrival: so a sample sees
the membrane before the arrival, and a spike is not caused by what arrives with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn_eventprop.kernels.arrivals import LEAK, REFRACTORY, TAU_MEM, TAU_SYN, V_RESET
from snn_eventprop.kernels.closed_form import propagators
from snn_eventprop.kernels.compiling import Floats, Ints, compiled, compiled_lean

SAMPLE, SPIKE, RELEASE, ARRIVAL = range(4)


class Scratch(NamedTuple):
    """Memory for one neuron at a time: A arrivals, S spikes, E entries of its history.

    Args:
        arrivals, sources, strength: (A,), when, from where, and what each adds to the current.
        spacing: (3, A + 1), the propagators between arrivals, and from the last to the end.
        own, own_grad: (S,), its spike times and their gradients.
        params: (6,); start: (3,), v, i and for how long it is held.
        times, kinds, numbers: (E,), the history: when, what, and which of its kind.
        table: (3, E + 1), the propagators of the interval before each entry, the last to the end.
        path: (3, E + 2), v, i and whether it is held (1.0) at the start, then after each entry,
            then at the end.
        arrival_grad: (2, A); param_grad: (6,); start_grad: (3,).
    """

    arrivals: Floats
    sources: Ints
    strength: Floats
    spacing: Floats
    own: Floats
    own_grad: Floats
    params: Floats
    start: Floats
    times: Floats
    kinds: Ints
    numbers: Ints
    table: Floats
    path: Floats
    arrival_grad: Floats
    param_grad: Floats
    start_grad: Floats


@compiled
def make_scratch(n_arrivals: int, n_spikes: int, n_samples: int) -> Scratch:
    """Scratch of these sizes."""
    n = n_arrivals + 2 * n_spikes + n_samples + 1
    return Scratch(
        np.empty(n_arrivals),
        np.empty(n_arrivals, dtype=np.int64),
        np.empty(n_arrivals),
        np.empty((3, n_arrivals + 1)),
        np.empty(n_spikes),
        np.empty(n_spikes),
        np.empty(6),
        np.empty(3),
        np.empty(n),
        np.empty(n, dtype=np.int64),
        np.empty(n, dtype=np.int64),
        np.empty((3, n + 1)),
        np.empty((3, n + 2)),
        np.empty((2, n_arrivals)),
        np.empty(6),
        np.empty(3),
    )


@compiled_lean
def fill_spacing(s: Scratch, n_arrivals: int, duration: float) -> None:
    """The propagators between the arrivals, with the time constants of this neuron."""
    tau_mem, tau_syn, before = s.params[TAU_MEM], s.params[TAU_SYN], 0.0
    arrivals, spacing = s.arrivals, s.spacing
    for j in range(n_arrivals + 1):
        now = arrivals[j] if j < n_arrivals else duration
        decay_mem, decay_syn, response = propagators(now - before, tau_mem, tau_syn)
        spacing[0, j], spacing[1, j], spacing[2, j] = decay_mem, decay_syn, response
        before = now


@compiled_lean
def merge_history(
    s: Scratch, n_arrivals: int, n_own: int, samples: Floats, row: int, end: float
) -> int:
    """Put the history together; returns its number of entries.

    Args:
        n_own: number of spikes in ``s.own``. In a record the next spike ends a hold early.
        samples: (1 or N, Q), ascending, of which the row is this neuron's.
        end: of the history.
    """
    arrivals, own, refractory = s.arrivals, s.own, s.params[REFRACTORY]
    times, kinds, numbers, n_samples = s.times, s.kinds, s.numbers, samples.shape[1]
    n, a, k, q = 0, 0, 0, 0
    release = s.start[2] if 0.0 < s.start[2] < end else np.inf
    while True:
        sample = samples[row, q] if q < n_samples else np.inf
        spike = own[k] if k < n_own else np.inf
        arrival = arrivals[a] if a < n_arrivals else np.inf
        time = min(sample, spike, release, arrival)
        if time == np.inf:
            return n
        times[n] = time
        if sample <= time:
            kinds[n], numbers[n] = SAMPLE, q
            q += 1
        elif spike <= time:
            kinds[n], numbers[n] = SPIKE, k
            k += 1
            release = time + refractory
            if refractory == 0.0 or release >= end:
                release = np.inf
        elif release <= time:
            kinds[n], numbers[n] = RELEASE, k - 1
            release = np.inf
        else:
            kinds[n], numbers[n] = ARRIVAL, a
            a += 1
        n += 1


@compiled_lean
def replay_history(s: Scratch, n: int, n_arrivals: int, end: float) -> None:
    """Run through a history of n entries with its spikes given: fill in table and path.

    A history that ends before the recording ends with a spike.
    """
    times, kinds, numbers, strength = s.times, s.kinds, s.numbers, s.strength
    table, path, spacing, p = s.table, s.path, s.spacing, s.params
    tau_mem, tau_syn, leak, v_reset = p[TAU_MEM], p[TAU_SYN], p[LEAK], p[V_RESET]
    refractory = p[REFRACTORY] > 0.0
    before, held = 0.0, s.start[2] > 0.0
    v, i = v_reset if held else s.start[0], s.start[1]
    path[0, 0], path[1, 0], path[2, 0] = v, i, 1.0 if held else 0.0
    arrived = -1  # the last arrival, if nothing else has happened since
    for e in range(n + 1):
        now = times[e] if e < n else end
        following = n_arrivals
        if e < n:
            following = numbers[e] if kinds[e] == ARRIVAL else -1
        if following == arrived + 1:
            decay_mem, decay_syn = spacing[0, following], spacing[1, following]
            response = spacing[2, following]
        else:
            decay_mem, decay_syn, response = propagators(now - before, tau_mem, tau_syn)
        table[0, e], table[1, e], table[2, e] = decay_mem, decay_syn, response
        if not held:
            v = leak + (v - leak) * decay_mem + i * response
        i *= decay_syn
        arrived = -3  # and so no arrival follows it
        if e < n:
            kind = kinds[e]
            if kind == SPIKE:
                v, held = v_reset, refractory
            elif kind == RELEASE:
                held = False
            elif kind == ARRIVAL:
                i += strength[numbers[e]]
                arrived = numbers[e]
        path[0, e + 1], path[1, e + 1], path[2, e + 1] = v, i, 1.0 if held else 0.0
        before = now
