"""Checks of what belongs to the neuron: parameters, state, recorded variables."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from snn_core.checking.tensors import check_same
from snn_core.checking.values import check_range, check_value, extremes_of
from snn_core.errors import NumericsWarning
from snn_core.types import Neuron, Quantity, RecurrentState, quantities


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
        label = f"parameter {field!r}"
        check_value(label, value, shape, like, "the layer's neurons", str(shape))
        extremes = extremes_of(value)
        check_range(field, extremes, quantity)
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
