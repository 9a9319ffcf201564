"""Observation: what was measured on the chip while a layer ran, in units of the model."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import NamedTuple, Protocol

import torch
from snn_core import Events, Observed
from snn_neurons.functional.observables import HardwareObservables
from torch import Tensor
from torch.nn.functional import pad

from snn_hardware.links import clocked


class Lost(NamedTuple):
    """Events that did not arrive, and reads that hit an end of the converter.

    Args:
        sent, dropped_in: spikes to the layer, and those that found their link full.
        fired, dropped_out: spikes of the layer, and those that found their output full.
        merged: spikes beyond the first in a row of the grid.
        late: spikes that the clock puts at the end of a recording on events, or later. On a grid a
            recording ends half a row after the last, and nobody sees what is later.
        clipped: reads of the CADC at 0 or 255.
    """

    sent: int = 0
    dropped_in: int = 0
    fired: int = 0
    dropped_out: int = 0
    merged: int = 0
    late: int = 0
    clipped: int = 0

    def plus(self, more: Lost) -> Lost:
        """The sums of both.

        >>> Lost(sent=1).plus(Lost(sent=2)).sent
        3
        """
        return Lost(*(had + new for had, new in zip(self, more, strict=True)))


class Trace(NamedTuple):
    """What the circuits did, at every step of the integration.

    Args:
        z: spikes ``(T', B, N)``.
        v: membranes in units of the model, ``(T', B, N)``.
        passed: the part of its step that had passed since each spike, ``(T', B, N)``; None where
            it was not asked for, or spikes are at the ends of steps.
        step: in seconds of the model.
    """

    z: Tensor
    v: Tensor
    passed: Tensor | None
    step: float


class Source(Protocol):
    """Where measurements come from when one looks at them."""

    def read(self) -> Tensor:
        """Membranes as the CADC reads them."""
        ...

    def trace(self) -> Trace:
        """What the circuits did."""
        ...

    def stamp(self) -> Events:
        """The spikes on the chip's clock."""
        ...

    def read_fast(self) -> tuple[Tensor, Tensor] | None:
        """Times and values of the MADC; None if it reads no neuron."""
        ...


@dataclasses.dataclass(frozen=True)
class Observation:
    """What was measured while a layer ran; ``(T, B, N)`` in units of the model.

    Args:
        spikes: on the grid of the call, 0 or 1; None of a neuron that does not fire, or without dt.
        injected: what the model took of it; ``snn.integrate(..., observed=)`` takes it again.
        lost: what did not arrive.
        source: of the rest, which is measured when one looks at it, always the same.
    """

    spikes: Tensor | None
    injected: Observed
    lost: Lost
    source: Source

    @functools.cached_property
    def membrane_cadc(self) -> Tensor:
        """Membranes as the CADC reads them, ``(T, B, N)``.

        Raises:
            ValueError: the call had no grid, or was longer than the memory for its samples.
        """
        return self.source.read()

    @functools.cached_property
    def events(self) -> Events:
        """The spikes with the times of the chip's clock, in seconds of the model.

        Raises:
            RuntimeError: the input of the call was changed in place since.
        """
        return self.source.stamp()

    @functools.cached_property
    def trace(self) -> Trace:
        """Every step of the circuits, as no converter of the chip could show it.

        Raises:
            ValueError: the call had no grid.
            RuntimeError: the input of the call was changed in place since.
        """
        return self.source.trace()

    @functools.cached_property
    def madc(self) -> tuple[Tensor, Tensor] | None:
        """Times ``(M,)`` in seconds of the model and values ``(M, B)`` of the one fast channel."""
        return self.source.read_fast()

    @property
    def membrane_madc(self) -> Tensor | None:
        """The values of ``madc``, ``(M, B)``; None if no neuron was asked for."""
        return None if self.madc is None else self.madc[1]

    def hw_data(self) -> HardwareObservables:
        """The form that the functions of ``snn_neurons.functional`` take."""
        return HardwareObservables(self.spikes, self.membrane_cadc, self.membrane_madc)


class EventsOnly(NamedTuple):
    """The measurements of a call without a grid: spikes, and no membrane."""

    events: Events

    def read(self) -> Tensor:
        """Nothing.

        Raises:
            ValueError: always.
        """
        raise ValueError(_NO_GRID)

    def trace(self) -> Trace:
        """Nothing, as ``read``."""
        raise ValueError(_NO_GRID)

    def stamp(self) -> Events:
        """The spikes."""
        return self.events

    def read_fast(self) -> tuple[Tensor, Tensor] | None:
        """Nothing."""
        return None


_NO_GRID = "membranes are read on a grid, and this call has none: pass dt"


def joined(parts: list[Events]) -> Events:
    """The events of some samples after those of others.

    >>> one = Events(torch.tensor([[0.1, 0.2]]), torch.tensor([[0, 0]]), (1,), 1.0)
    >>> joined([one, one._replace(times=one.times[:, :1], index=one.index[:, :1])]).index
    tensor([[ 0,  0],
            [ 0, -1]])
    """
    width = max(part.times.shape[1] for part in parts)
    times = [pad(one.times, (0, width - one.times.shape[1]), value=torch.inf) for one in parts]
    index = [pad(one.index, (0, width - one.index.shape[1]), value=-1) for one in parts]
    return parts[0]._replace(times=torch.cat(times), index=torch.cat(index))


def on_rows(z: Tensor, per_row: int) -> tuple[Tensor, int, int]:
    """Spikes of fine steps on the rows of a grid, each in the nearest one, one at most.

    A spike of step n lies within ``(n - 1, n]`` steps. Returns the grid, how many were merged into
    another one, and how many lie after the last row.

    >>> fine = torch.zeros(8, 1, 1)
    >>> fine[3] = fine[7] = 1
    >>> grid, merged, late = on_rows(fine, per_row=4)
    >>> grid.flatten().tolist(), merged, late
    ([0.0, 1.0], 0, 1)
    """
    if per_row == 1:
        rows = z.clamp(max=1) if z.numel() and bool(z.max() > 1) else z
        return rows, int(z.sum()) - int(rows.sum()), 0
    early = (per_row - 1) // 2
    n_rows = len(z) // per_row
    body = z[: len(z) - early] if early else z
    first, rest = body[: per_row - early], body[per_row - early :]
    rows = z.new_empty(n_rows, *z.shape[1:])
    torch.amax(first, 0, out=rows[0])
    torch.amax(rest.reshape(n_rows - 1, per_row, *z.shape[1:]), 1, out=rows[1:])
    late = int(z[len(z) - early :].sum()) if early else 0
    merged = int(z.sum()) - late - int(rows.sum())
    return rows, merged, late


def stamped(
    trace: Trace, *, clock: float, duration: float, dtype: torch.dtype = torch.float64
) -> Events:
    """The spikes of a trace as events, at their crossings, on a clock; those after the end are not.

    Args:
        trace: of a layer.
        clock: period of the times in seconds of the model; 0: none.
        duration: of the recording in seconds of the model.
        dtype: of the times.

    >>> z = torch.zeros(4, 1, 2)
    >>> z[3, 0, 1] = 1
    >>> stamped(Trace(z, z, z / 2, 1e-3), clock=0.0, duration=4e-3).times
    tensor([[0.0025]], dtype=torch.float64)
    """
    n_batch, n_neurons = trace.z.shape[1], math.prod(trace.z.shape[2:])
    place = _spiking(trace.z)
    step, sample, neuron = (
        place // (n_batch * n_neurons),
        place // n_neurons % n_batch,
        place % n_neurons,
    )
    times = step.to(torch.float64)
    if trace.passed is not None:
        times = times - trace.passed.reshape(-1)[place].double()
    times = times * trace.step
    if clock:
        times = clocked(times, clock)
    kept = (times < duration).nonzero().flatten()
    kept = kept[sample[kept].argsort(stable=True)]
    sample, neuron, times = sample[kept], neuron[kept], times[kept]
    per_sample = torch.bincount(sample, minlength=n_batch)
    rank = torch.arange(len(sample)) - (per_sample.cumsum(0) - per_sample)[sample]
    width = int(per_sample.max()) if n_batch else 0
    padded = torch.full((n_batch, width), torch.inf, dtype=torch.float64)
    index = torch.full((n_batch, width), -1)
    padded[sample, rank], index[sample, rank] = times, neuron
    return Events.of(padded.to(dtype), index, tuple(trace.z.shape[2:]), duration)


def _spiking(z: Tensor) -> Tensor:
    """Where a grid is not 0, as places in its memory: eight at a time are looked at."""
    flags = z.reshape(-1).bool()
    flags = pad(flags, (0, -len(flags) % 8)).reshape(-1, 8)
    words = flags.view(torch.int64).flatten().nonzero().flatten()
    found = flags[words].nonzero()
    return words[found[:, 0]] * 8 + found[:, 1]
