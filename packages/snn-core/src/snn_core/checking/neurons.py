"""Checks of what belongs to the neuron: parameters, state, recorded and observed variables."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from snn_core.checking.tensors import check_same, readable
from snn_core.errors import NumericsWarning
from snn_core.types import Neuron, Observed, Quantity, RecurrentState, quantities


def check_params_type(neuron: Neuron, params: Any) -> None:
    """params are the neuron's own."""
    if not isinstance(params, neuron.Params):
        given = type(params)
        raise TypeError(
            f"params of neuron {neuron.name!r} must be the Params of {neuron.Params.__module__}, "
            f"got a {given.__qualname__} of {given.__module__}; "
            f"write snn.neuron({neuron.name!r}).Params(...)"
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


def names_of(argument: str, names: Iterable[str]) -> tuple[str, ...]:
    """Names given as a sequence; one string is refused, since it would be read letter by letter."""
    if isinstance(names, str):
        raise TypeError(f"{argument} must be a sequence of names; write {argument}=({names!r},)")
    return tuple(names)


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
    n_steps: int | None,
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
        expected = (len(trace) if n_steps is None else n_steps, *shape)
        if tuple(trace.shape) != expected:
            raise ValueError(
                f"expected observed.{field} of shape {expected} like the layer's output, "
                f"got {tuple(trace.shape)}; cut x or the trace to the same number of steps"
            )
        check_same(f"observed.{field}", trace, like)


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
    check_same(name, value, like)


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
    if value.dtype == torch.bool or value.is_complex():
        raise TypeError(f"parameter {field!r} must be real numbers, got {value.dtype}")
    if value.ndim:  # a tensor without axes is a number: it changes no dtype and needs no device
        check_same(f"parameter {field!r}", value, like)


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
