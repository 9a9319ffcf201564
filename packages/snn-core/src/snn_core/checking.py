"""Every check of a call's arguments: what was given, what was expected, how to mend it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from snn_core.errors import NumericsWarning
from snn_core.events import Events
from snn_core.types import Neuron, Observed, Quantity, RecurrentState, quantities


def check_step_size(dt: float | None) -> None:
    """dt is None (for backends that take none) or a number of seconds above 0."""
    if dt is None:
        return
    if isinstance(dt, bool) or not isinstance(dt, int | float):
        raise TypeError(f"dt must be a number of seconds, got {type(dt).__name__}; pass dt=1e-3")
    if not (math.isfinite(dt) and dt > 0):
        raise ValueError(f"dt must be above 0 seconds, got {dt}; pass dt=1e-3")


def check_input(x: Tensor | Events, weight: Tensor | None) -> None:
    """x is ``(T, B, *N)`` and floating, or counts with a weight, or Events; it fits the weight."""
    if isinstance(x, Events):
        x.check()
        if weight is not None and x.shape != (weight.shape[1],):
            raise ValueError(
                f"expected events of a layer of shape ({weight.shape[1]},) "
                f"(weight is {tuple(weight.shape)}), got {x.shape}"
            )
        return
    if not isinstance(x, Tensor):
        raise TypeError(f"x must be a Tensor or Events, got {type(x).__name__}")
    expected = "(T, B, N)"
    if weight is not None:
        expected += f" with N = {weight.shape[1]} (weight is {tuple(weight.shape)})"
    given = tuple(x.shape)
    if x.ndim == 2:
        raise ValueError(
            f"expected x of shape {expected}, got {given}; time comes first, then the batch: "
            f"add a batch of one with x.unsqueeze(1)"
        )
    wrong = x.ndim < 3 or (weight is not None and (x.ndim != 3 or x.shape[2] != weight.shape[1]))
    if wrong:
        raise ValueError(f"expected x of shape {expected}, got {given}")
    if x.shape[0] == 0:
        raise ValueError(f"x has no time steps, its shape is {given}; T must be at least 1")
    if weight is None and not x.is_floating_point():
        raise TypeError(
            f"x is {x.dtype}; without a weight it must be floating point: pass x.float()"
        )
    if weight is not None and x.is_floating_point():
        _check_same("x", x, weight)
    if weight is not None and x.device != weight.device:
        raise ValueError(f"x is on {x.device}, weight on {weight.device}; move one with .to(...)")


def check_weight(name: str, weight: Tensor | None, shape: tuple[int, int] | None = None) -> None:
    """A weight is a finite floating-point matrix ``(N_out, N_in)``; ``shape`` if that is known."""
    if weight is None:
        return
    if not isinstance(weight, Tensor):
        raise TypeError(f"{name} must be a Tensor, got {type(weight).__name__}")
    if not weight.is_floating_point():
        raise TypeError(f"{name} must be floating point, got {weight.dtype}; pass {name}.float()")
    if weight.ndim != 2 or (shape is not None and tuple(weight.shape) != shape):
        expected = "(N_out, N_in)" if shape is None else str(shape)
        raise ValueError(f"expected {name} of shape {expected}, got {tuple(weight.shape)}")
    # A finite sum proves finite entries at a fraction of the cost; an infinite one proves nothing.
    values = readable(weight)
    if values is not None and not bool(values.sum().isfinite()) and not _all(values.isfinite()):
        count = int((~values.isfinite()).sum())
        raise ValueError(
            f"{name} holds {count} entries that are NaN or infinite; find where they come from "
            f"(a learning rate too high?) before going on"
        )


def check_recurrent_weight(weight: Tensor | None, shape: tuple[int, ...]) -> None:
    """A recurrent weight is ``(N, N)`` for a layer of one axis."""
    if weight is None:
        return
    if len(shape) != 1:
        raise ValueError(
            f"a recurrent weight needs neurons in one axis, these have the shape {shape}; "
            f"flatten x to (T, B, {math.prod(shape)})"
        )
    check_weight("recurrent_weight", weight, (shape[0], shape[0]))


def check_params_type(neuron: Neuron, params: Any) -> None:
    """params are the neuron's own."""
    if not isinstance(params, neuron.Params):
        raise TypeError(
            f"params of neuron {neuron.name!r} must be its own Params, got "
            f"{type(params).__name__}; write snn.neuron({neuron.name!r}).Params(...)"
        )


def check_params(
    neuron: Neuron, params: Any, shape: tuple[int, ...], like: Tensor, dt: float | None
) -> None:
    """params are the neuron's own; each is finite, in its range, and broadcasts to the layer."""
    check_params_type(neuron, params)
    # A range is a matter of values, which are not there while torch compiles.
    known = {} if torch.compiler.is_compiling() else quantities(neuron.Params)
    for field, value in params._asdict().items():
        quantity = known.get(field, Quantity(""))
        if isinstance(value, Tensor):
            _check_parameter_tensor(field, value, shape, like)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(
                f"parameter {field!r} must be a number or a Tensor, got {type(value).__name__}"
            )
        extremes = _extremes(value)
        _check_range(field, extremes, quantity)
        if quantity.euler and dt is not None and any(dt > tau for tau in extremes):
            # No values in the text: a learnt time constant must not warn anew at every step.
            warnings.warn(
                f"dt = {dt:g} s is longer than {field} of neuron {neuron.name!r}: an Euler step "
                f"overshoots, and beyond twice the time constant it grows; use a shorter dt",
                NumericsWarning,
                stacklevel=4,
            )


