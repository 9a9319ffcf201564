"""A known sequence of spikes replayed with automatic differentiation, without any adjoint.

Which neuron fires when is given. Every quantity between is a tensor; the time of a spike is one
Newton step from the given time, whose derivative is that of the implicit equation v(t) = v_th.
Autograd then differentiates the whole history, delays, resets and refractory periods included.
"""

from __future__ import annotations

import heapq
import itertools

import torch
from torch import Tensor

from .nets import PARAMETERS, Net
from .propagators import propagators

SPIKE, ARRIVAL = 0, 1


class Neuron:
    """One neuron at its last event: v and i there, and until when it is held."""

    def __init__(self, constants: dict[str, Tensor], v: Tensor, i: Tensor, ref: Tensor):
        self.c, self.i = constants, i
        self.v = constants["v_reset"] if ref.item() > 0 else v
        self.last, self.held_until = torch.zeros_like(v), ref

    def advance(self, moment: Tensor) -> None:
        """Go on to a moment: held as long as it is, then free."""
        if self.held_until.item() >= self.last.item():
            still_held = self.held_until.item() > moment.item()
            end = moment if still_held else self.held_until
            self.i = self.i * (-(end - self.last) / self.c["tau_syn"]).exp()
            self.last = end
            if still_held:
                return
        h = moment - self.last
        shortest = min(self.c["tau_mem"].item(), self.c["tau_syn"].item())
        a, phi, b = propagators(
            h,
            self.c["tau_mem"],
            self.c["tau_syn"],
            exp=torch.exp,
            longest=abs(h.item()) / shortest,
        )
        self.v = self.c["v_leak"] + a * (self.v - self.c["v_leak"]) + phi * self.i
        self.i, self.last = b * self.i, moment

    def spike(self, moment: float) -> Tensor:
        """The time of the spike near a moment, with its derivatives; then the reset."""
        given = self.v.new_tensor(moment)
        self.advance(given)
        rate = (self.c["v_leak"] - self.v + self.i) / self.c["tau_mem"]
        time = given - (self.v - self.c["v_th"]) / rate.detach()
        self.i = self.i * (-(time - given) / self.c["tau_syn"]).exp()
        self.v, self.last = self.c["v_reset"], time
        self.held_until = time + self.c["refractory_time"]
        return time


def neurons_of(net: Net) -> list[Neuron]:
    n = len(net.weight)

    def each(value) -> Tensor:
        value = 0.0 if value is None else value
        return torch.as_tensor(value, dtype=torch.float64).expand(n)

    constants = {name: each(getattr(net, name)) for name in PARAMETERS}
    v = constants["v_leak"] if net.v is None else net.v[0]
    i = each(None) if net.i is None else net.i[0]
    ref = each(None) if net.ref is None else net.ref[0]
    return [
        Neuron({name: value[k] for name, value in constants.items()}, v[k], i[k], ref[k])
        for k in range(n)
    ]


def replay(net: Net, moments, firing) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Spike times and the end's v, i and ref of a net of one sample, all with their graph.

    Args:
        moments, firing: the known spikes, time and neuron of each, ascending.
    """
    neurons, count, queue, times = neurons_of(net), itertools.count(), [], []

    def post(sent: float, time: Tensor, source: int, weight: Tensor, delay) -> None:
        # in the order of the times as given: a corrected one may be a rounding earlier or later
        delays = torch.as_tensor(0.0 if delay is None else delay, dtype=torch.float64)
        delays = delays.expand(weight.shape)
        for to in range(len(weight)):
            arrival = time + delays[to, source]
            lands = sent + delays[to, source].item()
            if lands < net.duration:
                entry = (lands, ARRIVAL, next(count), (arrival, to, weight[to, source]))
                heapq.heappush(queue, entry)

    for time, source in zip(net.times[0], net.index[0].tolist(), strict=True):
        post(time.item(), time, source, net.weight, net.delay)
    for time, k in zip(moments, firing, strict=True):
        heapq.heappush(queue, (float(time), SPIKE, next(count), int(k)))
    while queue:
        moment, kind, _, what = heapq.heappop(queue)
        if kind == SPIKE:
            times.append(neurons[what].spike(moment))
            if net.recurrent_weight is not None:
                post(moment, times[-1], what, net.recurrent_weight, net.recurrent_delay)
        else:
            arrival, to, jump = what
            neurons[to].advance(arrival)
            neurons[to].i = neurons[to].i + jump
    return (torch.stack(times) if times else torch.empty(0), *state_at_the_end(neurons, net))


def state_at_the_end(neurons: list[Neuron], net: Net) -> tuple[Tensor, Tensor, Tensor]:
    end = torch.tensor(net.duration, dtype=torch.float64)
    for one in neurons:
        one.advance(end)
    left = [(one.held_until - end).clamp(min=0) for one in neurons]
    return (
        torch.stack([one.v for one in neurons]),
        torch.stack([one.i for one in neurons]),
        torch.stack(left),
    )
