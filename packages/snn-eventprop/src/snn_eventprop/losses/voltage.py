"""Cross entropies of membranes: of the maximum, of the integral, of samples.

Each takes as score of a class the voltage of its output neuron, reduced over time, times ``scale``:

    L = -log softmax(scale * voltage)_y        averaged over the batch

``scale`` (1/V) is the steepness of the softmax. The gradient is exact, since those of the
reductions are: see ``Membrane``.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import cross_entropy

from snn_eventprop.losses.labels import check_form, check_range
from snn_eventprop.membrane import Membrane


def maximum_cross_entropy(membrane: Membrane, labels: Tensor, *, scale: float = 1.0) -> Tensor:
    """Cross entropy of the largest voltage of each output neuron.

    Args:
        membrane: output of ``li`` on the backend ``eventprop_exact``.
        labels: ``(B,)`` int64.
        scale: 1/V.

    Returns:
        the mean over the batch, 0-d.

    Raises:
        TypeError, ValueError: labels or scale; see the message.

    Source: Wunderlich and Pehle, Scientific Reports 11, 2021, methods ("latency MNIST").
    """
    _check(membrane, labels, scale)
    return cross_entropy(scale * membrane.maximum(), labels)


def integral_cross_entropy(
    membrane: Membrane, labels: Tensor, *, tau: float = math.inf, scale: float = 1.0
) -> Tensor:
    """Cross entropy of the mean voltage over time, weighted exponentially if asked for.

    The score is ``integral of e^{-t/tau} V dt / min(tau, duration)``, volts: without weighting,
    the mean over the recording.

    Args:
        membrane: output of ``li`` on the backend ``eventprop_exact``.
        labels: ``(B,)`` int64.
        tau: seconds; inf weighs all times alike.
        scale: 1/V. For the integral itself in V ms, give ``min(tau, duration) / 1e-3``.

    Returns:
        the mean over the batch, 0-d.

    Raises:
        TypeError, ValueError: labels, tau or scale; see the message.

    Source: Nowotny, Turner and Knight, "Loss shaping enhances exact gradient learning with
    EventProp", Neuromorphic Computing and Engineering 5, 2025.
    """
    _check(membrane, labels, scale)
    score = membrane.integral(tau) / min(tau, membrane.duration)
    return cross_entropy(scale * score, labels)


def sample_cross_entropy(
    membrane: Membrane, labels: Tensor, times: Tensor, *, scale: float = 1.0
) -> Tensor:
    """Cross entropy of the voltage at given times, averaged over them and the batch.

    Args:
        membrane: output of ``li`` on the backend ``eventprop_exact``.
        labels: ``(B,)`` int64.
        times: ``(S,)``, ``(B, S)`` or ``(B, N, S)``, seconds, as for ``Membrane.at``.
        scale: 1/V.

    Returns:
        the mean over samples of the batch and times, 0-d.

    Raises:
        TypeError, ValueError: labels, times or scale; see the message.
    """
    _check(membrane, labels, scale)
    scores = scale * membrane.at(times)
    if scores.shape[-1] == 0:
        raise ValueError("the mean over times needs at least one time, got none")
    return cross_entropy(scores, labels.unsqueeze(-1).expand(-1, scores.shape[-1]))


def _check(membrane: Membrane, labels: Tensor, scale: float) -> None:
    if not isinstance(membrane, Membrane):
        raise TypeError(
            f"expected a Membrane, the output of neuron 'li' on the backend 'eventprop_exact', "
            f"got {type(membrane).__name__}"
        )
    check_form(labels, len(membrane.events.times))
    check_range(labels, len(membrane.weight))
    if not 0.0 < scale < math.inf:
        raise ValueError(f"scale must be a number above 0 (1/V), got {scale}")
