"""Membrane: the output of a leaky integrator on events, read in closed form.

Between arrivals a_j = t_j + d_j of weight w_j the membrane of ``li`` (``snn_neurons.li``) is

    V(t) = E + (V0 - E) e^{-t/tau_mem} + I0 phi(t) + sum_j w_j phi(t - a_j)

with phi = ``stable.response`` / tau_mem, which is 0 before 0. So its readouts need no grid.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from snn_core.events import Events
from snn_core.types import Value
from snn_neurons.li import Params
from snn_neurons.lif import State
from torch import Tensor
from torch.nn.functional import embedding

from snn_eventprop.engine.sampling import peaks, voltage_at
from snn_eventprop.stable import moment, response_integral


class Membrane(NamedTuple):
    """The membrane of a layer of leaky integrators over a whole recording, as a function.

    It holds what determines the membrane, not its values: each method computes a readout in float64
    and returns it in the dtype of the weight. Everything that is a tensor receives its exact
    gradient: weight, event times, delay, parameters, state.

    Args:
        events: the input, of shape ``(N_in,)``; its duration is that of the membrane.
        weight: ``(N_out, N_in)``.
        delay: seconds, a number or a tensor that broadcasts to the weight's shape; None for none.
        params: of ``li``, each a number or a tensor that broadcasts to ``(N_out,)``.
        state: membrane and current at the start, each ``(B, N_out)``.

    >>> events = Events.of(torch.tensor([[0.0]]).double(), torch.tensor([[0]]), (1,), 1.0)
    >>> zero = torch.zeros(1, 1).double()
    >>> membrane = Membrane(events, zero + 2.0, None, Params(), State(zero, zero))
    >>> round(membrane.integral().item(), 6)  # weight * tau_syn
    0.01
    """

    events: Events
    weight: Tensor
    delay: Value | None
    params: Params
    state: State

    @property
    def duration(self) -> float:
        """Length of the recording in seconds."""
        return self.events.duration

    def at(self, times: Tensor) -> Tensor:
        """The membrane at given times.

        An arrival at exactly such a time has no effect there yet, so the derivative with respect
        to the time is that from the left.

        Args:
            times: seconds, within ``[0, duration]``, in any order, differentiable: ``(S,)`` for
                all samples, ``(B, S)`` for each, or ``(B, N_out, S)`` for each neuron of each.

        Returns:
            ``(B, N_out, S)``.

        Raises:
            TypeError, ValueError: dtype, shape or range of the times.

        >>> events = Events.of(torch.tensor([[0.0]]).double(), torch.tensor([[0]]), (1,), 1.0)
        >>> zero = torch.zeros(1, 1).double()
        >>> membrane = Membrane(events, zero + 2.0, None, Params(10e-3, 10e-3), State(zero, zero))
        >>> round(membrane.at(torch.tensor([10e-3])).item(), 6)  # weight / e
        0.735759
        """
        times = self._checked(times).double()
        ordered, order = times.sort(dim=-1, stable=True)
        values = voltage_at(*self, ordered)
        order = order.argsort(dim=-1).expand_as(values)
        return values.gather(-1, order).to(self.weight.dtype)

    def integral(self, tau: Value = math.inf) -> Tensor:
        """The integral of the membrane over the recording, weighted exponentially if asked for.

            integral from 0 to the duration of e^{-t/tau} V(t) dt

        Args:
            tau: time constant of the weight in seconds, a number or a 0-d tensor; inf weighs all
                times alike.

        Returns:
            ``(B, N_out)``, in V s.

        Raises:
            ValueError: tau is not above 0.

        Cost: O(B K) and a product with the weight; O(B K N_out) if a time constant differs between
        neurons, or a delay between the synapses of one input. Equal and nearly equal time
        constants are as precise as others, see ``stable``.

        Source: the weight after Nowotny, Turner and Knight, Neuromorphic Computing and Engineering
        5, 2025 ("Loss shaping enhances exact gradient learning with EventProp").
        """
        rate = 1.0 / _number("tau", tau)
        tau_mem, tau_syn, leak = (_double(value) for value in self.params)
        v, i = self.state.v.double(), self.state.i.double()
        rate_mem, rate_syn = 1.0 / tau_mem + rate, 1.0 / tau_syn + rate
        length = _double(self.duration)
        rest = leak * length * moment(length * rate)
        start = (v - leak) * length * moment(length * rate_mem)
        current = i * response_integral(length, rate_mem, rate_syn) / tau_mem
        driven = self._driven(rate, rate_mem, rate_syn) / tau_mem
        return (rest + start + current + driven).to(self.weight.dtype)

    def maximum(self) -> Tensor:
        """The largest value of the membrane within ``[0, duration]``.

        Its gradient is that of the voltage at the time of the maximum. Where that time is the
        arrival of an inhibitory input (a kink: the membrane rises before and falls after it), the
        time moves with the arrival, and so does the value.

        Returns:
            ``(B, N_out)``.

        Source: envelope theorem; for a loss on the maximum, Wunderlich and Pehle, Scientific
        Reports 11, 2021 (eq. 9, latency MNIST), where the kink's term is left out.

        >>> events = Events.of(torch.tensor([[0.0]]).double(), torch.tensor([[0]]), (1,), 1.0)
        >>> zero = torch.zeros(1, 1).double()
        >>> membrane = Membrane(events, zero + 2.0, None, Params(10e-3, 10e-3), State(zero, zero))
        >>> round(membrane.maximum().item(), 6)  # weight / e
        0.735759
        """
        time, arrival = peaks(*self)
        at_arrival = arrival >= 0
        if bool(at_arrival.any()):
            time = torch.where(at_arrival, self._arrival_times(arrival), time)
        return voltage_at(*self, time.unsqueeze(-1)).squeeze(-1).to(self.weight.dtype)

    def _checked(self, times: Tensor) -> Tensor:
        """The times as ``(B, 1 or N_out, S)``."""
        if not isinstance(times, Tensor) or not times.is_floating_point():
            given = times.dtype if isinstance(times, Tensor) else type(times).__name__
            raise TypeError(f"times must be a floating point Tensor, in seconds, got {given}")
        n_batch, n_out = len(self.events.times), len(self.weight)
        front = {1: (), 2: (n_batch,), 3: (n_batch, n_out)}.get(times.ndim)
        if front is None or times.shape[:-1] != front:
            raise ValueError(
                f"times must be (S,), ({n_batch}, S) or ({n_batch}, {n_out}, S), got "
                f"{tuple(times.shape)}"
            )
        outside = ~((times >= 0) & (times <= self.duration))
        if bool(outside.any()):
            raise ValueError(
                f"the membrane is known from 0 to {self.duration} s, not at "
                f"{times[outside][0].item()} s; ask within it or give the events a longer duration"
            )
        if times.ndim == 3:
            return times
        return times.expand(n_batch, -1).unsqueeze(1)

    def _arrival_times(self, event: Tensor) -> Tensor:
        """When event ``(B, N_out)`` reaches each neuron; anything where event is -1."""
        event = event.clamp(min=0)
        times = self.events.times.double().gather(1, event)
        if self.delay is None:
            return times
        channel = self.events.index.gather(1, event).clamp(min=0)
        delays = _double(self.delay).expand(self.weight.shape)
        return times + delays.gather(1, channel.T).T

    def _arrivals(self, index: Tensor) -> Tensor:
        """When each event arrives: ``(B, K)``, or ``(B, K, N_out)`` if neurons differ; padding at
        the end or later."""
        times = self.events.times.double()
        times = times.masked_fill(times.isinf(), self.duration)
        if self.delay is None:
            return times
        delay = _double(self.delay)
        n_out, n_in = self.weight.shape
        if delay.ndim < 2 or len(delay) == 1:
            return times + delay.expand(1, n_in)[0][index]
        return times.unsqueeze(-1) + embedding(index, delay.expand(n_out, n_in).T)

    def _driven(self, rate: Tensor, rate_mem: Tensor, rate_syn: Tensor) -> Tensor:
        """What the arrivals add to the integral, times ``tau_mem``: ``(B, N_out)``."""
        weight = self.weight.double()
        index = self.events.index.clamp(min=0)  # padding has no effect, whatever its row
        arrivals = self._arrivals(index)
        if arrivals.ndim == 2 and rate_mem.numel() == 1 and rate_syn.numel() == 1:
            effects = self._effects(arrivals, rate, rate_mem, rate_syn)
            of_inputs = effects.new_zeros(len(effects), weight.shape[1])
            return of_inputs.scatter_add(1, index, effects) @ weight.T
        if arrivals.ndim == 2:
            arrivals = arrivals.unsqueeze(-1)
        effects = self._effects(arrivals, rate, rate_mem, rate_syn)
        return (effects * embedding(index, weight.T)).sum(1)

    def _effects(
        self, arrivals: Tensor, rate: Tensor, rate_mem: Tensor, rate_syn: Tensor
    ) -> Tensor:
        """The weighted integral of the response to each arrival; 0 at the end and later."""
        left = (self.duration - arrivals).relu()
        return torch.exp(-arrivals * rate) * response_integral(left, rate_mem, rate_syn)


def _double(value: Value) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64)


def _number(name: str, value: Value) -> Tensor:
    number = _double(value)
    if number.ndim != 0 or not bool(number > 0):
        raise ValueError(f"{name} must be a number of seconds above 0, got {value}")
    return number
