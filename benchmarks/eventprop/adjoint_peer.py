"""exact-event-adjoint: layers on first spike times.

A weight of ours is tau_mem times one of its (its kernel has the unit of time, here ms). A neuron
that stays silent gets the time t_max. It looks for a crossing at arrivals and at the peak of each
single input's effect alone: where several inputs make a later peak, the spike is missed.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import torch
from exact_event_adjoint import ExactAdjointLinear
from problem import Answer, Problem, Variant
from torch_loss import ttfs

MS = 1e3


def first_spikes(problem: Problem) -> Callable[[], Answer]:
    tau_mem, tau_syn, end = (MS * float(value) for value in problem.constants)
    times, labels = torch.from_numpy(MS * problem.times), torch.from_numpy(problem.labels)
    layers = []
    for weight in (problem.hidden, problem.output):
        layer = ExactAdjointLinear(weight.shape[1], len(weight), tau_mem, tau_syn, 1.0, end)
        layer.weight.data = torch.from_numpy(weight / tau_mem)
        layers.append(layer)

    def run() -> Answer:
        hidden, output = layers
        loss = ttfs(output(hidden(times)) / MS, labels, end / MS)
        grads = torch.autograd.grad(loss, (hidden.weight, output.weight))
        return Answer(loss.item(), *((grad / tau_mem).numpy() for grad in grads))

    return run


VERSION = f"{version('exact-event-adjoint')}, torch {torch.__version__}"
NOTE = "first spikes only, misses some"
VARIANTS = {"ExactAdjointLinear": Variant(("single",), first_spikes, NOTE, most=32)}
