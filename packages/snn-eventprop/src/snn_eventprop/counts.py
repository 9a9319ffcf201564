"""Spike counts, whose exact gradient is zero, and the surrogates that are used in its stead.

A count n changes only where a spike appears or vanishes, so dn/dw = 0 almost everywhere. Whatever
trains on counts therefore puts something in place of the derivative. Two such rules are in use,
and neither is the gradient of anything:

- by time (bats): each spike of the neuron carries ``dn/dt_k := -1/tau``, as if moving it earlier
  by tau made room for one more.
- by voltage (ml_genn): each spike carries ``dn/dV(t_k-) := 1/volt``, as if a membrane higher by
  ``volt`` gave one more. As V = v_th at the spike, in time it is ``dn/dt_k := -Vdot_k / volt``,
  Vdot_k the slope of the membrane just before the spike.

Source: Bacho and Chu, "Exploring trade-offs in spiking neural networks", Neural Computation 35,
2023 (spike count loss); Nowotny, Turner and Knight, Neuromorphic Computing and Engineering 5, 2025
(regularisation of hidden spike counts).
"""

from __future__ import annotations

import math

import torch
from snn_core.events import Events
from snn_core.types import Value
from torch import Tensor

from snn_eventprop.decode import HasEvents, events_of
from snn_eventprop.membrane import Membrane


def spike_count(spikes: Events | HasEvents) -> Tensor:
    """The number of spikes of each neuron, without a gradient: the exact one is zero.

    Args:
        spikes: ``Events``, or spikes with ``.events``.

    Returns:
        ``(B, *N)``, in the dtype of the times.

    Raises:
        TypeError, ValueError: spikes without exact times, events that are not well formed.

    >>> times = torch.tensor([[0.1, 0.2, 0.3]], requires_grad=True)
    >>> spike_count(Events.of(times, torch.tensor([[1, 1, 0]]), (3,), duration=1.0))
    tensor([[1., 2., 0.]])
    """
    events = events_of(spikes).detach().check()
    return _summed(events.times.isfinite().to(events.times.dtype), events)


def count_surrogate_by_time(spikes: Events | HasEvents, *, tau: float) -> Tensor:
    """The number of spikes, each with the surrogate derivative ``dn/dt_k := -1/tau``.

    So a squared error (n - n*)^2/2 acts on every spike of the neuron as a time error of
    -(n - n*)/tau: too few spikes, and all of them are pulled forward. A silent neuron is not moved.

    Args:
        spikes: ``Events``, or spikes with ``.events``.
        tau: seconds; a synaptic time constant is a fair unit.

    Returns:
        ``(B, *N)``: the exact number forward.

    Raises:
        TypeError, ValueError: spikes without exact times, tau not above 0.

    Source: Bacho and Chu 2023, see the module.

    >>> times = torch.tensor([[0.1, 0.2, 0.3]], requires_grad=True)
    >>> spikes = Events.of(times, torch.tensor([[1, 1, 0]]), (3,), duration=1.0)
    >>> count_surrogate_by_time(spikes, tau=0.5)[0, 1].backward()
    >>> times.grad
    tensor([[-2., -2., 0.]])
    """
    if not 0.0 < tau < math.inf:
        raise ValueError(f"tau must be above 0 seconds, got {tau}; pass for instance tau_syn")
    events = events_of(spikes).check()
    rate = torch.full_like(events.times, 1.0 / tau, requires_grad=False)
    return _surrogate(events, rate)


