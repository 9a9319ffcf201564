"""Refractoriness for any firing neuron: after a spike it is held at v_reset and silent for a while.

With ref the steps that a neuron is still held, m = (ref > 0) at the start of the step, and
n = ceil(refractory_time / dt), rounding noise of 1e-6 of it forgiven:

    the neuron's own step, its threshold handed over as u -> (1 - m) threshold(u)
    v   <- v_reset where m
    ref <- n where z, else max(ref - m, 0)

So a neuron that spikes at step t is silent and held from t + 1 to t + n; its current and its
adaptation go on. Only emitted spikes count for the adaptation.

Measured: as for the neuron itself; a measured v also replaces the held one.

Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3 (absolute refractory period);
hxtorch.spiking, ``refractory_update``.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import torch
from snn_core.checking import readable
from snn_core.injection import inject
from snn_core.types import Neuron, Observed, Quantity, Value, type_hints
from torch import Tensor

from snn_neurons.terms import UNOBSERVED, countdown, held_at, silenced

RefractoryTime = Annotated[
    Value,
    # whole steps are counted: no gradient goes through the rounding
    Quantity("s", "how long a neuron is held after a spike", nonnegative=True, learnable=False),
]
Ref = Annotated[Tensor, Quantity("steps", "how long the neuron is still held")]

_COUNTS_LONG = 1e6
"""A dtype that counts further has steps enough for any refractory time."""


def with_refractoriness(neuron: Neuron, module: str = __name__) -> Neuron:
    """The neuron with an absolute refractory period.

    Args:
        neuron: one that fires: its step returns spikes, its State has ``v``, its Params
            ``v_reset``.
        module: where the new record's Params and State can be imported, for pickling.

    Returns:
        A neuron named ``<name>_refractory``. Its Params are the neuron's own and
        ``refractory_time = 2e-3`` (seconds), its State the neuron's own and ``ref``.

    Raises:
        ValueError: the neuron has no ``v`` or no ``v_reset``, or is refractory already.

    >>> from snn_neurons.lif import LIF
    >>> with_refractoriness(LIF).Params(tau_mem=20e-3).refractory_time
    0.002
    """
    if "refractory_time" in neuron.Params._fields or "ref" in neuron.State._fields:
        raise ValueError(
            f"neuron {neuron.name!r} is refractory already: its Params are "
            f"{', '.join(neuron.Params._fields)}, its State is {', '.join(neuron.State._fields)}; "
            f"use it as it is, with another refractory_time"
        )
    for record, field in ((neuron.State, "v"), (neuron.Params, "v_reset")):
        if field not in record._fields:
            raise ValueError(
                f"neuron {neuron.name!r} cannot be held at its reset: its {record.__name__} has "
                f"no {field!r}, only {', '.join(map(repr, record._fields))}"
            )
    Params = _with_field(neuron.Params, "refractory_time", RefractoryTime, module, (2e-3,))
    State = _with_field(neuron.State, "ref", Ref, module, ())
    return Neuron(
        f"{neuron.name}_refractory",
        Params,
        State,
        partial(initial_state, neuron=neuron, State=State),
        partial(step, neuron=neuron, State=State),
        neuron.observes,
    )


def initial_state(
    params: Any,
    shape: tuple[int, ...],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    neuron: Neuron,
    State: Any,
) -> Any:
    """The neuron's own start, not held; ``shape`` is ``(B, *N)``."""
    inner = neuron.initial_state(neuron.Params(*params[:-1]), shape, dtype=dtype, device=device)
    return State(*inner, torch.zeros(shape, dtype=dtype, device=device))


def step(
    x: Tensor,
    state: Any,
    params: Any,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    observed: Observed | None = None,
    *,
    neuron: Neuron,
    State: Any,
) -> tuple[Tensor, Any]:
    """One step of ``neuron``, held where ``state.ref`` is above 0."""
    seen = observed or UNOBSERVED
    inner, own = neuron.State(*state[:-1]), neuron.Params(*params[:-1])
    held = state.ref > 0
    n = refractory_steps(params.refractory_time, dt)
    check_countable(n, state.ref)
    z, inner = neuron.step(x, inner, own, lambda u: silenced(threshold(u), held), dt, observed)
    v = inject(held_at(inner.v, held, params.v_reset), seen.v)
    ref = countdown(state.ref, z, n)
    return z, State(*inner._replace(v=v), ref)


def refractory_steps(refractory_time: Value, dt: float) -> Value:
    """Whole steps that cover the refractory time, rounding noise of 1e-6 of it forgiven.

    In a tensor of half precision the noise is that of its dtype, and longer times than some fifty
    steps may be off by one: give a number there.

    >>> refractory_steps(5e-6, 1e-6)  # the quotient is a hair above 5
    5.0
    """
    if isinstance(refractory_time, Tensor):
        noise = max(1e-6, torch.finfo(refractory_time.dtype).eps)
        return torch.ceil(refractory_time / dt * (1 - noise))
    return float(math.ceil(refractory_time / dt * (1 - 1e-6)))


def check_countable(n: Value, ref: Tensor) -> None:
    """Raise if n steps cannot be counted in the dtype of ref.

    A countdown would stand still where the dtype has no integers one apart; bfloat16 has them up
    to 256, half up to 2048. A tensor is looked at for these two only: reading it costs time in
    every step, and float32 counts to 16 million.

    >>> check_countable(torch.tensor(300.0), torch.zeros(1, dtype=torch.bfloat16))
    Traceback (most recent call last):
    ValueError: refractory_time is 300 steps, and torch.bfloat16 counts to 256 only; use a ...
    """
    largest = 2 / torch.finfo(ref.dtype).eps
    longest = _longest(n, largest) if isinstance(n, Tensor) else n
    if longest > largest:
        raise ValueError(
            f"refractory_time is {longest:g} steps, and {ref.dtype} counts to {largest:g} only; "
            f"use a shorter refractory_time, a longer dt, or torch.float32"
        )


def _longest(n: Tensor, largest: float) -> float:
    """The greatest of n; 0 where it need not be read, or must not be: compiling, tracing, meta."""
    values = readable(n) if largest < _COUNTS_LONG else None
    if values is None or values.numel() == 0:
        return 0.0
    return values.max().item()


def _with_field(record: Any, name: str, hint: Any, module: str, default: tuple[Any, ...]) -> Any:
    """The NamedTuple type ``record`` with one more field at its end."""
    # mypy reads only literal fields in a call of namedtuple itself
    make: Callable[..., Any] = collections.namedtuple
    defaults = (*record._field_defaults.values(), *default)
    extended = make(record.__name__, (*record._fields, name), defaults=defaults, module=module)
    extended.__annotations__ = {**type_hints(record, include_extras=True), name: hint}
    extended.__doc__ = f"{record.__doc__}\n\n    And {name}: {hint.__metadata__[0].meaning}."
    return extended
