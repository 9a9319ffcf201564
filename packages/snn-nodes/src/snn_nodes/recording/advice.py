"""Advice: what is wrong with a layer, in a line with figures, and what helps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from snn_nodes.recording.width import Width

DEAD, SATURATED, SEEN = 0.2, 0.1, 0.02
"""Shares beyond which neurons are too many, or membranes within the width too few."""

SATURATION = 0.9
"""A neuron that fires in more than this share of the steps is saturated."""

RANGE = 1e3
"""By how much gradients may differ between layers, and between steps."""


class LayerDiagnosis(NamedTuple):
    """What was found of a layer of neurons.

    Args:
        name, kind: its place and its class.
        neurons, steps: how many there are and how many it has run.
        rate: spikes per step and neuron; None if the output is not 0 and 1.
        dead: share of neurons that never fired, for any sample; None likewise.
        saturated: share of neurons that fired in more than 90 % of the steps; None likewise.
        width: where its surrogate's slope is at least a tenth of its peak; None if it could not be
            seen (see ``diagnose``).
        in_width: share of ``v - v_threshold`` within that, before reset, over all steps.
        gradient: ``(T,)``, the norm of the gradient of the loss with respect to its output at each
            step.
    """

    name: str
    kind: str
    neurons: int
    steps: int
    rate: float | None
    dead: float | None
    saturated: float | None
    width: Width | None
    in_width: float | None
    gradient: Tensor

    @property
    def gradient_norm(self) -> float:
        """The norm of the gradient with respect to its output at all steps; 0 if there are none."""
        return float(torch.linalg.vector_norm(self.gradient))

    @property
    def early(self) -> float:
        """The largest gradient in the first quarter of the steps; 0 if it has run none."""
        return _largest(self.gradient[: self._quarter])

    @property
    def late(self) -> float:
        """The largest gradient in the last quarter of the steps; 0 if it has run none."""
        return _largest(self.gradient[-self._quarter :])

    @property
    def _quarter(self) -> int:
        return max(1, self.steps // 4)


def _largest(norms: Tensor) -> float:
    return float(norms.max()) if len(norms) else 0.0


def advice_on(layers: tuple[LayerDiagnosis, ...]) -> Iterator[str]:
    """A line for each thing that is wrong with the layers, in their order."""
    run = [layer for layer in layers if layer.steps]
    last = run[-1].gradient_norm if run else 0.0
    for layer in layers:
        head = f"{layer.kind} {layer.name!r}: "
        if not layer.steps:
            yield f"{head}was not run"
            continue
        yield from (head + line for line in _on_spikes(layer))
        yield from (head + line for line in _on_gradient(layer, last, run[-1].name))


def _on_spikes(layer: LayerDiagnosis) -> Iterator[str]:
    if layer.rate is None or layer.dead is None or layer.saturated is None:
        return
    if layer.dead > DEAD:
        yield (
            f"{round(layer.dead * layer.neurons)} of {layer.neurons} neurons never fire; raise the "
            f"weights before it or its input, or lower its threshold"
        )
    if layer.saturated > SATURATED:
        yield (
            f"{round(layer.saturated * layer.neurons)} of {layer.neurons} neurons fire in more "
            f"than {SATURATION:.0%} of the steps; lower the weights before it, or raise its "
            f"threshold"
        )
    if layer.width is not None and layer.width.low == layer.width.high:
        yield "its surrogate has no slope, so that no gradient passes; take another threshold"
    elif layer.in_width is not None and layer.width is not None and layer.in_width < SEEN:
        yield (
            f"{layer.in_width:.2%} of its membranes are within {layer.width.low:.3g} ... "
            f"{layer.width.high:.3g} of the threshold, where its surrogate passes gradient; take a "
            f"wider surrogate (another alpha), or bring the membranes nearer to the threshold"
        )


def _on_gradient(layer: LayerDiagnosis, last: float, last_name: str) -> Iterator[str]:
    norm = layer.gradient_norm
    if not math.isfinite(norm):
        yield f"the gradient at its output is {norm}; a layer after it divides by 0 or overflows"
    elif norm == 0:
        yield "no gradient arrives at its output; see the layers after it, and what the loss takes"
    elif norm * RANGE < last:
        yield (
            f"the gradient vanishes on the way down to it: {norm:.1e} at its output, {last:.1e} at "
            f"that of {last_name!r}; take a wider surrogate or larger weights after it"
        )
    elif norm > last * RANGE:
        yield (
            f"the gradient explodes on the way down to it: {norm:.1e} at its output, {last:.1e} at "
            f"that of {last_name!r}; take smaller weights after it, or clip gradients"
        )
    if math.isfinite(norm) and layer.steps >= 4:
        yield from _over_steps(layer)


def _over_steps(layer: LayerDiagnosis) -> Iterator[str]:
    early, late = layer.early, layer.late
    figures = f"{early:.1e} in the first quarter of the {layer.steps} steps, {late:.1e} in the last"
    if early * RANGE < late:
        yield (
            f"the gradient vanishes over time: {figures}; take longer time constants after it, "
            f"shorter sequences, or a loss on all steps"
        )
    elif late > 0 and early > late * RANGE:
        yield (
            f"the gradient explodes over time: {figures}; take smaller recurrent weights, clip "
            f"gradients, or shorten what a gradient goes through by detach_net"
        )
