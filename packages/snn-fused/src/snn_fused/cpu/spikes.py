"""Spikes: the inputs that are not zero, row after row, as a projection of sparse input takes them.

A row is one sample at one step. From a dense tensor they are found by a kernel that reads it once;
from ``Events`` they come without a dense tensor in between.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from snn_core import Events
from snn_core.events import in_bins
from torch import Tensor

from snn_fused.cpu.buffers import empty
from snn_fused.cpu.scanning import BLOCK, EAGER, ELEMENTS, pack, scan
from snn_fused.cpu.threads import run, table

DENSITY_LIMIT = 0.25
"""Above this share of inputs that are not zero, multiplying dense matrices is faster; measured."""

_SAMPLE = 8
"""A look at so many steps, of so many samples each, tells whether reading all is worth it."""

_READ_COST = 0.1
"""Nanoseconds to read a byte of a dense tensor."""

_ROOM = 2 << 20
"""Inputs that are read at once, at most."""

_MOVE_COST = 1.0
"""Nanoseconds to move an entry."""


class Spikes(NamedTuple):
    """The inputs that are not zero, of ``T`` steps and ``B`` samples.

    Args:
        pointers: int64, ``(T * B + 1,)``: row r has the entries ``pointers[r]`` to
            ``pointers[r + 1]``.
        columns: int32, which input each entry is of.
        values: what the input is there; in the dtype of the weight.
        step_stride, batch_stride: the row of step t and sample b is
            ``t * step_stride + b * batch_stride``.
        shape: ``(T, B, N_in)``.

    A column may come twice in a row, then its values add up.
    """

    pointers: Tensor
    columns: Tensor
    values: Tensor
    step_stride: int
    batch_stride: int
    shape: tuple[int, int, int]


def of_dense(x: Tensor, dtype: torch.dtype, limit: float = DENSITY_LIMIT) -> Spikes | None:
    """The entries of ``x`` that are not zero; None if there are more than ``limit`` allows.

    Args:
        x: ``(T, B, N_in)``, numbers of any real dtype or bool; NaN is an entry.
        dtype: of the values: float32 or float64.
        limit: the largest share of all inputs that may be entries.

    Raises:
        TypeError: another dtype is wanted.

    >>> spikes = of_dense(torch.tensor([[[0.0, 0.0, 2.0, 0.0, 0.0, 0.0]]]), torch.float32)
    >>> spikes.columns, spikes.values
    (tensor([2], dtype=torch.int32), tensor([2.]))
    """
    x = x.detach()
    if x.numel() and _sampled_density(x) > 2 * limit:
        return None
    if x.dtype not in ELEMENTS:
        x = x.to(dtype)
    if x.stride(2) != 1:
        x = x.contiguous()
    spikes = _scanned(x, dtype)
    return None if len(spikes.columns) > limit * x.numel() else spikes


def of_events(events: Events, dt: float, dtype: torch.dtype) -> Spikes:
    """The events that ``events.to_grid(dt)`` counts, one entry each.

    Raises:
        ValueError: as ``Events.to_grid``.

    >>> events = Events.of(torch.tensor([[0.1, 0.7]]), torch.tensor([[2, 0]]), (3,), 1.0)
    >>> of_events(events, 0.5, torch.float32).columns
    tensor([2, 0], dtype=torch.int32)
    """
    n_steps, n_batch = events.steps(dt), len(events.times)
    step, sample, index = in_bins(events, dt)
    counts = torch.bincount(sample * n_steps + step, minlength=n_batch * n_steps)
    pointers = torch.zeros(n_batch * n_steps + 1, dtype=torch.int64, device="cpu")
    torch.cumsum(counts, 0, out=pointers[1:])
    values = torch.ones(len(index), dtype=dtype, device="cpu")
    shape = (n_steps, n_batch, math.prod(events.shape))
    return Spikes(pointers, index.to(torch.int32), values, 1, n_steps, shape)


def to_dense(spikes: Spikes) -> Tensor:
    """The tensor ``(T, B, N_in)`` of these spikes.

    >>> x = torch.tensor([[[0.0, 2.0, 0.0, 0.0, 0.0]]])
    >>> torch.equal(to_dense(of_dense(x, torch.float32)), x)
    True
    """
    n_steps, n_batch, n_in = spikes.shape
    rows = torch.arange(n_steps * n_batch, device="cpu").repeat_interleave(spikes.pointers.diff())
    dense = torch.zeros(n_steps * n_batch, n_in, dtype=spikes.values.dtype, device="cpu")
    dense.index_put_((rows, spikes.columns.long()), spikes.values, accumulate=True)
    strides = (spikes.step_stride * n_in, spikes.batch_stride * n_in, 1)
    return dense.as_strided(spikes.shape, strides).contiguous()


def _sampled_density(x: Tensor) -> float:
    n_steps, n_batch = x.shape[:2]
    some = x[:: -(-n_steps // _SAMPLE), :: -(-n_batch // _SAMPLE)]
    return int(some.count_nonzero()) / some.numel()


def _scanned(x: Tensor, dtype: torch.dtype) -> Spikes:
    """Read ``x`` once, so many steps at a time that there is room if every input is an entry."""
    n_steps, n_batch, n_in = x.shape
    some = max(1, _ROOM // max(1, n_batch * (n_in + EAGER)))
    parts = [_scanned_at_once(x[first : first + some], dtype) for first in range(0, n_steps, some)]
    counts, columns, values = (_join(of_parts) for of_parts in zip(*parts, strict=True))
    pointers = torch.zeros(n_steps * n_batch + 1, dtype=torch.int64, device="cpu")
    torch.cumsum(counts, 0, out=pointers[1:])
    return Spikes(pointers, columns, values, n_batch, 1, (n_steps, n_batch, n_in))


def _join(parts: tuple[Tensor, ...]) -> Tensor:
    """One after the other; a single one as it is."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _scanned_at_once(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """How many entries each row has; the columns and values of all.

    Each thread writes its rows' entries one after the other into the room that so many rows could
    fill, of which only what is written takes memory; then they move together.
    """
    n_steps, n_batch, n_in = x.shape
    n_rows = n_steps * n_batch
    starts = torch.empty(n_rows, dtype=torch.int64, device="cpu")
    pointers = torch.zeros(n_rows + 1, dtype=torch.int64, device="cpu")
    columns = empty((n_rows * (n_in + EAGER),), torch.int32)
    values = empty((n_rows * (n_in + EAGER),), dtype)
    found = table(
        *(x.data_ptr(), starts.data_ptr(), pointers[1:].data_ptr()),
        *(columns.data_ptr(), values.data_ptr()),
        *(x.stride(0) * x.element_size(), x.stride(1) * x.element_size(), n_batch, n_in),
    )
    find = scan(x.dtype, dtype, n_in < BLOCK)
    cost = _READ_COST * x.numel() * x.element_size()
    run(find, found, n_rows, grain=1, scratch_bytes=0, cost=cost)
    counts = pointers[1:].clone()
    torch.cumsum(counts, 0, out=pointers[1:])
    n_entries = int(pointers[-1])
    near = empty((n_entries,), torch.int32), empty((n_entries,), dtype)
    moved = table(
        *(starts.data_ptr(), columns.data_ptr(), values.data_ptr()),
        *(pointers.data_ptr(), near[0].data_ptr(), near[1].data_ptr()),
    )
    run(pack(dtype), moved, n_rows, grain=1, scratch_bytes=0, cost=_MOVE_COST * n_entries)
    return counts, *near
