"""What a card shows of a name, gathered from its entry and its object, ready for JSON."""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from snn_core.cli.listing import describe
from snn_core.lookup import check_record
from snn_core.registry import Provided, load_target, need_line
from snn_core.thresholds import Threshold
from snn_core.types import Backend, Neuron, Quantity, quantities


def facts_about(provided: Provided) -> dict[str, Any]:
    """The entry's own facts and, if nothing that it needs is missing, those of its object."""
    facts = {**describe(provided), "missing_line": need_line(provided)}
    if facts["missing_line"] is not None:
        return facts
    found = load_target(provided)
    check_record(provided.kind, provided.name, found)
    gather: dict[str, Callable[[Any], dict[str, Any]]] = {
        "neuron": neuron_facts,
        "threshold": threshold_facts,
        "backend": backend_facts,
        "command": command_facts,
    }
    return facts | gather[provided.kind](found)


def neuron_facts(neuron: Neuron) -> dict[str, Any]:
    """Equations, parameters and state variables."""
    return {
        "equations": [about(step) for step in steps(neuron)],
        "parameters": _fields(neuron.Params),
        "state": _fields(neuron.State),
    }


def threshold_facts(threshold: Threshold) -> dict[str, Any]:
    """Formulas, default alpha, strictness, and the slope as numbers."""
    reach = reach_of(threshold)
    return {
        "derivative": _docstring(threshold.derivative),
        "primitive": _docstring(threshold.primitive),
        "alpha": threshold.alpha,
        "strict": threshold.strict,
        "slope": {"reach": reach, "values": slope(threshold, reach).tolist()},
    }


def backend_facts(backend: Backend) -> dict[str, Any]:
    """Rank, and what the module says that it supports."""
    return {"rank": backend.rank, "about": about(backend.run)}


def command_facts(command: Callable[[list[str]], int]) -> dict[str, Any]:
    """What the function says of itself."""
    return {"about": {"title": _docstring(command), "text": ""}}


def about(function: Callable[..., Any]) -> dict[str, str]:
    """The docstring of the module that defines a function, its first paragraph as title."""
    defined = inspect.unwrap(_inner(function))
    module = sys.modules.get(defined.__module__)
    title, _, text = (inspect.getdoc(module) or "").partition("\n\n")
    return {"title": " ".join(title.split()), "text": text, "module": defined.__module__}


def steps(neuron: Neuron) -> Iterator[Callable[..., Any]]:
    """The neuron's step, then those of the neurons that it is made from (bound by ``partial``)."""
    step = neuron.step
    yield step
    while isinstance(step, functools.partial):
        for bound in (*step.args, *step.keywords.values()):
            if isinstance(bound, Neuron):
                yield from steps(bound)
        step = step.func


def reach_of(threshold: Threshold) -> float:
    """How far from 0 to draw the slope: the first of 1, 2, 5, 10, ... mV where it has died away.

    It has, where 6 % of its peak are left; 1 V if it never does, or has no peak.
    """
    for exponent in range(-3, 3):
        for digit in (1, 2, 5):
            reach = digit * 10.0**exponent
            values = slope(threshold, reach).abs()
            edge = max(values[:4].max(), values[-4:].max())
            if values.max() > 0 and edge <= 0.06 * values.max():
                return reach
    return 1.0


def slope(threshold: Threshold, reach: float, points: int = 79) -> Tensor:
    """The derivative at an odd number of points from ``-reach`` to ``reach``, 0 in the middle."""
    half = points // 2
    x = torch.arange(-half, half + 1, dtype=torch.float64) * reach / half
    return threshold.derivative(x, threshold.alpha)


def _inner(function: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _docstring(function: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(_inner(function)) or "not documented").split())


def _fields(record: Any) -> list[dict[str, Any]]:
    known = quantities(record)
    return [
        {"name": field, **_default(record, field), **_meaning(known.get(field))}
        for field in record._fields
    ]


def _default(record: Any, field: str) -> dict[str, Any]:
    if field not in record._field_defaults:
        return {}
    value = record._field_defaults[field]
    if isinstance(value, Tensor):
        value = value.tolist()
    # JSON has no infinity
    finite = not isinstance(value, float) or math.isfinite(value)
    return {"default": value if finite else str(value)}


def _meaning(quantity: Quantity | None) -> dict[str, str]:
    if quantity is None:
        return {"unit": "", "constraint": "", "meaning": ""}
    constraint = "> 0" if quantity.positive else ">= 0" if quantity.nonnegative else ""
    return {"unit": quantity.unit, "constraint": constraint, "meaning": quantity.meaning}
