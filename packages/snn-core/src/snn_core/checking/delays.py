"""Checks of synaptic delays: seconds, never negative, one a synapse or fewer."""

from __future__ import annotations

from torch import Tensor

from snn_core.checking.values import check_range, check_value, extremes_of
from snn_core.types import Quantity, Value

DELAYS = {"delay": "weight", "recurrent_delay": "recurrent_weight"}
"""The arguments that are delays, each with the weight whose synapses it delays."""

DELAY = Quantity("s", "synaptic delay", nonnegative=True)


def check_delay(name: str, delay: Value | None, weight: Tensor | None, like: Tensor) -> None:
    """A delay is finite, >= 0, and broadcasts to the ``(N_out, N_in)`` of its weight."""
    if delay is None:
        return
    if weight is None:
        layer = " (of a Layer: recurrent=True)" if name == "recurrent_delay" else ""
        raise ValueError(
            f"{name} delays the synapses of {DELAYS[name]}, which is None; "
            f"pass {DELAYS[name]}{layer}, or leave {name} out"
        )
    n_out, n_in = weight.shape
    each = f"({n_in},) for one a sender, ({n_out}, 1) for one a receiver, or ({n_out}, {n_in})"
    check_value(name, delay, (n_out, n_in), like, DELAYS[name], each)
    if isinstance(delay, Tensor) and not delay.is_floating_point():
        raise TypeError(f"{name} must be floating point, in seconds, got {delay.dtype}")
    check_range(name, extremes_of(delay), DELAY)