def count_surrogate_by_voltage(
    spikes: Events | HasEvents, slopes: Tensor, *, volt: float
) -> Tensor:
    """The number of spikes, each with the surrogate derivative ``dn/dV(t_k-) := 1/volt``.

    In time ``dn/dt_k := -slopes_k / volt``. The costate of the membrane thus gains dL/dn / volt at
    every spike of the neuron. A silent neuron is not moved.

    Args:
        spikes: ``Events``, or spikes with ``.events``.
        slopes: ``(B, K)``, dV/dt just before each spike, V/s, as of ``upward_slopes``; taken as
            constants. What stands where events are padding does not matter.
        volt: the rise of the membrane that counts as one spike more; v_th is a fair unit.

    Returns:
        ``(B, *N)``: the exact number forward.

    Raises:
        TypeError, ValueError: spikes without exact times, slopes that do not fit them or are not
            finite, volt not above 0.

    Source: Nowotny, Turner and Knight 2025, see the module.

    >>> times = torch.tensor([[0.1, 0.2]], requires_grad=True)
    >>> spikes = Events.of(times, torch.tensor([[1, 0]]), (2,), duration=1.0)
    >>> count_surrogate_by_voltage(spikes, torch.tensor([[3.0, 5.0]]), volt=0.5).sum().backward()
    >>> times.grad
    tensor([[ -6., -10.]])
    """
    if not 0.0 < volt < math.inf:
        raise ValueError(f"volt must be above 0, got {volt}; pass for instance v_th")
    events = events_of(spikes).check()
    if slopes.shape != events.times.shape:
        raise ValueError(
            f"slopes must be {tuple(events.times.shape)}, one for each event, got "
            f"{tuple(slopes.shape)}"
        )
    rate = slopes.detach().masked_fill(events.times.isinf(), 0.0) / volt
    if not bool(rate.isfinite().all()):
        raise ValueError("slopes hold NaN or inf at a spike; take them from upward_slopes")
    return _surrogate(events, rate.to(events.times.dtype))


@torch.no_grad()
def upward_slopes(membrane: Membrane, spikes: Events | HasEvents, v_th: Value) -> Tensor:
    """dV/dt of the membrane just before each spike: ``(v_leak - v_th + I(t_k)) / tau_mem``.

    Args:
        membrane: of the layer, as ``free_membrane`` gives: its current is that of the layer.
        spikes: what the layer emitted, K spikes at most in a sample.
        v_th: threshold, a number or a tensor that broadcasts to ``(N,)``.

    Returns:
        ``(B, K)``, V/s, without a gradient; 0 where events are padding.

    Cost: O(B K K_in) in time and memory.

    >>> from snn_neurons.li import Params
    >>> from snn_neurons.lif import State
    >>> zero, one = torch.zeros(1, 1).double(), torch.ones(1, 1).double()
    >>> silence = Events(zero, zero.long(), (1,), 1.0)
    >>> membrane = Membrane(silence, 0 * one, None, Params(0.5, 0.25), State(zero, 4 * one))
    >>> spike = Events.of(torch.tensor([[0.25]]).double(), torch.tensor([[0]]), (1,), 1.0)
    >>> round(upward_slopes(membrane, spike, v_th=1.0).item(), 6)  # (4/e - 1) / 0.5
    0.943036
    """
    events, index = events_of(spikes).check(), membrane.events.index.clamp(min=0)
    n_out, n_in = membrane.weight.shape
    tau_mem, tau_syn, leak, threshold = (
        torch.as_tensor(value, dtype=torch.float64).expand(n_out)
        for value in (*membrane.params, v_th)
    )
    neuron = events.index.clamp(min=0)
    time = events.times.double().masked_fill(events.times.isinf(), 0.0)
    arrivals = membrane.events.times.double().unsqueeze(1)
    pairs = (neuron.unsqueeze(2), index.unsqueeze(1))
    if membrane.delay is not None:
        delay = torch.as_tensor(membrane.delay, dtype=torch.float64).expand(n_out, n_in)
        arrivals = arrivals + delay[pairs]
    since = time.unsqueeze(2) - arrivals
    left = torch.exp(-since.relu() / tau_syn[neuron].unsqueeze(2)) * (since > 0)
    current = membrane.state.i.double().gather(1, neuron) * torch.exp(-time / tau_syn[neuron])
    current = current + (left * membrane.weight.double()[pairs]).sum(2)
    slopes = (leak[neuron] - threshold[neuron] + current) / tau_mem[neuron]
    return slopes.masked_fill(events.times.isinf(), 0.0)


def _surrogate(events: Events, rate: Tensor) -> Tensor:
    """Exactly 1 for each spike, with the derivative ``-rate`` with respect to its time."""
    times = events.times.masked_fill(events.times.isinf(), 0.0)
    one = events.times.detach().isfinite().to(times.dtype)
    return _summed(one - rate * (times - times.detach()), events)


def _summed(of_spikes: Tensor, events: Events) -> Tensor:
    """The sum of a value of each spike over those of a neuron: ``(B, *N)``."""
    size = (len(of_spikes), math.prod(events.shape))
    total = of_spikes.new_zeros(size)
    total = total.scatter_add(1, events.index.clamp(min=0), of_spikes)  # padding adds 0
    return total.reshape(len(of_spikes), *events.shape)
