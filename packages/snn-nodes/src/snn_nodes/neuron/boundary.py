"""bounded: the end of a call in autograd's graph, where a forgotten reset gets a name.

A state that is carried into the next sequence leads backward into the graph of the last one, which
is gone after ``backward()``. Torch then says "trying to backward through the graph a second time",
not where. This node of the graph is run in both passes, knows that, and says it.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn

from snn_nodes.naming import label


class _Boundary(torch.autograd.Function):
    """Identity. Its gradients are not materialised: what nobody asks for costs nothing."""

    generate_vmap_rule = True

    @staticmethod
    def forward(node: nn.Module, *values: Tensor) -> tuple[Tensor, ...]:
        # not views, which could not be changed in place: `self.v += x` is for users to write
        return tuple(value.detach() for value in values)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.node = weakref.ref(inputs[0])  # the node holds the graph by its state, not the reverse
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[0].new_empty(0))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        try:
            ctx.saved_tensors  # noqa: B018  (torch raises here if the graph is gone)
        except RuntimeError as error:
            if "second time" not in str(error):  # what a hook of the caller's raised
                raise
            node = ctx.node()
            name = "a node that is gone" if node is None else label(node)
            raise RuntimeError(
                f"{name} carries the state of an earlier call, whose graph is gone since its "
                f"backward(). Between sequences call reset_net(net), or use `with fresh(net):`; to "
                f"go on with the values and cut the gradient, call detach_net(net)"
            ) from error
        return (None, *grads)


def bounded(node: nn.Module, *values: Tensor) -> tuple[Tensor, ...]:
    """The values of the end of a call, behind one node of autograd's graph."""
    if torch.compiler.is_compiling() or not any(value.requires_grad for value in values):
        return values
    outputs: tuple[Tensor, ...] = _Boundary.apply(node, *values)  # type: ignore[no-untyped-call]
    return outputs
