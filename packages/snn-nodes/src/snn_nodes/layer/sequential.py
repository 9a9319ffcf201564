"""Sequential: layers one after the other, over time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from snn_nodes.layer.admission import check_layer, outermost_stepping, takes_lengths
from snn_nodes.layer.states import State, memories_of, started_from
from snn_nodes.layer.time_first import check_tensor
from snn_nodes.naming import label, name_places
from snn_nodes.neuron.lengths import refuse_lengths
from snn_nodes.stepping import Stepping, TakesLengths, merged


class Sequential(TakesLengths, Stepping, nn.Sequential):
    """Layers one after the other on whole sequences: ``(T, B, *)`` to ``(T, B, *)``.

    It sets the layers to step mode ``'m'``, so that each runs over all steps at once. Nodes and
    time-first layers, and modules made of them, get the sequence; modules of torch, which know no
    time, get all steps of all samples as one batch. Indexing, slicing, ``append`` and the keys of
    ``state_dict()`` are as for ``torch.nn.Sequential``.

    Args:
        modules: the layers, or one ``OrderedDict`` of them.
        step_mode: ``'m'``, or ``'s'`` for ``(B, *)`` to ``(B, *)``. Setting the attribute sets
            that of all layers.

    Raises:
        TypeError: a layer with a time of its own, such as ``torch.nn.LSTM``.
        ValueError: a ``torch.nn.Sequential`` with nodes, or the same node at two places.

    >>> import torch
    >>> from snn_nodes.neuron import LIFNode
    >>> net = Sequential(nn.Linear(4, 3), LIFNode(), nn.Linear(3, 2))
    >>> net(torch.rand(5, 1, 4)).shape  # 5 steps of one sample
    torch.Size([5, 1, 2])
    >>> list(net.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    _step_mode = "m"

    def __init__(self, *modules: Any, step_mode: str = "m") -> None:
        nn.Sequential.__init__(self)
        self.step_mode = step_mode
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], dict) else None
        pairs = ((str(i), m) for i, m in enumerate(modules)) if named is None else named.items()
        for name, module in pairs:
            self.add_module(name, module)

    # Every way in: the layer is checked, set to the step mode, and told its place.

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """Add a layer; one that cannot run over time is refused."""
        self._check(name, module)
        super().add_module(name, module)
        self._adopt()

    def __setattr__(self, name: str, value: Any) -> None:
        self._check(name, value)
        super().__setattr__(name, value)
        if isinstance(value, nn.Module):
            self._adopt()
        elif name == "step_mode":
            self._spread()

    def insert(self, index: int, module: nn.Module) -> Sequential:
        """Put a layer before the one at ``index``."""
        self._check(None, module)
        super().insert(index, module)
        self._adopt()
        return self

    def __getitem__(self, index: slice | int) -> Any:
        """The layer at a place, or a Sequential of some of the same layers."""
        if not isinstance(index, slice):
            return super().__getitem__(index)
        chosen = list(self._modules.items())[index]
        return type(self)(OrderedDict(chosen), step_mode=self.step_mode)

    def __add__(self, other: nn.Sequential) -> Sequential:
        """A Sequential of the layers of both.

        Raises:
            TypeError: other is no Sequential.
            ValueError: both hold the same layer with a state.
        """
        if not isinstance(other, nn.Sequential):
            raise TypeError(
                f"can only add a Sequential to a Sequential, got {type(other).__name__}"
            )
        return type(self)(*self, *other, step_mode=self.step_mode)

    def __mul__(self, times: int) -> Sequential:
        """The layers several times over, with shared weights.

        Raises:
            TypeError: times is no integer.
            ValueError: a layer has a state, which two places cannot share.
        """
        return type(self)(
            *[layer for _ in range(times) for layer in self], step_mode=self.step_mode
        )

    def _check(self, name: str | None, value: Any) -> None:
        """A layer that comes in the place ``name``, whatever is there now."""
        if isinstance(value, nn.Module):
            others = [m for place, m in self._modules.items() if place != name and m is not None]
            check_layer(value, others)

    def _adopt(self) -> None:
        self._spread()
        name_places(self)

    def _spread(self) -> None:
        """Give its step mode to all that it holds."""
        for module in self.modules():
            if isinstance(module, Stepping) and module is not self:
                module.step_mode = self.step_mode

    # Running.

    def forward(self, x: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """The output of the last layer.

        Args:
            x: ``(T, B, *)``, or one step ``(B, *)`` in mode ``'s'``.
            lengths: ``(B,)``, how many steps of each sample count; for every layer that takes
                them. Beyond, the output means nothing: a bias has no end.

        Raises:
            ValueError: x has no time, lengths in mode ``'s'``, or a layer that should take lengths
                and does not: one with nodes inside, or a batch norm of torch in training. What a
                layer raises bears a note that says which.
        """
        self._check_call(x, lengths)
        for place, layer in self._modules.items():
            try:
                x = self._through(layer, x, lengths)
            except Exception as error:
                shown = f"{type(layer).__name__}({layer.extra_repr()})"
                given = self._given(layer, x)
                error.add_note(f"in layer {place!r} of {type(self).__name__}: {shown}{given}")
                raise
        return x

    def threaded(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Tensor, State]:
        """The output, and the state after it: the state is an argument and a result.

        What the layers remember themselves is neither read nor changed, so the same input and state
        give the same output. (Batch norms in training go on learning their statistics, and a
        dropout without a mask draws one.)

        Args:
            x, lengths: as for ``forward``.
            state: from an earlier call, to go on where it stopped; None to start. It is made of
                dictionaries and tensors: ``torch.save`` it, ``torch.load(..., weights_only=True)``.

        Raises:
            ValueError: a state of another network.

        >>> import torch
        >>> from snn_nodes.neuron import IFNode
        >>> net = Sequential(IFNode())
        >>> half = torch.full((1, 1, 1), 0.5)
        >>> out, state = net.threaded(half)
        >>> net.threaded(half, state)[0].item(), net[0].v
        (1.0, 0.0)
        """
        with started_from(self, state):
            return self(x, lengths), memories_of(self)

    def _check_call(self, x: Tensor, lengths: Any) -> None:
        check_tensor(self, x)
        if self.step_mode == "m" and x.ndim < 2:
            raise ValueError(
                f"{type(self).__name__} takes (T, B, *), got {tuple(x.shape)}; for one step at a "
                f"time set step_mode='s'"
            )
        if self.step_mode == "s" and lengths is not None:
            refuse_lengths(self)

    def _through(self, layer: nn.Module, x: Tensor, lengths: Any) -> Tensor:
        with_time = outermost_stepping(layer)
        for module in with_time:
            if module.step_mode != self.step_mode:
                raise ValueError(
                    f"{label(module)} is in step_mode={module.step_mode!r}, the "
                    f"{type(self).__name__} around it in {self.step_mode!r}; set that of the whole "
                    f"network"
                )
        y: Tensor
        if lengths is not None and takes_lengths(layer):
            y = layer(x, lengths)
        elif self.step_mode == "m" and not with_time:
            check_tensor(layer, x)
            y = merged(layer, x)
        else:
            y = layer(x)
        return y

    def _given(self, layer: nn.Module, x: Any) -> str:
        """Of a layer that knows no time: which shape it got, and what that was made of."""
        if self.step_mode == "s" or outermost_stepping(layer) or not isinstance(x, Tensor):
            return ""
        whole = tuple(x.shape)
        return (
            f", given {(whole[0] * whole[1], *whole[2:])}, all steps of {whole} = (T, B, *) "
            f"merged; is the time axis missing?"
        )
