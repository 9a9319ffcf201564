"""Events: spikes as times and indices, and their conversion to and from a grid."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

# Rounding noise of a time, in steps, that does not move an event into the row before.
_FORGIVEN_STEPS = 1e-6


class Events(NamedTuple):
    """Spikes of a layer as a list per sample, sorted by time.

    Args:
        times: ``(B, K)`` in seconds, within ``[0, duration)``, ascending, padded with inf.
        index: ``(B, K)`` integers, the flat index of the neuron in ``shape``; -1 where padded.
        shape: the layer's shape ``(*N,)``.
        duration: length of the recording in seconds.

    >>> import torch
    >>> z = torch.zeros(4, 1, 3); z[1, 0, 2] = 1; z[3, 0, 0] = 1
    >>> events = Events.from_grid(z, dt=1e-3)
    >>> events.index
    tensor([[2, 0]])
    >>> torch.equal(events.to_grid(dt=1e-3), z)
    True
    """

    times: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which nobody calls here
    shape: tuple[int, ...]
    duration: float

    @classmethod
    def of(cls, times: Tensor, index: Tensor, shape: tuple[int, ...], duration: float) -> Events:
        """Checked events from unsorted times; an inf time is no event. Keeps the times' gradient.

        Raises:
            ValueError, TypeError: as ``check``.

        >>> import torch
        >>> Events.of(torch.tensor([[0.3, 0.1]]), torch.tensor([[0, 1]]), (2,), 0.5).index
        tensor([[1, 0]])
        """
        _check_tensors(times, index)
        order = times.detach().argsort(dim=-1, stable=True)
        times = times.gather(-1, order)
        index = index.gather(-1, order).masked_fill(times.isinf(), -1)
        return cls(times, index, shape, duration).check()

    @classmethod
    def from_grid(cls, z: Tensor, dt: float, *, dtype: torch.dtype = torch.float64) -> Events:
        """Events of a grid ``(T, B, *N)``: a spike of row k has the time ``k dt``, a count of c
        gives c events. ``dtype`` is that of the times.

        Raises:
            ValueError: z holds anything but whole numbers >= 0, or has no batch axis or no steps.

        >>> import torch
        >>> Events.from_grid(torch.tensor([[[0.0]], [[2.0]]]), dt=0.5).times
        tensor([[0.5000, 0.5000]], dtype=torch.float64)
        """
        _check_step(dt)
        if z.ndim < 3 or len(z) == 0:
            raise ValueError(f"expected a grid of shape (T, B, *N), T > 0, got {tuple(z.shape)}")
        n_steps, n_batch = z.shape[:2]
        n_neurons = math.prod(z.shape[2:])
        counts = z.transpose(0, 1)
        _check_counts(counts)
        counts = counts.reshape(n_batch, n_steps * n_neurons)
        sample, slot = counts.nonzero(as_tuple=True)
        repeats = counts[sample, slot].long()
        sample, slot = sample.repeat_interleave(repeats), slot.repeat_interleave(repeats)
        per_sample = torch.bincount(sample, minlength=n_batch)
        first = per_sample.cumsum(0) - per_sample
        place = torch.arange(len(sample), device=z.device) - first[sample]
        width = int(per_sample.max()) if n_batch else 0
        times = torch.full((n_batch, width), math.inf, dtype=dtype, device=z.device)
        index = torch.full((n_batch, width), -1, device=z.device)
        times[sample, place] = (slot // n_neurons).to(dtype) * dt
        index[sample, place] = slot % n_neurons
        return cls(times, index, tuple(z.shape[2:]), n_steps * dt)

    def steps(self, dt: float) -> int:
        """How many steps of dt seconds the recording has.

        Raises:
            ValueError: it is not a whole number of them.

        >>> Events.from_grid(torch.zeros(7, 1, 1), dt=1e-3).steps(dt=0.5e-3)
        14
        """
        _check_step(dt)
        _check_extent(self.shape, self.duration)
        n_steps = round(self.duration / dt)
        if abs(self.duration / dt - n_steps) > _FORGIVEN_STEPS * n_steps:
            raise ValueError(
                f"a duration of {self.duration} s is not a whole number of steps of dt = {dt} s; "
                f"change one of them"
            )
        return n_steps

    def to_grid(self, dt: float, *, dtype: torch.dtype | None = None) -> Tensor:
        """The grid ``(T, B, *N)`` of events per bin: row k holds the times in ``[k dt, (k+1) dt)``.

        Two events of one neuron in one bin count two, so that no charge is lost. ``dtype`` is
        that of the grid, floating point, by default torch's.

        Raises:
            ValueError: the duration is not a whole number of steps; an event is out of range; the
                times carry a gradient, which a grid cannot keep; or a bin holds more events than
                the dtype can count.

        >>> import torch
        >>> twice = Events.of(torch.tensor([[0.1, 0.2]]), torch.tensor([[0, 0]]), (1,), 1.0)
        >>> twice.to_grid(dt=0.5).flatten()
        tensor([2., 0.])
        """
        n_steps = self.steps(dt)
        step, sample, neuron = in_bins(self, dt)
        size = (n_steps, len(self.times), math.prod(self.shape))
        grid = torch.zeros(size, dtype=dtype, device=self.times.device)
        one = grid.new_ones(())
        grid.index_put_((step, sample, neuron), one, accumulate=True)
        _check_countable(grid, len(step))
        return grid.reshape(n_steps, len(self.times), *self.shape)

    def detach(self) -> Events:
        """The same events without the gradient of their times.

        >>> times = torch.zeros(1, 1, requires_grad=True)
        >>> Events.of(times, torch.zeros(1, 1).long(), (1,), 1.0).detach().times.requires_grad
        False
        """
        return self._replace(times=self.times.detach())

    def to(self, device: torch.device | str) -> Events:
        """The same events on another device."""
        return self._replace(times=self.times.to(device), index=self.index.to(device))

    def check(self) -> Events:
        """These events, if they are well formed.

        Raises:
            ValueError, TypeError: names the first thing that is not as the class says.

        >>> Events(torch.tensor([[2.0]]), torch.tensor([[0]]), (1,), 1.0).check()
        Traceback (most recent call last):
        ValueError: an event at 2.0 s is outside [0, 1.0) s; drop it or give a longer duration
        """
        _check_tensors(self.times, self.index)
        _check_extent(self.shape, self.duration)
        if self.times.is_meta or self.index.is_meta:  # there are no values to look at
            return self
        times, index = self.times.detach(), self.index
        real = times != math.inf
        held = (times >= 0) & (times < self.duration) & (index >= 0)
        held &= index < math.prod(self.shape)
        # one look at all of it, since every call of a layer comes through here
        held = torch.where(real, held, index == -1)
        if not bool(held.all()) or not bool((times[:, 1:] >= times[:, :-1]).all()):
            _refuse(self, times, real)
        return self


def _refuse(events: Events, times: Tensor, real: Tensor) -> None:
    """Raise for the first thing that is not as it should be."""
    inside = (times >= 0) & (times < events.duration)
    if not bool((inside | ~real).all()):
        raise ValueError(
            f"an event at {times[real & ~inside][0].item()} s is outside "
            f"[0, {events.duration}) s; drop it or give a longer duration"
        )
    if not bool((times[:, 1:] >= times[:, :-1]).all()):
        raise ValueError("times must ascend in each sample; build them with Events.of")
    n_neurons = math.prod(events.shape)
    outside = real & ((events.index < 0) | (events.index >= n_neurons))
    if bool(outside.any()):
        raise ValueError(
            f"an event of neuron {events.index[outside][0].item()} does not fit a layer of shape "
            f"{events.shape} with {n_neurons} neurons, 0 to {n_neurons - 1}"
        )
    raise ValueError(
        f"where times are padded with inf the index must be -1, got "
        f"{events.index[~real & (events.index != -1)][0].item()}; build events with Events.of"
    )


def in_bins(events: Events, dt: float) -> tuple[Tensor, Tensor, Tensor]:
    """Step, sample and neuron of each event, int64 ``(n_events,)``, for kernels that take events.

    They come sample after sample, and the steps of a sample ascend.

    Raises:
        ValueError: as ``Events.to_grid``, but for a bin that holds too many.
    """
    n_steps = events.steps(dt)
    if events.times.requires_grad:
        raise ValueError(
            "the event times carry a gradient, which a grid cannot keep; "
            "convert events.detach(), or choose a backend that takes events"
        )
    events.check()
    steps = events.times.double() / dt
    # A time k*dt may have been rounded below k*dt, by more in single precision.
    noise = _FORGIVEN_STEPS + 4 * torch.finfo(events.times.dtype).eps * steps
    real = events.times.isfinite()
    step = (steps + noise)[real].floor().long().clamp(max=n_steps - 1)
    return step, real.nonzero(as_tuple=True)[0], events.index[real]


def _check_tensors(times: Tensor, index: Tensor) -> None:
    for name, tensor in (("times", times), ("index", index)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name} of events must be a Tensor, got {type(tensor).__name__}")
    if not times.is_floating_point():
        raise TypeError(f"times must be floating point, in seconds, got {times.dtype}")
    if index.dtype != torch.int64:
        raise TypeError(f"index must be torch.int64, got {index.dtype}; pass index.long()")
    if times.ndim != 2 or times.shape != index.shape:
        raise ValueError(
            f"times and index must both be (B, K), got {tuple(times.shape)} and "
            f"{tuple(index.shape)}"
        )


def _check_extent(shape: tuple[int, ...], duration: float) -> None:
    if not isinstance(shape, tuple) or not all(type(size) is int for size in shape):
        raise TypeError(f"the shape of events must be a tuple of integers, got {shape!r}")
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        raise TypeError(f"duration must be a number of seconds, got {type(duration).__name__}")
    if not (math.isfinite(duration) and duration > 0):
        raise ValueError(f"duration must be above 0 seconds, got {duration}")


def _check_step(dt: float) -> None:
    if not (math.isfinite(dt) and dt > 0):
        raise ValueError(f"dt must be above 0 seconds, got {dt}; pass dt=1e-3")


def _check_counts(counts: Tensor) -> None:
    whole = counts >= 0
    if counts.is_floating_point():
        whole &= (counts == counts.floor()) & counts.isfinite()
    if not bool(whole.all()):
        raise ValueError(
            f"a grid of spikes holds whole numbers >= 0, got {counts[~whole][0].item()}; "
            f"only spikes can become events"
        )


def _check_countable(grid: Tensor, n_events: int) -> None:
    """Raise if adding one event after the other lost some: half precision counts to 256 or 2048."""
    if not grid.is_floating_point():
        raise TypeError(f"the dtype of a grid must be floating point, got {grid.dtype}")
    if n_events >= 2 / torch.finfo(grid.dtype).eps and int(grid.double().sum()) != n_events:
        raise ValueError(
            f"a bin holds more events than {grid.dtype} can count; take torch.float32 or a "
            f"shorter dt"
        )
