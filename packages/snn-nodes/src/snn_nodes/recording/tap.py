"""Tap: what one layer of neurons has done, taken from it by hooks."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from snn_nodes.naming import label
from snn_nodes.neuron.lengths import check_lengths
from snn_nodes.recording.rows import Rows
from snn_nodes.recording.sites import Hook, Site, node_of, over_time
from snn_nodes.spikes import dense
from snn_nodes.spikes.bits import pack, unpack


class Recording(NamedTuple):
    """What is recorded of a layer. R rows: the steps that were kept.

    Args:
        spikes: bool ``(R, B, *N)``; None if not recorded, or if the output is not 0 and 1, as that
            of a leaky integrator.
        membrane: v after reset, ``(R, B, *N)``; None if not recorded.
        rates: ``(*N,)``, spikes per step, the mean over all steps and samples; with ``lengths``
            over the steps that count. None as for spikes.
        at: ``(R,)``, the steps of the rows, counted from 0.
        steps: how many steps the layer has run.
        lost: how many of the steps that were to be kept are not there any more, because of
            ``max_steps``.
    """

    spikes: Tensor | None
    membrane: Tensor | None
    rates: Tensor | None
    at: Tensor
    steps: int
    lost: int


class Settings(NamedTuple):
    """What a ``Recorder`` records; see there."""

    spikes: bool
    membrane: bool
    rates: bool
    max_steps: int | None
    every: int
    when_full: str


class Tap:
    """The record of one layer and the hooks that fill it.

    Args:
        site: the layer.
        settings: what to record.

    Raises:
        ValueError: a membrane is asked for, and the neuron has none.
    """

    def __init__(self, site: Site, settings: Settings) -> None:
        self._site, self._settings = site, settings
        self._handles: list[RemovableHandle] = []
        node = node_of(site)
        if settings.membrane and "v" not in dict(node.named_memories()):
            names = ", ".join(name for name, _ in node.named_memories()) or "none"
            raise ValueError(
                f"{label(site)} has no membrane 'v' to record; it has: {names}. Leave it out by "
                f"nodes=[...]"
            )
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        room = (self._settings.max_steps, self._settings.every, self._settings.when_full)
        self._spikes, self._membrane = Rows(*room), Rows(*room)
        self._shape: torch.Size | None = None
        self._counts: Tensor | None = None
        self._counted: Tensor | int = 0
        self._binary: Tensor | None = None
        self._stores = False
        self._steps = 0

    def attach(self) -> None:
        """Set the hooks: the last to come before the call, the first to come after it.

        So taps on one layer nest, and each finds ``v_seq`` as it was told to expect it.
        """
        site = self._site
        before, after = Hook(self._before), Hook(self._after)
        self._handles = [
            site.register_forward_pre_hook(before),
            site.register_forward_hook(after, prepend=True, with_kwargs=True, always_call=True),
        ]

    def remove(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    @property
    def nbytes(self) -> int:
        """The bytes that the record takes."""
        counts = 0 if self._counts is None else self._counts.nbytes
        return self._spikes.nbytes + self._membrane.nbytes + counts

    # Hooks.

    def _before(self, site: Site, args: Any) -> None:
        node = node_of(site)
        at_once = site.step_mode == "m" or node.parallel_optim
        if self._settings.membrane and at_once and not node.store_v_seq:
            node.store_v_seq = self._stores = True

    def _after(self, site: Site, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        try:
            if output is not None:  # None: the call has raised
                self._note(site, output, _lengths(args, kwargs))
        finally:
            if self._stores:
                node_of(site).store_v_seq = self._stores = False

    def _note(self, site: Site, output: Tensor, lengths: Any) -> None:
        z = over_time(site, dense(output.detach()))
        self._check(z)
        self._steps += len(z)
        self._note_spikes(z, lengths)
        if self._settings.membrane:
            self._membrane.append(self._membranes(site, z).detach())

    def _note_spikes(self, z: Tensor, lengths: Any) -> None:
        fired = z != 0
        # no value is looked at here: on a GPU that would wait for it at every step
        binary = (fired == z).all()
        self._binary = binary if self._binary is None else self._binary & binary
        if self._settings.spikes:
            self._spikes.append(_packed(fired))
        if self._settings.rates:
            counts = fired.sum((0, 1))
            self._counts = counts if self._counts is None else self._counts + counts
            if lengths is None:
                self._counted = self._counted + len(z) * z.shape[1]
            else:
                counted = check_lengths(lengths, z, label(self._site)).sum()
                self._counted = self._counted + counted

    def _membranes(self, site: Site, z: Tensor) -> Tensor:
        node = node_of(site)
        rows = node.v_seq if node.store_v_seq else node.v.unsqueeze(0)
        v: Tensor = rows.reshape(z.shape)
        return v

    def _check(self, z: Tensor) -> None:
        settings, shape = self._settings, z.shape[1:]
        if not (settings.spikes or settings.membrane):
            shape = shape[1:]  # rates are those of any batch
        if self._shape is None:
            self._shape = shape
        if shape != self._shape:
            raise ValueError(
                f"Recorder: {label(self._site)} was recorded with steps of {tuple(self._shape)}, "
                f"and now has {tuple(shape)}; call recorder.clear() before another batch, or "
                f"record rates alone, which go over batches of any size"
            )
        keeps = self._spikes if settings.spikes else self._membrane
        if (settings.spikes or settings.membrane) and not keeps.has_room_for(len(z)):
            raise RuntimeError(
                f"Recorder: {label(self._site)} has run {self._steps} steps and is to run "
                f"{len(z)} more, which does not fit into max_steps={settings.max_steps}; call "
                f"recorder.clear(), or pass when_full='last' or 'thin', or a larger max_steps"
            )

    # Results.

    def recording(self) -> Recording:
        """What there is until now."""
        spiking = self._binary is None or bool(self._binary)
        spikes = membrane = rates = None
        rows = self._spikes if self._settings.spikes else self._membrane
        if self._settings.spikes and self._shape is not None and spiking:
            spikes = _unpacked(self._spikes.kept(), tuple(self._shape))
        if self._settings.membrane and self._shape is not None:
            membrane = self._membrane.kept()
        if self._counts is not None and spiking:
            rates = self._counts / self._counted
        return Recording(spikes, membrane, rates, rows.at(), self._steps, rows.lost)

    def summary(self) -> str:
        """In a line: steps, rate, what is lost."""
        now = self.recording()
        parts = [label(self._site), f"{now.steps} steps"]
        if now.rates is not None:
            parts.append(f"{now.rates.mean():.3g} spikes per step and neuron")
        if now.lost:
            parts.append(f"{now.lost} of them not kept")
        return ", ".join(parts)


def _lengths(args: Any, kwargs: dict[str, Any]) -> Any:
    return kwargs.get("lengths", args[1] if len(args) > 1 else None)


def _packed(fired: Tensor) -> Tensor:
    """bool ``(k, *)`` to whole bytes a row, ``(k, bytes)``."""
    flat = fired.flatten(1)
    whole = torch.nn.functional.pad(flat, (0, -flat.shape[1] % 8))
    return pack(whole).view(len(fired), -1)


def _unpacked(rows: Tensor, shape: tuple[int, ...]) -> Tensor:
    size = torch.Size(shape).numel()
    whole = unpack(rows.flatten(), (len(rows), 8 * rows.shape[1]))
    return whole[:, :size].reshape(len(rows), *shape)
