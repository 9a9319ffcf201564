"""Ours: the nets beside the peers, and works that are timed without them."""

from __future__ import annotations

from collections.abc import Callable

import snn_core as snn
import torch
from networks import BACKEND, net
from problem import Answer, Problem, Variant
from snn_core import Events, Layer
from snn_eventprop import __version__ as VERSION
from snn_eventprop import integral_cross_entropy, maximum_cross_entropy
from torch import Tensor
from yin_yang import events, samples

__all__ = ["VARIANTS", "VERSION", "WORKS"]

BATCH, RATE = 32, 5e-3


def prepared(problem: Problem) -> Callable[[], Answer]:
    hidden, output = weights_of(problem)
    model = net(constants_of(problem), bool(problem.once), hidden, output)
    inputs, labels = events(torch.from_numpy(problem.times)), torch.from_numpy(problem.labels)

    def run() -> Answer:
        loss = model.loss(inputs, labels)
        grads = torch.autograd.grad(loss, (hidden, output))
        return Answer(loss.item(), *(grad.numpy() for grad in grads))

    return run


def weights_of(problem: Problem) -> tuple[Tensor, Tensor]:
    hidden, output = (torch.tensor(one) for one in (problem.hidden, problem.output))
    return hidden.requires_grad_(), output.requires_grad_()


def constants_of(problem: Problem) -> tuple[float, float]:
    return float(problem.constants[0]), float(problem.constants[1])


def silent(problem: Problem) -> Callable[[], object]:
    """One sample through the net with weights of 0: all that a call costs beside its events."""
    quiet = problem._replace(
        times=problem.times[:1],
        labels=problem.labels[:1],
        hidden=0.0 * problem.hidden,
        output=0.0 * problem.output,
    )
    return prepared(quiet)


def epoch(problem: Problem) -> Callable[[], object]:
    """Training on 5000 samples in batches of 32, with Adam, each time from the same weights."""
    start = weights_of(problem)
    hidden, output = weights_of(problem)
    model = net(constants_of(problem), False, hidden, output)
    times, labels = samples(5000)
    inputs = events(times)
    adam = torch.optim.Adam((hidden, output), lr=RATE, fused=True)

    def run() -> None:
        with torch.no_grad():
            for weight, first in zip((hidden, output), start, strict=True):
                weight.copy_(first)
        for rows in torch.split(torch.randperm(len(labels)), BATCH):
            batch = inputs._replace(times=inputs.times[rows], index=inputs.index[rows])
            adam.zero_grad()
            model.loss(batch, labels[rows]).backward()  # type: ignore[no-untyped-call]
            adam.step()

    return run


def mnist(problem: Problem) -> Callable[[], object]:
    """784-350-10 with 150 input spikes within 20 ms: LIF, then LI with its maximum."""
    draw = torch.Generator().manual_seed(0)
    inputs = spikes(draw, (BATCH, 784, 150), within=20e-3, duration=220e-3)
    hidden = layer(draw, 784, 350, "lif", 0.078, 0.045)
    readout = layer(draw, 350, 10, "li", 0.2, 0.37)
    labels = torch.randint(10, (BATCH,), generator=draw)

    def run() -> object:
        loss = maximum_cross_entropy(readout(hidden(inputs).output).output, labels)
        return torch.autograd.grad(loss, (hidden.weight, readout.weight))

    return run


def recurrent(problem: Problem) -> Callable[[], object]:
    """700-256-20, 300 input spikes in 0.3 s: recurrent LIF (about 1000 spikes), then LI."""
    draw = torch.Generator().manual_seed(0)
    inputs = spikes(draw, (8, 700, 300), within=0.3, duration=0.3)
    hidden = layer(draw, 700, 256, "lif", 0.2, 0.07, recurrent=True)
    feedback = hidden.recurrent_weight
    assert feedback is not None
    with torch.no_grad():
        feedback.normal_(0.0, 0.02, generator=draw)
    readout = layer(draw, 256, 20, "li", 0.0, 0.03)
    labels = torch.randint(20, (8,), generator=draw)

    def run() -> object:
        membrane = readout(hidden(inputs).output).output
        loss = integral_cross_entropy(membrane, labels, tau=0.1)
        return torch.autograd.grad(loss, (hidden.weight, feedback, readout.weight))

    return run


def spikes(
    draw: torch.Generator, size: tuple[int, int, int], *, within: float, duration: float
) -> Events:
    """For each of ``size[0]`` samples one spike of each of ``size[2]`` of ``size[1]`` channels."""
    n_batch, n_in, n_spikes = size
    channels = torch.rand(n_batch, n_in, generator=draw).argsort(1)[:, :n_spikes]
    times = within * torch.rand(n_batch, n_spikes, generator=draw).double()
    return Events.of(times, channels, (n_in,), duration)


def layer(
    draw: torch.Generator,
    n_in: int,
    n_out: int,
    neuron: str,
    mean: float,
    std: float,
    *,
    recurrent: bool = False,
) -> Layer:
    params = snn.neuron(neuron).Params(tau_mem=20e-3, tau_syn=5e-3)
    made = Layer(
        n_in,
        n_out,
        neuron,
        params=params,
        recurrent=recurrent,
        backend=BACKEND,
        dtype=torch.float64,
    )
    with torch.no_grad():
        made.weight.normal_(mean, std, generator=draw)
    return made


VARIANTS = {"eventprop_exact": Variant(("full", "single", "ratio2"), prepared)}
WORKS = {"silent": silent, "epoch": epoch, "mnist": mnist, "recurrent": recurrent}
