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
            ValueError: as ``check``.
        """
        order = times.detach().argsort(dim=-1, stable=True)
        times = times.gather(-1, order)
        index = index.gather(-1, order).masked_fill(times.isinf(), -1)
        return cls(times, index, tuple(shape), duration).check()

    @classmethod
    def from_grid(cls, z: Tensor, dt: float, *, dtype: torch.dtype = torch.float64) -> Events:
        """Events of a grid ``(T, B, *N)``: a spike of row k has the time ``k dt``, a count of c
        gives c events. ``dtype`` is that of the times.

        Raises:
            ValueError: z holds anything but whole numbers >= 0, or has no batch axis.
        """
        _check_step(dt)
        if z.ndim < 3:
            raise ValueError(f"expected a grid of shape (T, B, *N), got {tuple(z.shape)}")
        n_steps, n_batch = z.shape[:2]
        n_neurons = math.prod(z.shape[2:])
        counts = z.detach().transpose(0, 1)
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

    def to_grid(self, dt: float, *, dtype: torch.dtype | None = None) -> Tensor:
        """The grid ``(T, B, *N)`` of events per bin: row k holds the times in ``[k dt, (k+1) dt)``.

        Two events of one neuron in one bin count two, so that no charge is lost. ``dtype`` is
        that of the grid, by default torch's.

        Raises:
            ValueError: the duration is not a whole number of steps; an event is out of range; or
                the times carry a gradient, which a grid cannot keep.
        """
        _check_step(dt)
        if self.times.requires_grad:
            raise ValueError(
                "the event times carry a gradient, which a grid cannot keep; "
                "convert events.detach(), or choose a backend that takes events"
            )
        self.check()
        n_steps = _whole_steps(self.duration, dt)
        steps = self.times.double() / dt
        # A time k*dt may have been rounded below k*dt, by more in single precision.
        noise = _FORGIVEN_STEPS + 4 * torch.finfo(self.times.dtype).eps * steps
        real = self.times.isfinite()
        sample = real.nonzero(as_tuple=True)[0]
        row = (steps + noise)[real].floor().long().clamp(max=n_steps - 1)
        grid = torch.zeros(
            (n_steps, len(self.times), math.prod(self.shape)),
            dtype=dtype or torch.get_default_dtype(),
            device=self.times.device,
        )
        one = torch.ones((), dtype=grid.dtype, device=grid.device)
        grid.index_put_((row, sample, self.index[real]), one, accumulate=True)
        return grid.reshape(n_steps, len(self.times), *self.shape)

    def detach(self) -> Events:
        """The same events without the gradient of their times."""
        return self._replace(times=self.times.detach())

    def check(self) -> Events:
        """These events, if they are well formed.

        Raises:
            ValueError: names the first thing that is not as the class says.
        """
        times, n_neurons = self.times.detach(), math.prod(self.shape)
        if times.ndim != 2 or times.shape != self.index.shape:
            raise ValueError(
                f"times and index must both be (B, K), got {tuple(times.shape)} and "
                f"{tuple(self.index.shape)}"
            )
        if not (math.isfinite(self.duration) and self.duration > 0):
            raise ValueError(f"duration must be above 0 seconds, got {self.duration}")
        real = times != math.inf
        if not bool(((times >= 0) & (times < self.duration) | ~real).all()):
            wrong = times[real & ~((times >= 0) & (times < self.duration))][0].item()
            raise ValueError(
                f"an event at {wrong} s is outside [0, {self.duration}) s; "
                f"drop it or give a longer duration"
            )
        if not bool((times[:, 1:] >= times[:, :-1]).all()):
            raise ValueError("times must ascend in each sample; build them with Events.of")
        outside = real & ((self.index < 0) | (self.index >= n_neurons))
        if bool(outside.any()):
            raise ValueError(
                f"an event of neuron {self.index[outside][0].item()} does not fit a layer of shape "
                f"{self.shape} with {n_neurons} neurons, 0 to {n_neurons - 1}"
            )
        return self


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


def _whole_steps(duration: float, dt: float) -> int:
    n_steps = round(duration / dt)
    if n_steps < 1 or abs(duration / dt - n_steps) > _FORGIVEN_STEPS * max(1, n_steps):
        raise ValueError(
            f"a duration of {duration} s is not a whole number of steps of dt = {dt} s; "
            f"change one of them"
        )
    return n_steps
