"""Decoders: traces or spikes over time become one number per neuron."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def _require_time(trace: Tensor) -> None:
    if trace.ndim < 1 or trace.shape[0] == 0:
        raise ValueError(
            f"expected a trace (T, B, *N) with at least one time step, got {tuple(trace.shape)}"
        )


def max_over_time(trace: Tensor) -> Tensor:
    """The largest value of each neuron over time.

    Its gradient goes to the step that holds the maximum; equal maxima share it evenly. A membrane
    that only falls has its maximum at the start, where no weight moves it: start with weights that
    let each rise for some input.

    Args:
        trace: ``(T, B, *N)``, for instance the membrane of a leaky integrator.

    Returns:
        ``(B, *N)``.

    Raises:
        ValueError: for a trace without time steps.

    Source: Cramer et al., "The Heidelberg spiking data sets" (2022), IEEE TNNLS 33, "max-over-time
    loss".

    >>> max_over_time(torch.tensor([[0.1, 0.4], [0.3, 0.2]])).tolist()
    [0.30000001192092896, 0.4000000059604645]
    """
    _require_time(trace)
    return trace.amax(0)


def sum_over_time(trace: Tensor) -> Tensor:
    """The sum over time of each neuron: of spikes, their number.

    Its gradient goes to every step alike.

    Args:
        trace: ``(T, B, *N)``.

    Returns:
        ``(B, *N)``.

    Raises:
        ValueError: for a trace without time steps.

    >>> sum_over_time(torch.tensor([[1.0, 0.0], [1.0, 1.0]])).tolist()
    [2.0, 1.0]
    """
    _require_time(trace)
    return trace.sum(0)


def mean_over_time(trace: Tensor) -> Tensor:
    """The mean over time of each neuron: of spikes, their rate in spikes per step.

    Its gradient goes to every step alike, divided by T.

    Args:
        trace: ``(T, B, *N)``, floating point.

    Returns:
        ``(B, *N)``.

    Raises:
        ValueError: for a trace without time steps.

    >>> mean_over_time(torch.tensor([[1.0, 0.0], [1.0, 1.0]])).tolist()
    [1.0, 0.5]
    """
    _require_time(trace)
    return trace.mean(0)


def early_mean_over_time(trace: Tensor, dt: float, tau: float, scale: float = 1.0) -> Tensor:
    """The mean over time of each neuron, early times weighing more, times a scale.

    .. math:: s \\, \\frac{dt}{\\tau} \\sum_k e^{-k \\, dt / \\tau} V_k

    Args:
        trace: ``(T, B, *N)``, floating point.
        dt: step in seconds.
        tau: time constant of the weight, in seconds.
        scale: factor of the scores, which a softmax takes as logarithms of probabilities.

    Returns:
        ``(B, *N)``.

    Raises:
        ValueError: for a trace without time steps, or a dt or tau that is not positive.

    Source: Nowotny, Turner and Knight, "Loss shaping enhances exact gradient learning with
    EventProp in spiking neural networks" (2025), Neuromorphic Computing and Engineering 5.

    >>> trace = torch.ones(1000, 1, dtype=torch.float64)
    >>> round(early_mean_over_time(trace, dt=1e-4, tau=5e-3).item(), 3)
    1.01
    """
    _require_time(trace)
    for name, value in (("dt", dt), ("tau", tau)):
        if not 0.0 < value < math.inf:
            raise ValueError(f"{name} must be positive, got {value} (seconds)")
    step = torch.arange(len(trace), dtype=trace.dtype, device=trace.device)
    weight = torch.exp(-step * (dt / tau)) * (scale * dt / tau)
    mean: Tensor = torch.tensordot(weight, trace, 1)
    return mean


def first_spike(spikes: Tensor, dt: float) -> Tensor:
    """The time of the first spike of each neuron, inf for a silent one.

    A spike of row k has the time ``k dt``. On a grid the time is a whole number of steps and has
    no derivative: the result carries no gradient. Spike times that do are the ``times`` of
    :class:`snn_core.Events`, from a backend that computes them.

    Args:
        spikes: ``(T, B, *N)``; what is not 0 is a spike.
        dt: step in seconds.

    Returns:
        times in seconds, ``(B, *N)``, in the default dtype of torch.

    Raises:
        ValueError: for a trace without time steps, or dt <= 0.

    >>> first_spike(torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), dt=0.5).tolist()
    [inf, 0.5]
    """
    _require_time(spikes)
    if not 0.0 < dt < math.inf:
        raise ValueError(f"dt must be positive, got {dt} (seconds); pass for instance dt=1e-3")
    fired = spikes != 0
    row = fired.to(torch.uint8).argmax(0)  # the first of equal maxima
    return torch.where(fired.any(0), row * dt, math.inf)
