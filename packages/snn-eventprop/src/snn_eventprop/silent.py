"""Help for silent neurons, whose gradient is exactly zero: a penalty on the peak, and weight lift.

A neuron without spikes is not moved by any loss of spike times. The penalty has a gradient all the
same, and an exact one; the lift is a rule beside the gradient, applied to the weights by hand.
"""

from __future__ import annotations

import math

import torch
from snn_core.events import Events
from snn_core.types import Value
from torch import Tensor

from snn_eventprop.counts import spike_count
from snn_eventprop.decode import HasEvents
from snn_eventprop.membrane import Membrane


def is_silent(spikes: Events | HasEvents) -> Tensor:
    """Which neurons emit no spike in a sample: ``(B, *N)``, bool.

    ``is_silent(spikes).all(0)`` are those that are silent in the whole batch.

    >>> spikes = Events.of(torch.tensor([[0.1], [torch.inf]]), torch.tensor([[1], [-1]]), (2,), 1.0)
    >>> is_silent(spikes)
    tensor([[ True, False],
            [ True,  True]])
    """
    return spike_count(spikes) == 0


def peak_margin(membrane: Membrane, spikes: Events | HasEvents | Tensor, v_th: Value) -> Tensor:
    """A penalty for silent neurons: how far the peak of the membrane stays below threshold.

        P = sum over silent neurons of relu(v_th - V*)^2        averaged over the batch

    V* is the largest value of the membrane. A silent neuron is never reset, so its membrane is the
    free one and the gradient is exact, up to the first spike that appears: weights, input times,
    parameters and the threshold itself receive it.

    Args:
        membrane: as ``free_membrane`` gives for the layer's own arguments.
        spikes: what the layer emitted; or a bool mask ``(B, N)`` or ``(N,)`` of the neurons to be
            penalised, such as ``is_silent(spikes).all(0)`` for those that never fire.
        v_th: threshold, a number or a tensor that broadcasts to ``(N,)``.

    Returns:
        0-d, V squared.

    Raises:
        TypeError, ValueError: spikes of another layer or batch; see the message.

    Source: the envelope theorem (``Membrane.maximum``); the idea of a term in the loss that reaches
    silent neurons, Mostafa, IEEE TNNLS 29(7), 2018, there on the sum of the weights.

    >>> from snn_neurons.lif import Params
    >>> from snn_eventprop.free import free_membrane
    >>> weight = torch.tensor([[2.0]], dtype=torch.float64, requires_grad=True)
    >>> events = Events.of(torch.tensor([[0.0]]).double(), torch.tensor([[0]]), (1,), 1.0)
    >>> free = free_membrane(events, weight, Params(10e-3, 10e-3))
    >>> penalty = peak_margin(free, torch.tensor([True]), v_th=1.0)
    >>> penalty.backward()
    >>> round(penalty.item(), 6), round(weight.grad.item(), 6)  # d/dw (1 - w/e)^2
    (0.069823, -0.194418)
    """
    n_batch, n_out = len(membrane.events.times), len(membrane.weight)
    silent = _silent(spikes)
    if silent.shape not in ((n_batch, n_out), (n_out,)):
        raise ValueError(
            f"the membrane is that of {n_batch} samples of {n_out} neurons, the spikes are for "
            f"{tuple(silent.shape)}; give the spikes of the same layer and batch"
        )
    if n_batch == 0:
        raise ValueError("the mean over a batch needs at least one sample, got none")
    missing = (v_th - membrane.maximum()).relu().square()
    return missing.masked_fill(~silent, 0.0).sum() / n_batch


@torch.no_grad()
def lift_silent_(
    weight: Tensor,
    spikes: Events | HasEvents | Tensor,
    amount: float,
    *,
    more_than: float = 0.0,
) -> Tensor:
    """Raise, in place, the incoming weights of the neurons that are silent in the whole batch.

    Call it after ``backward``: before, autograd refuses weights that have changed.

    Args:
        weight: ``(N_out, N_in)``, changed in place; no gradient flows through the change.
        spikes: what the layer emitted; or a bool mask ``(B, N_out)`` or ``(N_out,)`` of silent
            neurons, such as one gathered over an epoch with ``silent &= is_silent(spikes).all(0)``.
        amount: added to every weight of such a neuron.
        more_than: nothing happens unless more than this fraction of the layer is silent.

    Returns:
        which neurons were lifted, ``(N_out,)``, bool.

    Raises:
        TypeError, ValueError: spikes of another layer, amount not above 0, more_than not in
            ``[0, 1)``.

    Source: Göltz et al., Nature Machine Intelligence 3, 2021, methods (weights are raised while
    more than a given fraction, there 0.3, of a layer is silent); ml_genn and Nowotny, Turner and
    Knight, Neuromorphic Computing and Engineering 5, 2025 (2e-3 once an epoch).

    >>> weight = torch.zeros(2, 3)
    >>> spikes = Events.of(torch.tensor([[0.1]]), torch.tensor([[1]]), (2,), 1.0)
    >>> lift_silent_(weight, spikes, 0.5)
    tensor([ True, False])
    >>> weight
    tensor([[0.5000, 0.5000, 0.5000],
            [0.0000, 0.0000, 0.0000]])
    """
    if not 0.0 < amount < math.inf:
        raise ValueError(f"amount must be above 0, got {amount}; ml_genn takes 2e-3")
    if not 0.0 <= more_than < 1.0:
        raise ValueError(f"more_than must be a fraction in [0, 1), got {more_than}")
    silent = _silent(spikes)
    if weight.ndim != 2 or silent.ndim > 2 or silent.shape[-1:] != weight.shape[:1]:
        raise ValueError(
            f"weight must be (N_out, N_in) for spikes of N_out neurons, got weight "
            f"{tuple(weight.shape)} and spikes for {tuple(silent.shape)}"
        )
    if silent.ndim == 2:
        silent = silent.all(0)
    if int(silent.sum()) <= more_than * len(silent):
        return torch.zeros_like(silent)
    weight[silent] += amount
    return silent


def _silent(spikes: Events | HasEvents | Tensor) -> Tensor:
    if isinstance(spikes, Tensor) and spikes.dtype == torch.bool:
        return spikes
    return is_silent(spikes)  # type: ignore[arg-type]  # anything else is refused there
