"""What is timed, the same for every library: inputs of like firing rates, layers, training steps.

A library's module offers ``VARIANTS``; from one of them ``item`` makes a piece of work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]
Forward = Callable[[Tensor], Tensor]

THREADS = 2
N_IN, N_HIDDEN, N_OUT = 700, 256, 20
INPUT_RATE = 0.03
RATE = 0.08  # of the neurons, reached by scaling the input; it must stay within RATES
RATES = (0.01, 0.30)
DT, TAU_MEM, TAU_SYN = 1e-3, 10e-3, 5e-3
TRIAL_STEPS, TRIAL_BATCH = 100, 8  # what the scaling looks at
CACHES = 1 << 26  # numbers: 256 MB, more than any cache


class Network(nn.Module):
    """700 inputs, 256 spiking neurons, 20 leaky integrators, in the idiom of a library."""

    input_weight: Tensor  # (256, 700)

    def run(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes of the hidden layer and the readout, both over time."""
        raise NotImplementedError


@dataclass(frozen=True)
class Variant:
    """What a library offers under one name.

    Attributes:
        layers: neuron to a maker of ``x -> spikes``, both ``(T, B, N)``.
        networks: "feed-forward" or "recurrent" to a maker of a network.
        moves: "moving" to a maker, from a shape, of a function without argument.
        plain: layers that give the same spikes, for the scaling, where the others take long.
        shapes: those it is tried at; None for all.
    """

    layers: Mapping[str, Callable[[], Forward]] = field(default_factory=dict)
    networks: Mapping[str, Callable[[], Network]] = field(default_factory=dict)
    moves: Mapping[str, Callable[[Shape], Callable[[], object]]] = field(default_factory=dict)
    plain: Mapping[str, Callable[[], Forward]] = field(default_factory=dict)
    shapes: tuple[Shape, ...] | None = None

    def works(self) -> list[str]:
        return [*self.layers, *self.networks, *self.moves]


@dataclass(frozen=True)
class Item:
    """A piece of work: ``run`` does it once; ``rate`` gives the firing rate of its last run."""

    run: Callable[[], object]
    rate: Callable[[], float | None]


def item(variant: Variant, work: str, shape: Shape) -> Item:
    if work in variant.layers:
        return layer_item(variant.layers[work](), variant.plain.get(work), shape)
    if work in variant.networks:
        return step_item(variant.networks[work](), shape)
    return Item(variant.moves[work](shape), lambda: None)


def layer_item(forward: Forward, plain: Callable[[], Forward] | None, shape: Shape) -> Item:
    """A layer forward, and backward from a dense gradient of its spikes to its input.

    The gradient is given rather than made by a loss: ``(z * w).sum()`` has the gradient w too, but
    its own passes over memory would be timed with the layer.
    """
    draw = torch.Generator().manual_seed(0)
    x, w = torch.rand(shape, generator=draw), torch.randn(shape, generator=draw)
    tried, trial = plain() if plain else forward, x[:, :TRIAL_BATCH]
    x = (x * fitting_scale(lambda scale: tried(scale * trial))).requires_grad_()
    last: list[float] = []

    def run() -> object:
        return torch.autograd.grad(forward(x), x, w)

    def rate() -> float:
        if not last:  # with a gradient to come, so that a compiled loop is compiled once
            spikes = forward(x)
            last.append(rate_of(spikes))
            torch.autograd.grad(spikes, x, w)
        return last[0]

    return Item(run, rate)


def step_item(network: Network, shape: Shape) -> Item:
    """A training step: cross entropy on the maximum over time of the readout, then Adam."""
    fit(network)
    x, labels = batch(shape)
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)

    def run() -> None:
        loss = nn.functional.cross_entropy(network.run(x)[1].max(0).values, labels)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()

    @torch.no_grad()
    def rate() -> float:
        return rate_of(network.run(x[:TRIAL_STEPS])[0])

    return Item(run, rate)


def batch(shape: Shape) -> tuple[Tensor, Tensor]:
    """Dense zeros and ones ``(T, B, 700)``, drawn in place so that no copy adds to the memory."""
    n_steps, n_batch, n_in = shape
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(N_OUT, (n_batch,), generator=draw)
    return torch.empty(n_steps, n_batch, n_in).bernoulli_(INPUT_RATE, generator=draw), labels


@torch.no_grad()
def fit(network: Network) -> None:
    """Scale the input weights to a hidden rate of RATE."""
    weight, trial = network.input_weight.clone(), batch((TRIAL_STEPS, TRIAL_BATCH, N_IN))[0]

    def spikes(scale: float) -> Tensor:
        network.input_weight.copy_(scale * weight)
        return network.run(trial)[0]

    spikes(fitting_scale(spikes))


@torch.no_grad()
def fitting_scale(spikes: Callable[[float], Tensor]) -> float:
    """The scale of the input that makes about RATE of the outputs spikes."""
    low = high = 1.0
    while rate_of(spikes(high)) < RATE and high < 1e6:
        low, high = high, 2 * high
    while rate_of(spikes(low)) > RATE and low > 1e-6:
        low, high = low / 2, low
    for _ in range(6):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if rate_of(spikes(middle)) < RATE else (low, middle)
    return high


def evictor() -> Callable[[], object]:
    """What empties the caches of everything else: it writes to more than they hold."""
    filler = torch.zeros(CACHES)
    return lambda: filler.add_(1.0)


def rate_of(spikes: Tensor) -> float:
    return spikes.detach().count_nonzero().item() / spikes.numel()


def seconds_of(
    run: Callable[[], object], at_least: float, between: Callable[[], object]
) -> list[float]:
    """Seconds of one run each, after one untimed that brings caches back; one run or more.

    ``between`` is done before each and not timed.
    """
    run()
    times: list[float] = []
    while not times or sum(times) < at_least:
        between()
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times
