"""Recorder: what the neurons of a network do, by forward hooks, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from snn_nodes.recording.rows import WHEN_FULL
from snn_nodes.recording.sites import chosen_sites
from snn_nodes.recording.tap import Recording, Settings, Tap


class Recorder(Mapping[str, Recording]):
    """Records spikes, membranes and rates of the layers of neurons in a network.

    It records from its construction until ``remove()`` or the end of its ``with`` block, in step
    modes ``'s'`` and ``'m'`` and with ``parallel_optim``. Numbers and gradients of the network are
    the same with it; what it keeps is cut from the graph. A copy of the network (``deepcopy``,
    pickle) is not recorded.

    It maps the names of layers to their ``Recording``. Steps count on from call to call: sequences
    that are shown one after the other are recorded one after the other.

    Args:
        net: the network, or a node.
        spikes: whether to keep spikes, one bit each.
        membrane: whether to keep the membranes v, after reset.
        rates: whether to count spikes; that memory is the same whatever the number of steps.
        max_steps: how many steps of spikes and membranes a layer keeps at most; None for all.
        every: keep every ``every``-th step. Rates count all.
        when_full: what happens at ``max_steps``. ``'last'``: the last ones are kept. ``'thin'``:
            every other one is kept, at distances that double whenever it is full again, so that all
            of the run stays covered. ``'raise'``: the call raises. ``Recording.lost`` says how many
            steps are not there any more.
        nodes: names of the layers; None for all. A ``Recurrent`` is one layer.

    Raises:
        ValueError, TypeError: a setting is none of these, no such layer, a neuron without a
            membrane v.

    >>> import torch
    >>> from snn_nodes.neuron import IFNode
    >>> net = nn.Sequential(IFNode(step_mode="m"))
    >>> with Recorder(net, membrane=True) as recorder:
    ...     _ = net(torch.full((4, 1, 1), 0.5))
    >>> recorder["0"].spikes.flatten().tolist(), recorder["0"].membrane.flatten().tolist()
    ([False, True, False, True], [0.5, 0.0, 0.5, 0.0])
    >>> recorder["0"].rates
    tensor([0.5000])
    """

    def __init__(
        self,
        net: nn.Module,
        *,
        spikes: bool = True,
        membrane: bool = False,
        rates: bool = True,
        max_steps: int | None = 1000,
        every: int = 1,
        when_full: str = "last",
        nodes: Sequence[str] | None = None,
    ) -> None:
        _check(max_steps, every, when_full)
        self._settings = Settings(spikes, membrane, rates, max_steps, every, when_full)
        self._taps = {
            name: Tap(site, self._settings) for name, site in chosen_sites(net, nodes).items()
        }
        for tap in self._taps.values():
            tap.attach()

    def remove(self) -> None:
        """Record no more; what is recorded stays."""
        for tap in self._taps.values():
            tap.remove()

    def clear(self) -> None:
        """Forget what is recorded, and go on recording."""
        for tap in self._taps.values():
            tap.clear()

    @property
    def nbytes(self) -> int:
        """The bytes that the records take."""
        return sum(tap.nbytes for tap in self._taps.values())

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()

    def __getitem__(self, name: str) -> Recording:
        if name not in self._taps:
            raise KeyError(
                f"no layer {name!r} is recorded; there are: {', '.join(map(repr, self._taps))}"
            )
        return self._taps[name].recording()

    def __iter__(self) -> Iterator[str]:
        return iter(self._taps)

    def __len__(self) -> int:
        return len(self._taps)

    def __repr__(self) -> str:
        rows = [f"  {name}: {tap.summary()}" for name, tap in self._taps.items()]
        return "\n".join(["Recorder of", *rows])


def _check(max_steps: Any, every: Any, when_full: str) -> None:
    for name, value in (("max_steps", max_steps), ("every", every)):
        if name == "max_steps" and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(
                f"{name} of Recorder must be an integer, got {value!r}; pass {name}=100"
            )
        if value < 1:
            raise ValueError(f"{name} of Recorder must be at least 1, got {value}")
    if when_full not in WHEN_FULL:
        raise ValueError(
            f"when_full of Recorder must be 'last', 'thin' or 'raise', got {when_full!r}"
        )
