"""What is computed, the same for every library: a network, its inputs, and what must come out.

The arrays lie in a file, since the libraries live in different processes; NumPy is all they share.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Of the loss on first spike times, as published with the Yin-Yang recipe.
TAU0, TAU1, ALPHA = 0.5e-3, 6.4e-3, 3e-3


class Problem(NamedTuple):
    """A network of LIF neurons, 5-200-3, with a batch of Yin-Yang samples.

    Attributes:
        times: ``(B, 5)`` seconds, one spike a channel; the last channel is the bias, at 0.
        labels: ``(B,)``.
        hidden, output: weights, ``(200, 5)`` and ``(3, 200)``, in thresholds of an un-normalised
            synapse.
        constants: tau_mem, tau_syn and the duration, seconds.
        once: whether each neuron fires once at most, 0-d.
        loss: the mean TTFS cross entropy, as ours computes it, 0-d.
        hidden_grad, output_grad: its gradients, from ours.
        counts: spikes a sample of the hidden and of the output layer, ``(2,)``.
        most: the same of the sample that has most of them, ``(2,)``.
    """

    times: Floats
    labels: NDArray[np.int64]
    hidden: Floats
    output: Floats
    constants: Floats
    once: NDArray[np.bool_]
    loss: Floats
    hidden_grad: Floats
    output_grad: Floats
    counts: Floats
    most: Floats

    def save(self, path: Path) -> None:
        np.savez(path, allow_pickle=False, **self._asdict())

    @classmethod
    def load(cls, path: str) -> Problem:
        with np.load(path) as arrays:
            return cls(**arrays)


class Answer(NamedTuple):
    """What a run of a library gives: the mean loss, and its gradients for both weights."""

    loss: float
    hidden_grad: Any
    output_grad: Any


class Variant(NamedTuple):
    """A way to compute the problem with a library.

    Attributes:
        nets: the nets of ``rows`` that it can compute.
        prepare: from a problem to a function that computes it once.
        note: what it leaves out, for the table.
        most: samples of the largest batch that it is given, where larger ones take very long.
    """

    nets: tuple[str, ...]
    prepare: Callable[[Problem], Callable[[], Answer]]
    note: str = ""
    most: int = 1000


def deviations(answer: Answer, problem: Problem) -> dict[str, float]:
    """Relative deviations of loss and hidden gradient from ours, and the cosine of the latter."""
    found, ours = np.asarray(answer.hidden_grad, dtype=float), problem.hidden_grad
    if found.shape != ours.shape:
        raise ValueError(f"the hidden gradient is {found.shape}, not {ours.shape}")
    size = float(np.linalg.norm(ours))
    return {
        "loss": abs(float(answer.loss) - float(problem.loss)) / abs(float(problem.loss)),
        "gradient": float(np.linalg.norm(found - ours)) / size,
        "cosine": float((found * ours).sum()) / (size * float(np.linalg.norm(found))),
    }
