"""Probes: what a layer of neurons does in one run, and the gradient that arrives at its output."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from snn_core.thresholds import Threshold
from torch import Tensor, nn

from snn_nodes.neuron.base import BaseNode
from snn_nodes.neuron.neuron_node import NeuronNode
from snn_nodes.neuron.stateful import StatefulNode
from snn_nodes.recording.sites import Hook, Site, hooked, node_of, over_time
from snn_nodes.recording.width import Width, surrogate_width
from snn_nodes.spikes import SpikeTensor, dense
from snn_nodes.surrogate import Surrogate


class Probe:
    """What is seen of one layer.

    Attributes:
        width: of its surrogate; None if it is not seen.
        zeros: of each call, what was added to the output: the gradient of it is the output's.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.width = _width_of(node_of(site))
        self.zeros: list[Tensor] = []
        self.shares: list[Tensor] = []
        self._counts: list[Tensor] = []
        self._binary: list[Tensor] = []
        self.steps = 0

    def sees(self, x: Tensor) -> None:
        """What the threshold is asked, ``v - v_threshold`` ``(B, *N)``: before any reset."""
        if self.width is not None:
            self.shares.append(self.width.share_of(x))

    def through(self, output: Tensor) -> Tensor:
        """The output of a call, plus a zero that gradients reach."""
        z = dense(output)
        zero = torch.zeros_like(z.detach()).requires_grad_()
        self.zeros.append(zero)
        rows = over_time(self.site, z.detach())
        self.steps += len(rows)
        self._counts.append(rows.sum((0, 1), dtype=torch.float64) / rows.shape[1])
        self._binary.append(((rows == 0) | (rows == 1)).all())
        return SpikeTensor.from_spikes(z + zero) if isinstance(output, SpikeTensor) else z + zero

    @property
    def spiking(self) -> bool:
        """Whether its outputs are spikes."""
        return bool(self._binary) and bool(torch.stack(self._binary).all())

    def rates(self) -> Tensor:
        """Spikes per step of each neuron, ``(*N,)``, over samples and steps."""
        return torch.stack(self._counts).sum(0) / self.steps

    def in_width(self) -> float | None:
        """The share of membranes within the width, over all steps; None if not seen."""
        return torch.stack(self.shares).mean().item() if self.shares else None

    def norms(self, gradients: list[Tensor | None]) -> Tensor:
        """The norm of the output's gradient at each step, ``(T,)``, from those of ``zeros``."""
        rows = [
            over_time(self.site, torch.zeros_like(zero) if gradient is None else gradient)
            for zero, gradient in zip(self.zeros, gradients, strict=True)
        ]
        return torch.cat([torch.linalg.vector_norm(row.double().flatten(1), dim=1) for row in rows])


@contextmanager
def probing(layers: dict[str, Site]) -> Iterator[dict[str, Probe]]:
    """A scope in which each call of the layers passes its probe.

    Nodes with the backend ``'auto'`` run eagerly there, where their thresholds can be seen.
    """
    probes = {name: Probe(site) for name, site in layers.items()}
    running: list[Probe] = []

    def note(x: Tensor) -> None:
        # without gradient a node only tries whether its step is pure
        if running and torch.is_grad_enabled():
            running[-1].sees(x.detach())

    def before(probe: Probe) -> Callable[..., None]:
        return lambda site, args: running.append(probe)

    def after(probe: Probe) -> Callable[..., Tensor]:
        return lambda site, args, output: (running.pop(), probe.through(output))[1]

    with ExitStack() as scope:
        handles = []
        for probe in probes.values():
            handles.append(probe.site.register_forward_pre_hook(Hook(before(probe))))
            handles.append(probe.site.register_forward_hook(Hook(after(probe)), prepend=True))
            if probe.width is not None:
                _watch(node_of(probe.site), note, scope)
        scope.enter_context(hooked(handles))
        yield probes


@dataclasses.dataclass(frozen=True)
class _Watched(Threshold):
    """A threshold that says what it is asked."""

    note: Callable[[Tensor], None] = lambda x: None

    def __call__(self, x: Tensor) -> Tensor:
        self.note(x)
        return super().__call__(x)


def _watch(node: StatefulNode, note: Callable[[Tensor], None], scope: ExitStack) -> None:
    """Until the scope ends, have ``note`` called with what the node's threshold is asked."""
    if node.backend != "eager":
        scope.callback(setattr, node, "backend", node.backend)
        node.backend = "eager"
    holder: Any = node if isinstance(node, NeuronNode) else node.surrogate_function
    if isinstance(holder, NeuronNode | Surrogate):
        scope.callback(setattr, holder, "threshold", holder.threshold)
        of = holder.threshold
        holder.threshold = _Watched(of.name, of.derivative, of.primitive, of.alpha, of.strict, note)
    else:
        handle = holder.register_forward_pre_hook(Hook(lambda module, args: note(args[0])))
        scope.callback(handle.remove)


def _width_of(node: StatefulNode) -> Width | None:
    """The width of its surrogate; None where nothing can be seen of it.

    That is so on a backend other than ``'eager'`` that was asked for by name, with a surrogate that
    is a plain function, and where the smooth primitive is in the spike's place, whose gradient is
    true.
    """
    if node.backend not in ("auto", "eager"):
        return None
    if isinstance(node, NeuronNode):
        return surrogate_width(node.threshold)
    if not isinstance(node, BaseNode):
        return None
    surrogate = node.surrogate_function
    if isinstance(surrogate, Surrogate):
        return surrogate_width(surrogate.threshold) if surrogate.spiking else None
    if not isinstance(surrogate, nn.Module):
        return None
    own = next(iter([*surrogate.parameters(), *surrogate.buffers()]), None)
    return surrogate_width(surrogate, device=None if own is None else own.device)
