"""Weights on the chip: rounded to its steps, and what its synapses then really do."""

from __future__ import annotations

from typing import NamedTuple

import torch
from snn_core import inject
from snn_neurons.functional.clamping import exponential_clamp, round_half_away
from torch import Tensor

from snn_hardware.figures import MAX_WEIGHT

MAPPINGS = ("clip", "masked", "exponential")
"""What happens to weights beyond the largest: ``clip`` cuts them and lets their gradient through,
``masked`` cuts both, ``exponential`` bends them (``snn_neurons.functional.exponential_clamp``)."""


class Weights(NamedTuple):
    """The weights of a layer on the chip.

    Args:
        model: ``(N_out, N_in)`` in model units: rounded, with the gradient of the weight.
        steps: the same as whole numbers of steps, no gradient.
        asked: the weight in steps, neither limited nor rounded.
        limit: the largest step.
    """

    model: Tensor
    steps: Tensor
    asked: Tensor
    limit: float

    @property
    def saturated(self) -> float:
        """The fraction beyond the largest step.

        >>> on_steps(torch.tensor([[0.26, -3.0]]), 50.0, 1, "clip").saturated
        0.5
        """
        return (self.asked.abs() > self.limit).double().mean().item()

    @property
    def rounding(self) -> float:
        """Root mean square of what rounding changed, in steps, of those not saturated.

        >>> on_steps(torch.tensor([[0.25, -3.0]]), 50.0, 1, "clip").rounding
        0.5
        """
        held = self.asked.abs() <= self.limit
        changed = (self.asked - self.steps)[held]
        return changed.square().mean().sqrt().item() if len(changed) else 0.0


def as_it_is(weight: Tensor, scale: float) -> Weights:
    """Weights that are neither limited nor rounded.

    >>> as_it_is(torch.tensor([[0.26, -3.0]]), scale=50.0).steps
    tensor([[  13., -150.]])
    """
    asked = weight.detach() * scale
    return Weights(weight, asked, asked, torch.inf)


def on_steps(weight: Tensor, scale: float | Tensor, replicas: int, mapping: str) -> Weights:
    """Weights rounded to the steps of the chip, ties away from zero.

    Args:
        weight: ``(N_out, N_in)`` in model units.
        scale: steps for one unit; a number, or one a neuron ``(N_out, 1)``.
        replicas: synapses that share a weight, 63 steps each.
        mapping: one of ``MAPPINGS``.

    >>> on_steps(torch.tensor([[0.26, -3.0]]), scale=50.0, replicas=1, mapping="clip").steps
    tensor([[ 13., -63.]])
    """
    limit = int(MAX_WEIGHT.value) * replicas
    scaled = weight.detach() * scale
    if mapping == "exponential":
        bent = exponential_clamp(weight * scale, cap=float(limit))
        steps = round_half_away(bent.detach())
        model = inject(bent / scale, steps / scale)
        return Weights(model, steps, scaled, limit)
    steps = round_half_away(scaled.clamp(-limit, limit))
    through = weight
    if mapping == "masked":
        through = torch.where(scaled.abs() > limit, weight.detach(), weight)
    return Weights(inject(through, steps / scale), steps, scaled, limit)


def shares(steps: Tensor, replicas: int) -> Tensor:
    """Steps of each of a weight's synapses, as even as whole numbers allow, ``(R, N_out, N_in)``.

    What a weight has beside its whole steps, where none are rounded, is shared evenly.

    >>> shares(torch.tensor([[64.0, -3.0]]), 2).flatten(1)
    tensor([[32., -1.],
            [32., -2.]])
    """
    if replicas == 1:
        return steps[None]
    each = torch.arange(replicas, dtype=steps.dtype).reshape(-1, 1, 1)
    whole = steps.trunc()
    even = whole.sign() * ((whole.abs() + each) / replicas).floor()
    return even + (steps - whole) / replicas


class Factors(NamedTuple):
    """What a synapse does for a step of its weight, ``(R, N_out, N_in)``, by the weight's sign."""

    excitatory: Tensor
    inhibitory: Tensor

    def apply(self, steps: Tensor) -> Tensor:
        """What weights of so many steps really do, in steps, ``(N_out, N_in)``.

        >>> factors = Factors(torch.full((1, 1, 2), 1.5), torch.ones(1, 1, 2))
        >>> factors.apply(torch.tensor([[4.0, -4.0]]))
        tensor([[ 6., -4.]])
        """
        parts = shares(steps, len(self.excitatory))
        return torch.where(parts > 0, parts * self.excitatory, parts * self.inhibitory).sum(0)
