"""Decoders of spikes: the first spike of each neuron, with the gradient of its time."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import torch
from snn_core.events import Events
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn_eventprop.kernels.compiling import Ints, compiled


class HasEvents(Protocol):
    """Spikes that carry their exact times beside them, such as ``TimedSpikes``."""

    @property
    def events(self) -> Events:
        """The spikes as times and indices."""


def events_of(spikes: Events | HasEvents) -> Events:
    """The events that are spikes, or that come with them.

    Raises:
        TypeError: these have none: a grid of spikes has no exact times.

    >>> events_of(torch.zeros(5, 1, 3))
    Traceback (most recent call last):
    TypeError: expected Events, or spikes with .events, got Tensor; a backend of the EventProp
    family returns them, and Events.from_grid(z, dt) makes them from a grid, without a gradient
    """
    found = spikes if isinstance(spikes, Events) else getattr(spikes, "events", None)
    if not isinstance(found, Events):
        raise TypeError(
            f"expected Events, or spikes with .events, got {type(spikes).__name__}; a backend of "
            f"the EventProp family returns them, and Events.from_grid(z, dt) makes them from a "
            f"grid, without a gradient"
        )
    return found


def check_on_cpu(**tensors: Tensor) -> None:
    """Raise unless these tensors are on the CPU, where the kernels of this package run.

    Raises:
        ValueError: names the first that is not.
    """
    for name, tensor in tensors.items():
        if tensor.device.type != "cpu":
            raise ValueError(
                f"{name} is on {tensor.device}, but EventProp runs on the CPU; "
                f"move it there with .to('cpu')"
            )


def first_spike(spikes: Events | HasEvents) -> Tensor:
    """The time of the first spike of each neuron, inf for a silent one.

    Its gradient goes to that spike's time; the neuron's later spikes receive none from it, and a
    silent neuron receives none at all.

    Args:
        spikes: ``Events``, or spikes with ``.events``.

    Returns:
        times in seconds, ``(B, *N)``, in the dtype of the events' times.

    Raises:
        TypeError: spikes without exact times.
        ValueError: events that are not well formed, or not on the CPU.

    >>> times = torch.tensor([[0.1, 0.2, 0.3]], requires_grad=True)
    >>> spikes = Events.of(times, torch.tensor([[1, 1, 0]]), (3,), duration=1.0)
    >>> first = first_spike(spikes)
    >>> first.detach()
    tensor([[0.3000, 0.1000,    inf]])
    >>> first[0, 1].backward()
    >>> times.grad
    tensor([[1., 0., 0.]])
    """
    events = events_of(spikes)
    times, index = events.times, events.index
    check_on_cpu(times=times)
    first: Tensor = _FirstSpike.apply(times, index, events)  # type: ignore[no-untyped-call]
    return first if len(events.shape) == 1 else first.reshape(len(times), *events.shape)


class _FirstSpike(torch.autograd.Function):
    """``(times, index) -> (B, N)``: a gather, whose places the kernel finds."""

    @staticmethod
    def forward(ctx: Any, times: Tensor, index: Tensor, events: Events) -> Tensor:
        size = (len(times), math.prod(events.shape))
        place = np.full(size, -1)
        first = np.full(size, math.inf, dtype=times.numpy().dtype)
        whole = times.ndim == 2 and times.shape == index.shape
        if not (whole and _find(times.contiguous().numpy(), index.contiguous().numpy(), place)):
            events.check()  # says what is wrong
        _take(times.contiguous().numpy(), place, first)
        ctx.place, ctx.width = place, times.shape[1]
        return torch.from_numpy(first)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        grad_times = grad.new_zeros(len(grad), ctx.width)
        _give(grad.contiguous().numpy(), ctx.place, grad_times.numpy())
        return grad_times, None, None


@compiled
def _find(times: Any, index: Ints, place: Ints) -> bool:
    """Write where each neuron's first spike is; False if the events are not well formed."""
    n_neurons = place.shape[1]
    for b in range(times.shape[0]):
        before = 0.0
        for k in range(times.shape[1]):
            time = times[b, k]
            if not time >= before:
                return False
            before = time
            if time == np.inf:
                continue
            neuron = index[b, k]
            if neuron < 0 or neuron >= n_neurons:
                return False
            if place[b, neuron] < 0:
                place[b, neuron] = k
    return True


@compiled
def _take(times: Any, place: Ints, first: Any) -> None:
    for b in range(place.shape[0]):
        for n in range(place.shape[1]):
            if place[b, n] >= 0:
                first[b, n] = times[b, place[b, n]]


@compiled
def _give(grad: Any, place: Ints, grad_times: Any) -> None:
    for b in range(place.shape[0]):
        for n in range(place.shape[1]):
            if place[b, n] >= 0:
                grad_times[b, place[b, n]] += grad[b, n]
