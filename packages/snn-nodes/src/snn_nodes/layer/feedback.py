"""What leads a node's output back to it: its synapses, and whether they are a matrix alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from snn_nodes.layer.sparse import SparseSynapse
from snn_nodes.naming import label
from snn_nodes.stepping import Stepping


def synapses(recurrent: int | nn.Module) -> nn.Module:
    """The module W of a number of features; a module as it is.

    Raises:
        TypeError: no number and no module.
        ValueError: a matrix that is not square, or layers with a step mode in a module without.

    >>> synapses(2)
    Linear(in_features=2, out_features=2, bias=False)
    """
    if isinstance(recurrent, int) and not isinstance(recurrent, bool):
        if recurrent < 1:
            raise ValueError(f"Recurrent needs at least 1 feature, got {recurrent}")
        return nn.Linear(recurrent, recurrent, bias=False)
    if not isinstance(recurrent, nn.Module):
        raise TypeError(
            f"Recurrent takes a number of features or a module, got {type(recurrent).__name__}; "
            f"for a matrix pass torch.nn.Linear(N, N, bias=False)"
        )
    matrix = matrix_of(recurrent)
    if matrix is not None and matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            f"the weight of Recurrent leads from its neurons to themselves, (N, N), got "
            f"{tuple(matrix.shape)}"
        )
    if not isinstance(recurrent, Stepping) and any(
        isinstance(inner, Stepping) for inner in recurrent.modules()
    ):
        raise ValueError(
            f"{label(recurrent)} holds layers with a step mode, and has none itself; put "
            f"snn_nodes.layer.Sequential in its place"
        )
    return recurrent


def matrix_of(recurrent: nn.Module) -> Tensor | None:
    """The matrix ``(N, N)`` that it multiplies by, if that is all that a call of it does.

    >>> matrix_of(nn.Linear(2, 2)).shape
    torch.Size([2, 2])
    >>> matrix_of(nn.Tanh())
    """
    if isinstance(recurrent, SparseSynapse) and calls_only(recurrent, SparseSynapse.forward):
        return recurrent.masked_weight()
    # torch's parametrizations have no forward of their own: the weight is what they make of it
    if isinstance(recurrent, nn.Linear) and calls_only(recurrent, nn.Linear.forward):
        return recurrent.weight
    return None


def calls_only(module: nn.Module, forward: Callable[..., Any]) -> bool:
    """Whether a call of it is this ``forward`` and nothing more.

    Else it has one of its own, or hooks: somebody's who looks on, or those of
    ``torch.nn.utils.prune`` and ``weight_norm``, which make the weight at each call.

    >>> layer = nn.Linear(1, 1)
    >>> calls_only(layer, nn.Linear.forward)
    True
    >>> _ = layer.register_forward_hook(print)
    >>> calls_only(layer, nn.Linear.forward)
    False
    """
    if type(module).forward is not forward or "forward" in module.__dict__:
        return False
    # not freezing.has_hooks: those that save and load a state_dict do nothing in a call
    before, after = module._forward_pre_hooks, module._forward_hooks
    return not (before or after or module._backward_pre_hooks or module._backward_hooks)


def stepped(module: nn.Module, one: Tensor) -> Tensor:
    """One step ``(B, *N)`` through a module, in the step mode that it has.

    >>> import torch
    >>> from snn_nodes.neuron import IFNode
    >>> stepped(IFNode(step_mode="m"), torch.ones(1, 2))
    tensor([[1., 1.]])
    """
    if isinstance(module, Stepping) and module.step_mode == "m":
        y: Tensor = module(one.unsqueeze(0)).squeeze(0)
    else:
        y = module(one)
    return y
