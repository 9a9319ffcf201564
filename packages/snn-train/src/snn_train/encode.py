"""Encoders: values become spike times, or spikes on a grid of time steps."""

from __future__ import annotations

import math

import torch
from snn_core import Events
from torch import Tensor

ROUNDING = 1e-6
"""Part of a spike that is forgiven as rounding noise, in a phase and in ``rate * dt``."""


def _require(valid: Tensor, values: Tensor, expected: str, cure: str) -> None:
    """Raise, naming the first value and its index, unless all are valid."""
    if bool(valid.all()):
        return
    index = tuple(torch.nonzero(~valid)[0].tolist())
    value = values[index].item()
    raise ValueError(f"{expected}, got {value:g} at index {index}; {cure}")


def _require_unit_interval(values: Tensor) -> None:
    _require(
        (values >= 0) & (values <= 1),
        values,
        "expected values in [0, 1]",
        "rescale them, for instance (values - low) / (high - low)",
    )


def _require_window(t_min: float, t_max: float) -> None:
    if not 0.0 <= t_min < t_max < math.inf:
        raise ValueError(
            f"expected 0 <= t_min < t_max in seconds, got t_min={t_min:g}, t_max={t_max:g}"
        )


def _require_steps(steps: int, dt: float) -> None:
    if type(steps) is not int:
        raise TypeError(f"steps must be a whole number, got {type(steps).__name__}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if not 0.0 < dt < math.inf:
        raise ValueError(f"dt must be positive, got {dt} (seconds); pass for instance dt=1e-3")


def spike_times(values: Tensor, t_min: float, t_max: float) -> Tensor:
    """One spike per value; the time grows linearly with the value.

    .. math:: t = t_\\mathrm{min} + x \\, (t_\\mathrm{max} - t_\\mathrm{min})

    Args:
        values: ``(*any)`` in [0, 1].
        t_min: time of the value 0, in seconds, not negative.
        t_max: time of the value 1, in seconds, after t_min.

    Returns:
        times in seconds, of the shape of values, differentiable with respect to them.

    Raises:
        ValueError: for a value outside [0, 1] or NaN, and for an empty window.

    Source: Göltz et al., "Fast and energy-efficient neuromorphic deep learning with first-spike
    times" (2021), Nature Machine Intelligence 3, section "Datasets".

    >>> spike_times(torch.tensor([0.0, 0.5, 1.0]), t_min=0.25, t_max=0.75).tolist()
    [0.25, 0.5, 0.75]
    """
    _require_window(t_min, t_max)
    _require_unit_interval(values)
    return t_min + values * (t_max - t_min)


def latency(values: Tensor, t_min: float, t_max: float, *, silent: float = 0.0) -> Tensor:
    """The larger the value, the earlier its one spike; small values stay silent.

    .. math:: t = t_\\mathrm{max} - x \\, (t_\\mathrm{max} - t_\\mathrm{min}) \\;
        \\text{if } x > x_\\mathrm{silent}, \\text{ else } \\infty

    Args:
        values: ``(*any)`` in [0, 1].
        t_min: time of the value 1, in seconds, not negative.
        t_max: time that the value 0 would have, in seconds, after t_min.
        silent: values not above it give no spike.

    Returns:
        times in seconds, of the shape of values; inf for no spike.

    Raises:
        ValueError: for a value outside [0, 1] or NaN, and for an empty window.

    Source: Thorpe, Delorme and Van Rullen, "Spike-based strategies for rapid processing" (2001),
    Neural Networks 14, in its linear form.

    >>> latency(torch.tensor([0.0, 0.5, 1.0]), t_min=0.25, t_max=0.75).tolist()
    [inf, 0.5, 0.25]
    """
    _require_window(t_min, t_max)
    _require_unit_interval(values)
    times = t_max - values * (t_max - t_min)
    return times.masked_fill(values <= silent, math.inf)


def events_at(times: Tensor, duration: float) -> Events:
    """Spike times, one per neuron, as sorted :class:`snn_core.Events`.

    Args:
        times: ``(B, *N)`` in seconds; inf for a neuron that stays silent.
        duration: length of the recording in seconds.

    Returns:
        events of shape ``(*N,)``; its times carry the gradient of ``times``.

    Raises:
        ValueError: for a time that is negative, NaN, or finite and not before the end, and for
            times without a batch axis.

    >>> events = events_at(torch.tensor([[3e-3, torch.inf, 1e-3]]), duration=5e-3)
    >>> events.index.tolist(), events.to_grid(1e-3)[:, 0].nonzero().tolist()
    ([[2, 0, -1]], [[1, 2], [3, 0]])
    """
    if times.ndim < 2:
        raise ValueError(f"expected times of shape (B, *N), got {tuple(times.shape)}")
    flat = times.flatten(1)
    index = torch.arange(flat.shape[1], device=times.device).expand(flat.shape)
    return Events.of(flat, index, tuple(times.shape[1:]), duration)


def rate(rates: Tensor, steps: int, dt: float) -> Tensor:
    """Regular spike trains: neuron n fires each time its phase ``rate * t`` passes a whole number.

    Row k holds ``floor((k + 1) r dt) - floor(k r dt)`` spikes, so that T rows hold
    ``floor(T r dt)``.

    Args:
        rates: ``(B, *N)`` in Hz, floating point, from 0 to 1/dt.
        steps: number of rows T.
        dt: step in seconds.

    Returns:
        spikes ``(T, B, *N)``, 0 or 1, in the dtype of rates.

    Raises:
        ValueError: for a negative rate, NaN, more than one spike per step, steps < 1, dt <= 0.

    >>> rate(torch.tensor([[0.0, 250.0, 500.0]]), steps=8, dt=1e-3)[:, 0].sum(0).tolist()
    [0.0, 2.0, 4.0]
    """
    probability = _spikes_per_step(rates, steps, dt)
    row = torch.arange(steps + 1, dtype=torch.float64, device=rates.device)
    phase = row.reshape(-1, *[1] * rates.ndim) * probability.to(torch.float64)
    return torch.floor(phase + ROUNDING).diff(dim=0).to(rates.dtype)


def poisson(rates: Tensor, steps: int, dt: float, generator: torch.Generator | None) -> Tensor:
    """Random spike trains: in each step, each neuron fires with the probability ``rate * dt``.

    It is the Bernoulli approximation of a Poisson process, exact for dt to 0.

    Args:
        rates: ``(B, *N)`` in Hz, floating point, from 0 to 1/dt.
        steps: number of rows T.
        dt: step in seconds.
        generator: source of the random numbers, on the device of rates; None for torch's own.

    Returns:
        spikes ``(T, B, *N)``, 0 or 1, in the dtype of rates.

    Raises:
        ValueError: for a negative rate, NaN, more than one spike per step, steps < 1, dt <= 0.

    Source: Dayan and Abbott, "Theoretical Neuroscience" (2001), section 1.4.

    >>> generator = torch.Generator().manual_seed(0)
    >>> poisson(torch.tensor([[0.0, 1000.0]]), 5, 1e-3, generator)[:, 0].tolist()
    [[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]
    """
    probability = _spikes_per_step(rates, steps, dt)
    spikes = torch.bernoulli(probability.expand(steps, *rates.shape), generator=generator)
    return spikes.to(rates.dtype)


def _spikes_per_step(rates: Tensor, steps: int, dt: float) -> Tensor:
    _require_steps(steps, dt)
    if not rates.is_floating_point():
        raise TypeError(f"rates must be floating point, in Hz, got {rates.dtype}; use .float()")
    expected = 1.0 / dt
    probability = rates.double() * dt  # half precision would miscount long trains
    _require(
        (rates >= 0) & (probability <= 1 + ROUNDING),
        rates,
        f"expected rates from 0 to 1/dt = {expected:g} Hz, at most one spike per step",
        "lower the rate or take a smaller dt",
    )
    return probability.clamp(max=1)  # nothing but rounding noise is above 1
