"""Form: a node as ``integrate`` sees it; the problem of a call, and what would run it."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import torch
from snn_core.choosing import select
from snn_core.integration import pose
from snn_core.thresholds import Threshold
from snn_core.types import Backend, Neuron, Problem
from torch import Tensor


class Form(NamedTuple):
    """A node as ``integrate`` sees it: a neuron with its values as they stand now.

    Args:
        neuron: the record; equal nodes have the same one.
        params: its Params.
        threshold: the record of its surrogate.
        dt: step in seconds; 1.0 where a node counts in steps.
    """

    neuron: Neuron
    params: Any
    threshold: Threshold
    dt: float


def posed(
    form: Form,
    x: Tensor,
    state: Any,
    record: tuple[str, ...] = (),
    recurrent_weight: Tensor | None = None,
) -> Problem:
    """The checked problem of a call over all steps of x ``(T, B, *N)``."""
    return pose(
        form.neuron,
        x,
        params=form.params,
        state=state,
        dt=form.dt,
        weight=None,
        recurrent_weight=recurrent_weight,
        threshold=form.threshold,
        record=record,
        observed=None,
    )


def smallest(form: Form) -> Tensor:
    """Input zeros ``(1, 1, *N)`` for the smallest layer that all parameters fit.

    Raises:
        ValueError: they fit no layer.
    """
    named = form.params._asdict().items()
    values = {name: value for name, value in named if isinstance(value, Tensor)}
    try:
        shapes = (value.shape for value in values.values())
        shape = torch.broadcast_shapes((1,), *shapes)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        given = ", ".join(f"{name} {tuple(value.shape)}" for name, value in values.items())
        raise ValueError(
            f"parameters of neuron {form.neuron.name!r} do not fit one layer: {given}; each "
            f"must broadcast to the layer's neurons"
        ) from error
    like = torch.zeros(1, 1, *shape)
    return next(iter(values.values()), like).new_zeros(like.shape)


def chosen(form: Form | None, asked: Any, backends: tuple[Backend, ...]) -> str:
    """What runs a node over time, in words: its backend, or its own steps."""
    if form is None:
        return "none (its own steps)"
    name = asked if isinstance(asked, str) else backends[0].name
    if asked != "auto":
        return str(name)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            x = smallest(form)
            state = form.neuron.State(*(torch.zeros_like(x[0]) for _ in form.neuron.State._fields))
            return f"auto ({select(backends, posed(form, x, state))[0].name})"
        except (ValueError, TypeError):  # values gone wrong must not keep one from looking
            return "auto"
