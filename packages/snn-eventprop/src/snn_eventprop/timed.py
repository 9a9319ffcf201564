"""TimedSpikes: spikes on a grid that carry their exact times beside them."""

from __future__ import annotations

from typing import Any

import torch
from snn_core import Events
from torch import Tensor


class TimedSpikes(Tensor):
    """A grid of spikes ``(T, B, *N)`` with the events that it was made of.

    The grid says in which row spikes lie, and how many; it is an ordinary tensor to everything
    that looks at it. The times in ``events`` carry the gradient: ``first_spike`` and the losses of
    this package read them, and so does the next layer on the backend ``eventprop``. The number of
    spikes in a row has no derivative with respect to anything: a gradient that arrives at the grid
    itself, as from an ``eager`` readout, raises. Any operation gives a plain tensor.

    >>> events = Events(torch.tensor([[1.5e-3]]), torch.tensor([[0]]), (1,), 3e-3)
    >>> spikes = TimedSpikes.of(events, 1e-3)
    >>> spikes.flatten(), spikes.events.times
    (tensor([0., 1., 0.]), tensor([[0.0015]]))
    """

    _events: Events
    _made: int
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def of(events: Events, dt: float, *, dtype: torch.dtype | None = None) -> TimedSpikes:
        """The grid of some events; ``dtype`` is that of the grid.

        Raises:
            ValueError: as ``Events.to_grid``.
        """
        grid = events.detach().to_grid(dt, dtype=dtype)
        if events.times.requires_grad:
            grid = _Grid.apply(events.times, grid)  # type: ignore[no-untyped-call]
        spikes: TimedSpikes = grid.as_subclass(TimedSpikes)
        spikes._events, spikes._made = events, spikes._version
        return spikes

    @property
    def events(self) -> Events:
        """The spikes as times and neurons.

        Raises:
            RuntimeError: the grid was changed in place and does not belong to them any more.
        """
        if self._version != self._made:
            raise RuntimeError(
                "this grid of spikes was changed in place, and its events were not: change a "
                "clone(), which is an ordinary tensor"
            )
        return self._events

    def __deepcopy__(self, memo: dict[int, Any]) -> TimedSpikes:
        """A copy of grid and events, without their gradient."""
        spikes: TimedSpikes = self.detach().clone().as_subclass(TimedSpikes)
        spikes._events = Events(
            self.events.times.detach().clone(), self.events.index.clone(), *self.events[2:]
        )
        spikes._made = spikes._version
        return spikes


class _Grid(torch.autograd.Function):
    """Lets a grid depend on spike times, so that a gradient that it cannot have is noticed."""

    @staticmethod
    def forward(ctx: Any, times: Tensor, grid: Tensor) -> Tensor:
        """The grid."""
        return grid.view_as(grid)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        """There is none.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            "a gradient with respect to the number of spikes arrived at a layer of backend "
            "'eventprop', whose gradient goes through spike times: run the layers and readouts "
            "after it on backend 'eventprop' too, or take the loss of spikes.events "
            "(snn_eventprop.first_spike, spike_time_mse, or a count_surrogate by name)"
        )
