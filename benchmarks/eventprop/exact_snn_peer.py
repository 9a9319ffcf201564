"""exact-snn-nn: layers on first spike times, by events or on a grid of times.

Its kernel is normalised to a peak of 1; the last weight of a neuron is that of a spike at 0, which
the recipe's bias is. A neuron that stays silent gets the time inf. Its layer of several spikes is
not here: the gradient is wrong (cosine 0.70 with the exact one).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from exact_snn import ExactTTFSLinear
from exact_snn.event import ExactEventLinear
from problem import Answer, Floats, Problem, Variant
from torch import Tensor, nn
from torch_loss import ttfs

MS = 1e3


def first_spikes(kind: type[nn.Module], problem: Problem) -> Callable[[], Answer]:
    times = torch.from_numpy(MS * problem.times[:, :-1].T).contiguous()
    labels, end = torch.from_numpy(problem.labels), float(problem.constants[2])
    no_bias = np.zeros((len(problem.output), 1))
    hidden = layer(kind, problem.hidden, problem)
    output = layer(kind, np.hstack([problem.output, no_bias]), problem)
    unit = unit_of(hidden, problem)

    def run() -> Answer:
        first: Tensor = output(hidden(times)).T / MS
        loss = ttfs(first, labels, end)
        of_hidden, of_output = torch.autograd.grad(loss, (hidden.weight, output.weight))
        return Answer(loss.item(), (unit * of_hidden).numpy(), (unit * of_output[:, :-1]).numpy())

    return run


def layer(kind: type[nn.Module], weight: Floats, problem: Problem) -> Any:
    """A layer with these weights, bias last."""
    tau_mem, tau_syn, end = (MS * float(value) for value in problem.constants)
    n_out, n_in = weight.shape
    made = kind(n_in - 1, n_out, tm=tau_mem, ts=tau_syn, t_max=end, dtype=torch.float64)
    made.weight.data = torch.from_numpy(weight * unit_of(made, problem))
    return made


def unit_of(layer: Any, problem: Problem) -> float:
    """How large one of our weights is in this library."""
    return MS * float(problem.constants[1]) * float(layer.k_peak)


VERSION = f"{version('exact-snn-nn')}, torch {torch.__version__}"
NOTE = "first spikes only"
VARIANTS = {
    "ExactEventLinear": Variant(("single",), partial(first_spikes, ExactEventLinear), NOTE),
    "ExactTTFSLinear": Variant(
        ("single",), partial(first_spikes, ExactTTFSLinear), f"{NOTE}, grid of 2001 times", most=32
    ),
}
