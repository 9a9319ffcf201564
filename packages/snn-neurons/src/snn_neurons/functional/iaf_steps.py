"""iaf_step and iaf_feed_forward_step: norse's functions over the neuron of ``snn_neurons.iaf``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from snn_core import lookup
from snn_core.types import Value
from torch import Tensor

from snn_neurons import iaf
from snn_neurons.functional.projections import linear

_STEPS: dict[str, Callable[..., tuple[Tensor, iaf.State]]] = {
    "fire_first": iaf.fire_first_step,
    "integrate_first": iaf.integrate_first_step,
}


class IAFParameters(NamedTuple):
    """norse's parameters; ``method`` names a threshold. The default tensors are shared."""

    v_th: Tensor = torch.tensor(1.0)
    v_reset: Tensor = torch.tensor(0.0)
    method: str = "super"
    alpha: Tensor = torch.tensor(100.0)


class IAFState(NamedTuple):
    """State of a recurrent layer: spikes of the last step and membrane, ``(B, N)``."""

    z: Tensor
    v: Tensor


class IAFFeedForwardState(NamedTuple):
    """State of a feed-forward layer: membrane, ``(B, *N)``."""

    v: Tensor


def iaf_step(
    input_tensor: Tensor,
    state: IAFState,
    input_weights: Tensor,
    recurrent_weights: Tensor,
    p: IAFParameters = IAFParameters(),  # noqa: B008  (immutable, and the reference's signature)
    dt: float = 0.001,
    *,
    order: str = "fire_first",
) -> tuple[Tensor, IAFState]:
    """One step of a recurrent layer of integrate-and-fire neurons.

    Its input is ``linear(input_tensor, input_weights) + linear(state.z, recurrent_weights)``; the
    step is that of ``snn_neurons.iaf``. The gradient goes through the reset.

    The name ``p.method`` is looked up in every call, as the reference's parameters want it, so
    ``torch.compile(fullgraph=True)`` refuses this function. Compile ``snn_neurons.IAF.step``, with
    the threshold looked up before, or run ``snn_core.integrate``.

    Args:
        input_tensor: spikes ``(B, N_in)``.
        state: z and v, ``(B, N)``.
        input_weights: ``(N, N_in)``.
        recurrent_weights: ``(N, N)``.
        p: thresholds in volts; see IAFParameters.
        dt: not used, the neuron has no time constant.
        order: ``"fire_first"`` (norse up to 0.0.7) or ``"integrate_first"`` (norse from 1.0.0).

    Returns:
        Spikes ``(B, N)`` and the next state.

    Raises:
        ValueError: an unknown order, shapes that do not fit, parameters included.
        UnknownName: no threshold of the name ``p.method``.

    >>> state = IAFState(z=torch.zeros(1, 2), v=torch.full((1, 2), 1.5))
    >>> z, state = iaf_step(torch.ones(1, 1), state, torch.ones(2, 1), torch.zeros(2, 2))
    >>> z, state.v
    (tensor([[1., 1.]]), tensor([[1., 1.]]))
    """
    x = linear(input_tensor, input_weights) + linear(state.z, recurrent_weights)
    z, v = _step(x, state.v, p, dt, order)
    return z, IAFState(z, v)


def iaf_feed_forward_step(
    input_tensor: Tensor,
    state: IAFFeedForwardState,
    p: IAFParameters = IAFParameters(),  # noqa: B008  (immutable, and the reference's signature)
    dt: float = 0.001,
    *,
    order: str = "fire_first",
) -> tuple[Tensor, IAFFeedForwardState]:
    """One step of integrate-and-fire neurons; as ``iaf_step``, without weights.

    Args:
        input_tensor: input ``(B, *N)``.
        state: v, ``(B, *N)``.
        p, dt, order: as for ``iaf_step``.

    Returns:
        Spikes ``(B, *N)`` and the next state.

    Raises:
        ValueError: an unknown order, shapes that differ, parameters that do not broadcast.
        UnknownName: no threshold of the name ``p.method``.

    >>> state = IAFFeedForwardState(torch.zeros(1, 1))
    >>> spikes = []
    >>> for _ in range(6):
    ...     z, state = iaf_feed_forward_step(torch.full((1, 1), 0.6), state)
    ...     spikes.append(z.item())
    >>> spikes
    [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    """
    z, v = _step(input_tensor, state.v, p, dt, order)
    return z, IAFFeedForwardState(v)


def _step(x: Tensor, v: Tensor, p: IAFParameters, dt: float, order: Any) -> tuple[Tensor, Tensor]:
    if order not in _STEPS:
        raise ValueError(f"order must be 'fire_first' or 'integrate_first', got {order!r}")
    if x.shape != v.shape:
        raise ValueError(
            f"the input of the neurons has shape {tuple(x.shape)}, state.v {tuple(v.shape)}; they "
            f"must be equal: start a new batch with a new state"
        )
    for name, value in (("v_th", p.v_th), ("v_reset", p.v_reset)):
        _check_broadcasts(name, value, v)
    params = iaf.Params(v_th=p.v_th, v_reset=p.v_reset)
    spike = lookup.threshold(p.method, alpha=p.alpha)
    z, after = _STEPS[order](x, iaf.State(v), params, spike, dt)
    return z, after.v


def _check_broadcasts(name: str, value: Value, v: Tensor) -> None:
    """Raise unless a parameter broadcasts to the membrane without changing its shape."""
    given = tuple(value.shape) if isinstance(value, Tensor) else ()
    pairs = zip(reversed(given), reversed(v.shape), strict=False)
    if len(given) > v.ndim or any(one not in (1, own) for one, own in pairs):
        raise ValueError(
            f"p.{name} of shape {given} does not broadcast to state.v {tuple(v.shape)}; pass a "
            f"number, or a tensor of shape {tuple(v.shape[1:])}"
        )
