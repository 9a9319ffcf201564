"""Checks of measurements: traces on the layer's grid, or recorded spikes as Events without one."""

from __future__ import annotations

import math

from torch import Tensor

from snn_core.checking.tensors import check_same
from snn_core.events import Events
from snn_core.types import Neuron, Observed


def check_observed(
    neuron: Neuron,
    observed: Observed | None,
    x: Tensor | Events,
    dt: float | None,
    shape: tuple[int, ...],
    like: Tensor,
) -> None:
    """observed holds what the neuron's step takes: traces ``(T, B, *N)``, or spikes as Events.

    ``shape`` is the layer's ``(B, *N)``.
    """
    if observed is None:
        return
    if not isinstance(observed, Observed):
        raise TypeError(
            f"observed must be snn.Observed(v=..., w=..., z=...), got {type(observed).__name__}"
        )
    for field, trace in observed._asdict().items():
        if trace is None:
            continue
        if field not in neuron.observes:
            known = ", ".join(neuron.observes) or "nothing at all"
            raise ValueError(
                f"neuron {neuron.name!r} takes no measured {field!r}; it takes {known}"
            )
        if field == "z" and isinstance(trace, Events):
            _check_spikes(trace, x, dt, shape, like)
        else:
            _check_trace(field, trace, _known_steps(x, dt), shape, like)


def _known_steps(x: Tensor | Events, dt: float | None) -> int | None:
    """T; None for events that come onto no grid."""
    if isinstance(x, Events):
        return None if dt is None else x.steps(dt)
    return len(x)


def _check_trace(
    field: str, trace: object, n_steps: int | None, shape: tuple[int, ...], like: Tensor
) -> None:
    if not isinstance(trace, Tensor):
        or_events = " or Events" if field == "z" else ""
        raise TypeError(f"observed.{field} must be a Tensor{or_events}, got {type(trace).__name__}")
    expected = (len(trace) if n_steps is None else n_steps, *shape)
    if tuple(trace.shape) != expected:
        raise ValueError(
            f"expected observed.{field} of shape {expected} like the layer's output, "
            f"got {tuple(trace.shape)}; cut x or the trace to the same number of steps"
        )
    check_same(f"observed.{field}", trace, like)


def _check_spikes(
    z: Events, x: Tensor | Events, dt: float | None, shape: tuple[int, ...], like: Tensor
) -> None:
    if dt is not None:
        raise ValueError(
            f"observed.z is Events, and a layer with dt = {dt} s takes a grid; "
            f"pass observed.z.to_grid({dt}, dtype={like.dtype})"
        )
    _check_well_formed(z)
    given = (len(z.times), *z.shape)
    if given != shape:
        raise ValueError(
            f"expected observed.z of {shape[0]} samples of a layer of shape {shape[1:]}, got "
            f"{given[0]} of shape {given[1:]}; record the layer that runs, on the same input"
        )
    check_same("observed.z.times", z.times, like, dtype=False)
    if isinstance(x, Events):
        _check_duration(z, x)


def _check_duration(z: Events, x: Events) -> None:
    """Spikes that nobody recorded would pass for silence, and later ones could have no place."""
    if not math.isclose(z.duration, x.duration, rel_tol=1e-9):
        raise ValueError(
            f"observed.z lasts {z.duration} s and x {x.duration} s; record as long as the input "
            f"lasts, or give both the same duration"
        )
    _check_well_formed(z._replace(duration=x.duration))


def _check_well_formed(z: Events) -> None:
    try:
        z.check()
    except (ValueError, TypeError) as error:
        raise type(error)(f"observed.z: {error}") from None
