"""The warnings of these functions. Their texts hold no numbers, so that each is shown once."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import torch
from torch import Tensor


class UnusedGradientWarning(UserWarning):
    """A gradient that these functions, as their reference, do not pass on."""


class ClippedSlopeWarning(UserWarning):
    """A spike whose slope in the model was below vdot_min, and was raised to it."""


def warn_of_parameters(parameters: Iterable[object]) -> None:
    """Warn if a gradient of a parameter is asked for: there is none."""
    asked = any(isinstance(value, Tensor) and value.requires_grad for value in parameters)
    if asked and torch.is_grad_enabled():
        warnings.warn(
            "a parameter of an EventProp function requires a gradient and gets none, as in the "
            "reference; the backends 'eventprop' and 'eventprop_exact' give it",
            UnusedGradientWarning,
            stacklevel=3,
        )


def warn_of_traces(gradients: Iterable[Tensor | None]) -> None:
    """Warn if a gradient of membrane or current has come: it is not used."""
    if any(grad is not None and bool(grad.any()) for grad in gradients):
        warnings.warn(
            "a gradient with respect to the membrane or the current of an EventProp neuron is not "
            "used, as in the reference; the backends 'eventprop' and 'eventprop_exact' use it",
            UnusedGradientWarning,
            stacklevel=2,
        )


def warn_of_clips(n_clipped: int) -> None:
    """Warn if the slope of a spike was raised to vdot_min."""
    if n_clipped:
        warnings.warn(
            "the model's slope at a spike was below vdot_min and was raised to it; "
            "spikes.grad_fn.n_clipped says for how many spikes of the last backward",
            ClippedSlopeWarning,
            stacklevel=2,
        )
