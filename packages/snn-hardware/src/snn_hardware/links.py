"""Links: which event channel a neuron or an input uses, and what a channel carries in a bin."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from snn_hardware.figures import CLOCK, COLUMNS, FIFO, LINKS, OUTPUT_COLUMNS


def input_channels(n_in: int) -> Tensor:
    """The external link of each input, ``(n_in,)``: input i takes link i mod 4 (assumption).

    Raises:
        ValueError: a negative number of inputs.

    >>> input_channels(6).tolist()
    [0, 1, 2, 3, 0, 1]
    """
    if n_in < 0:
        raise ValueError(f"n_in must not be negative, got {n_in}; pass the number of inputs")
    return torch.arange(n_in) % int(LINKS.value)


def output_channels(circuits: Tensor) -> Tensor:
    """The event output, 0 to 7, of circuits: 32 columns of both hemispheres share one (halco).

    ``circuits`` has any shape; of a merged neuron it is the first circuit that fires.

    >>> output_channels(torch.tensor([0, 31, 32, 255, 256])).tolist()
    [0, 0, 1, 7, 0]
    """
    return circuits % int(COLUMNS.value) // int(OUTPUT_COLUMNS.value)


def capacity(step: float) -> int:
    """Events that a channel carries in ``step`` seconds: one per clock, and a FIFO (assumption).

    Raises:
        ValueError: a step that is not a positive number.

    >>> capacity(1e-6)
    133
    """
    if not (math.isfinite(step) and step > 0):
        raise ValueError(f"step must be positive seconds of chip time, got {step}")
    return round(step / CLOCK.value) + int(FIFO.value)


def carried(z: Tensor, channel: Tensor, n_channels: int, step: float) -> tuple[Tensor, int]:
    """What arrives of events that share channels, and how many events were dropped.

    In each bin and batch item a channel takes ``capacity(step)`` events, less what still waits in
    its FIFO. Of what is beyond, the neurons of the highest index are dropped first. Where all is
    carried ``z`` itself is returned.
    The gradient passes as if nothing had been dropped.

    Args:
        z: counts of events in bins, ``(T, B, N)``.
        channel: the channel of each neuron, ``(N,)`` int64 from 0 to ``n_channels - 1``.
        n_channels: number of channels.
        step: width of a bin, in seconds of chip time.

    Raises:
        ValueError: shapes that do not fit, a channel that there is not, a step that is not
            positive, counts that are no whole numbers where a channel is full.

    >>> z = torch.tensor([[[9., 3., 1.]]])
    >>> kept, dropped = carried(z, torch.tensor([0, 0, 1]), n_channels=2, step=16e-9)
    >>> kept.tolist(), dropped                # two clocks and a FIFO of eight: ten events
    ([[[9.0, 1.0, 1.0]]], 2)
    """
    _check(z, channel, n_channels)
    most = capacity(step)
    if z.numel() == 0:
        return z, 0
    rate = most - int(FIFO.value)  # what leaves in a bin; as much never waits
    neurons = int(channel.bincount().max())
    if (z.dtype == torch.bool and neurons <= rate) or float(z.detach().max()) * neurons <= rate:
        return z, 0
    if z.is_floating_point() and float(z.detach().sum(-1).max()) <= rate:
        return z, 0
    lost = _lost(z.detach(), channel, n_channels, rate)
    dropped = 0 if lost is None else int(lost.sum(dtype=torch.float64))
    if lost is None or dropped == 0:
        return z, 0
    return (z & ~lost if z.dtype == torch.bool else z - lost), dropped


def clocked(times: Tensor, period: float = CLOCK.value) -> Tensor:
    """Times on the clock: the nearest multiple of ``period`` seconds, half up, in double precision.

    Infinite times, of events that never happen, stay infinite.

    Raises:
        ValueError: a period that is not a positive number.

    >>> clocked(torch.tensor([0.4, 0.5, 1.6]), period=1.0).tolist()
    [0.0, 1.0, 2.0]
    """
    if not (math.isfinite(period) and period > 0):
        raise ValueError(f"period must be positive seconds, got {period}")
    return torch.floor(times.double() / period + 0.5) * period


def _rooms(arriving: Tensor, rate: int) -> Tensor:
    """How many of the events that arrive in each bin ``(T, B)`` find room, one bin after the other.

    A bin takes what leaves in it and what the FIFO has free; what waits goes on into the next.
    """
    depth, rooms = int(FIFO.value), torch.empty_like(arriving)
    waiting = torch.zeros_like(arriving[0])
    for room, came in zip(rooms.unbind(0), arriving.unbind(0), strict=True):
        room.copy_(rate + depth - waiting)
        waiting = (waiting + torch.minimum(came, room) - rate).clamp(min=0)
    return rooms


def _lost(z: Tensor, channel: Tensor, n_channels: int, rate: int) -> Tensor | None:
    """How many events of each neuron are dropped, in the dtype of ``z``; None for none at all."""
    lost: Tensor | None = None
    for one in range(n_channels):
        neurons = (channel == one).nonzero().flatten()
        counts = _counts(z[..., neurons])
        # Only bins beyond the capacity are looked at neuron by neuron; they are few.
        arriving = counts.sum(-1)
        if not bool((arriving > rate).any()):
            continue
        rooms = _rooms(arriving, rate)
        full = arriving > rooms
        if not bool(full.any()):
            continue
        lost = torch.zeros_like(z) if lost is None else lost
        crowded = counts[full]
        room = rooms[full][:, None] - (crowded.cumsum(-1) - crowded)
        part = torch.zeros_like(counts)
        part[full] = crowded - torch.minimum(crowded, room.clamp(min=0))
        lost[..., neurons] = part.to(z.dtype)
    return lost


def _counts(z: Tensor) -> Tensor:
    counts = z.long()
    if z.is_floating_point() and not bool((counts == z).all()):
        raise ValueError(
            "z must be counts of events, got numbers that are not whole; only events can be dropped"
        )
    return counts


def _check(z: Tensor, channel: Tensor, n_channels: int) -> None:
    if z.dim() != 3:
        raise ValueError(f"z must be (T, B, N), got {tuple(z.shape)}; flatten the neurons")
    if tuple(channel.shape) != (z.shape[-1],):
        raise ValueError(
            f"channel must have one entry for each of the {z.shape[-1]} neurons, "
            f"got {tuple(channel.shape)}"
        )
    if channel.numel() and not 0 <= int(channel.min()) <= int(channel.max()) < n_channels:
        raise ValueError(
            f"channels must lie in 0 to {n_channels - 1}, got {int(channel.min())} to "
            f"{int(channel.max())}; pass the n_channels they were made for"
        )
