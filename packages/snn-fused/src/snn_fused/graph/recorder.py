"""Recorder: writes down the operations that a function of tensors does, its backward included.

``make_fx`` would do it too, but brings torch's compiler along: four seconds at its first use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_flatten, tree_map

from snn_fused.graph.decompositions import decompositions


def without_modes() -> Any:
    """A context in which no dispatch mode of the caller, such as fake tensors, is active."""
    return _disable_current_modes()


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds a node to ``graph`` for each operation that is done while it is active."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = fx.Graph()
        # Tensors are held, so that no id is given out twice.
        self._nodes: dict[int, tuple[Tensor, fx.Node]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch's compiler never meets this mode; else torch would import it to keep it away."""
        return False

    def placeholder(self, name: str, value: Tensor) -> None:
        """Make a tensor known as an input."""
        self._remember(value, self.graph.placeholder(name))

    def node(self, value: Tensor) -> fx.Node:
        """The node of a tensor; one that was not made here is a constant of the function."""
        if id(value) not in self._nodes:
            node = self.graph.create_node("get_attr", "constant")
            node.meta["value"] = value
            self._remember(value, node)
        return self._nodes[id(value)][1]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do the operation, or the simpler ones that it decomposes into, and write it down."""
        kwargs = kwargs or {}
        if func is torch.ops.aten._local_scalar_dense.default:
            raise TypeError("it reads the value of a tensor, on which a kernel cannot branch")
        simpler = decompositions().get(func)
        if simpler is None and func._can_decompose():
            simpler = func.decompose
        if simpler is not None:
            with self:
                return simpler(*args, **kwargs)
        result = func(*args, **kwargs)

        def known(value: Any) -> Any:
            return self.node(value) if isinstance(value, Tensor) else value

        node = self.graph.call_function(func, tree_map(known, args), tree_map(known, kwargs))
        if isinstance(result, Tensor):
            self._remember(result, node)
        else:
            for value in tree_flatten(result)[0]:
                if isinstance(value, Tensor):
                    self._remember(value, node)
        return result

    def _remember(self, value: Tensor, node: fx.Node) -> None:
        node.meta["shape"], node.meta["dtype"] = tuple(value.shape), value.dtype
        self._nodes[id(value)] = (value, node)


def _as_it_is(value: Tensor) -> Tensor:
    return value


def record(
    function: Callable[..., Sequence[Tensor | None]], names: Sequence[str], values: Sequence[Tensor]
) -> fx.Graph:
    """The graph of ``function(*values)``; a result that is None becomes a scalar zero.

    Each node has the ``shape`` and ``dtype`` of its tensor in ``meta``, unless it gives several;
    a ``get_attr`` node, a tensor that the function holds itself, has it there as ``value``.
    """
    recorder = Recorder()
    for name, value in zip(names, values, strict=True):
        recorder.placeholder(name, value)
    with recorder, saved_tensors_hooks(_as_it_is, _as_it_is):  # not those of the caller, such as
        # checkpoint's, which would run its function anew to give back what is saved here
        results = [
            torch.scalar_tensor(0.0, device="cpu") if result is None else result
            for result in function(*values)
        ]
    recorder.graph.output([recorder.node(result) for result in results])
    recorder.graph.eliminate_dead_code()
    return recorder.graph
