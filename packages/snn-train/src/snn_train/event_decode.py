"""Decoders of a readout of leaky integrators on events: its membrane becomes scores."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def highest(membrane: Any) -> Tensor:
    """The largest value of each neuron over time.

    Args:
        membrane: a ``Membrane`` of snn-eventprop.

    Returns:
        scores ``(B, C)``, in volts.
    """
    scores: Tensor = membrane.maximum()
    return scores


def early_mean(membrane: Any, tau: float, scale: float) -> Tensor:
    """The mean of each neuron over time, early times weighing more, times a scale.

    .. math:: s \\, \\frac{1}{\\tau} \\int_0^T e^{-t / \\tau} V(t) \\, dt

    Over a long recording the plain mean would only count spikes: it depends on no spike time, so no
    gradient would reach the hidden layer.

    Args:
        membrane: a ``Membrane`` of snn-eventprop.
        tau: time constant of the weight, in seconds.
        scale: factor of the scores, which a softmax takes as logarithms of probabilities.

    Returns:
        scores ``(B, C)``.

    Source: Nowotny, Turner and Knight, "Loss shaping enhances exact gradient learning with
    EventProp in spiking neural networks" (2025), Neuromorphic Computing and Engineering 5.
    """
    scores: Tensor = membrane.integral(tau) * (scale / tau)
    return scores
