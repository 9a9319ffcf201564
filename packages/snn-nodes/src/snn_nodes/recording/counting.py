"""Counts of operations: what each kind of layer adds at a call, taken by hooks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from snn_core.events import Events
from snn_core.layer import Layer
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from snn_nodes.layer.recurrent import Recurrent
from snn_nodes.recording.fan_out import Synapses, fan_out, input_shape
from snn_nodes.recording.sites import Hook, Site, over_time
from snn_nodes.spikes import dense


class Numbers(NamedTuple):
    """Numbers of operations; see ``LayerOperations``."""

    accumulations: int = 0
    multiplications: int = 0
    biases: int = 0
    updates: int = 0
    dense: int = 0


class Count:
    """The operations of one module, and the hooks that count them."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.numbers = Numbers()

    @property
    def kind(self) -> str:
        """The class of the module."""
        return type(self.module).__name__

    def attach(self) -> list[RemovableHandle]:
        """Set the hooks."""
        hook = Hook(self._after)
        return [self.module.register_forward_hook(hook, prepend=True, with_kwargs=True)]

    def _after(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        raise NotImplementedError

    def _add(self, more: Numbers) -> None:
        self.numbers = Numbers(*map(sum, zip(self.numbers, more, strict=True)))


class SynapseCount(Count):
    """Of a layer of synapses."""

    module: Synapses

    def __init__(self, module: Synapses) -> None:
        super().__init__(module)
        self._fan_outs: dict[tuple[int, ...], Tensor] = {}
        self._calls = 0

    def _after(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor
    ) -> None:
        self._calls += 1
        (x,) = [*args, *kwargs.values()]
        self._add_input(x, output.numel())

    def _add_input(self, x: Tensor, n_outputs: int) -> None:
        shape = input_shape(self.module, x)
        if shape not in self._fan_outs:
            self._fan_outs[shape] = fan_out(self.module, shape)
        biases = 0 if self.module.bias is None else n_outputs
        self._add(through(dense(x), self._fan_outs[shape])._replace(biases=biases))


class FeedbackCount(SynapseCount):
    """Of the synapses of a ``Recurrent``, which it may run without calling them."""

    def __init__(self, module: Synapses, around: Recurrent) -> None:
        super().__init__(module)
        self._around = around

    def attach(self) -> list[RemovableHandle]:
        """Set the hooks: on the synapses, and on what is around them."""
        return [
            *super().attach(),
            self._around.register_forward_pre_hook(Hook(self._before_all)),
            self._around.register_forward_hook(Hook(self._after_all), prepend=True),
        ]

    def _before_all(self, around: Recurrent, args: Any) -> None:
        self._calls = 0
        self._last = around.output

    def _after_all(self, around: Recurrent, args: Any, output: Tensor) -> None:
        if self._calls:
            return
        z = over_time(around, dense(output))
        self._add_input(fed_back(z, self._last), z.numel())


class NodeCount(Count):
    """Of a layer of neurons."""

    module: Site

    def _after(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor
    ) -> None:
        self._add(Numbers(updates=output.numel()))


class LayerCount(Count):
    """Of a ``snn_core.Layer``: its synapses, its feedback, its neurons."""

    module: Layer

    def _after(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        given = dict(zip(("x", "state"), args, strict=False)) | kwargs
        state, z = given.get("state"), output.output
        self._add(self._through(given["x"]))
        if self.module.recurrent_weight is not None:
            last = None if state is None else state.output
            self._add(self._through(z if isinstance(z, Events) else fed_back(z, last)))
        if isinstance(z, Tensor):
            self._add(Numbers(updates=z.numel()))

    def _through(self, x: Tensor | Events) -> Numbers:
        if isinstance(x, Events):
            return Numbers(accumulations=int((x.index >= 0).sum()) * self.module.n_out)
        fan = torch.full(x.shape[-1:], float(self.module.n_out), dtype=torch.float64)
        return through(x, fan.to(x.device))


def through(x: Tensor, fan: Tensor) -> Numbers:
    """The operations of inputs ``(*, *shape)`` through synapses of this fan-out ``(*shape)``."""
    x = x.detach()
    samples = x.numel() // max(1, math.prod(fan.shape))
    full = samples * int(fan.sum())
    if not bool(((x == 0) | (x == 1)).all()):
        return Numbers(multiplications=full, dense=full)
    spikes = x.reshape(-1, *fan.shape).sum(0, dtype=torch.float64)
    return Numbers(accumulations=int((spikes * fan).sum()), dense=full)


def fed_back(z: Tensor, last: Tensor | None) -> Tensor:
    """What comes back at each step of outputs z ``(T, B, *N)``: those of the step before.

    Args:
        z: the outputs.
        last: those before the first step; None, or of another batch: 0.
    """
    first = torch.zeros_like(z[0]) if last is None or last.shape != z.shape[1:] else last
    return torch.cat((first.unsqueeze(0), z[:-1]))