def check_state(state: Any, kind: Any, shape: tuple[int, ...], like: Tensor) -> None:
    """state is of the neuron's State type, each field ``(B, *N)`` in the layer's dtype."""
    _check_state_type(state, kind)
    for field, value in state._asdict().items():
        _check_state_field(f"state.{field}", value, shape, like)


def check_recurrent_state(state: Any, kind: Any, shape: tuple[int, ...], like: Tensor) -> None:
    """state is a RecurrentState around the neuron's State type."""
    _check_state_type(state, RecurrentState)
    check_state(state.neuron, kind, shape, like)
    _check_state_field("state.output", state.output, shape, like)


def check_record(neuron: Neuron, record: tuple[str, ...]) -> None:
    """record names fields of State, each once."""
    fields = neuron.State._fields
    for name in record:
        if name not in fields:
            raise ValueError(
                f"cannot record {name!r} of neuron {neuron.name!r}; it has "
                f"{', '.join(map(repr, fields))} (its output is returned anyway)"
            )
    if len(set(record)) != len(record):
        raise ValueError(f"record names a state variable twice: {record}")


def check_observed(
    neuron: Neuron,
    observed: Observed | None,
    x: Tensor | Events,
    shape: tuple[int, ...],
    like: Tensor,
) -> None:
    """observed holds traces ``(T, B, *N)``, and only such as the neuron's step takes."""
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
        if not isinstance(trace, Tensor):
            raise TypeError(f"observed.{field} must be a Tensor, got {type(trace).__name__}")
        n_steps = len(trace) if isinstance(x, Events) else len(x)
        if tuple(trace.shape) != (n_steps, *shape):
            raise ValueError(
                f"expected observed.{field} of shape {(n_steps, *shape)} like the layer's output, "
                f"got {tuple(trace.shape)}; cut x or the trace to the same number of steps"
            )
        _check_same(f"observed.{field}", trace, like)


def readable(tensor: Tensor) -> Tensor | None:
    """The values behind a tensor, if a check may look at them: not while compiling, not on meta."""
    if torch.compiler.is_compiling() or tensor.is_meta:
        return None
    return torch.func.debug_unwrap(tensor.detach())


def _all(condition: Tensor) -> bool:
    return bool(condition.all())


def _check_state_type(state: Any, kind: Any) -> None:
    if isinstance(state, kind):
        return
    given = type(state)
    hint = "pass the state of an earlier output of this neuron, or None to start"
    if RecurrentState in (given, kind):
        hint = "a layer with a recurrent weight has a RecurrentState, one without has none"
    raise TypeError(
        f"state must be a {kind.__qualname__} of {kind.__module__}, got a "
        f"{given.__qualname__} of {given.__module__}; {hint}"
    )


def _check_state_field(name: str, value: Any, shape: tuple[int, ...], like: Tensor) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a Tensor, got {type(value).__name__}")
    if tuple(value.shape) != shape:
        raise ValueError(
            f"expected {name} of shape {shape}, got {tuple(value.shape)}; a state "
            f"belongs to one batch size: pass state=None to start a new batch"
        )
    _check_same(name, value, like)


def _check_same(name: str, tensor: Tensor, like: Tensor) -> None:
    if tensor.dtype != like.dtype:
        raise TypeError(
            f"{name} is {tensor.dtype}, the layer {like.dtype}; convert one with .to({like.dtype})"
        )
    if tensor.device != like.device:
        raise ValueError(
            f"{name} is on {tensor.device}, the layer on {like.device}; move one with .to(...)"
        )


def _check_parameter_tensor(
    field: str, value: Tensor, shape: tuple[int, ...], like: Tensor
) -> None:
    trailing = tuple(value.shape)
    fits = len(trailing) <= len(shape) and all(
        given in (1, wanted)
        for given, wanted in zip(reversed(trailing), reversed(shape), strict=False)
    )
    if not fits:
        raise ValueError(
            f"parameter {field!r} of shape {trailing} does not broadcast to the layer's neurons "
            f"{shape}; pass a number, or a tensor of shape {shape}"
        )
    if value.ndim:  # a tensor without axes is a number: it changes no dtype and needs no device
        _check_same(f"parameter {field!r}", value, like)


def _check_range(field: str, extremes: Iterable[float], quantity: Quantity) -> None:
    unit = {"s": " (seconds)", "": ""}.get(quantity.unit, f" ({quantity.unit})")
    for given in extremes:
        if not math.isfinite(given):
            raise ValueError(f"{field} must be finite, got {given}{unit}")
        if quantity.positive and given <= 0:
            mend = f"; pass {field}={-given}" if given < 0 else ""
            raise ValueError(f"{field} must be positive, got {given}{unit}{mend}")
        if quantity.nonnegative and given < 0:
            raise ValueError(f"{field} must not be negative, got {given}{unit}")


def _extremes(value: float | Tensor) -> tuple[float, ...]:
    """The least and the greatest value; NaN if there is one; nothing where one must not look."""
    if not isinstance(value, Tensor):
        return (float(value),)
    values = readable(value)
    if values is None or values.numel() == 0:
        return ()
    low, high = torch.aminmax(values)
    return (low.item(), high.item())
