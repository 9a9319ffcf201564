"""linear and linear_sparse: synapses as functions of input and weight ``(N_out, N_in)``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as torch_functional


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``.

    Args:
        input: ``(..., N_in)``, such as spikes ``(T, B, N_in)``.
        weight: ``(N_out, N_in)``.
        bias: ``(N_out,)`` or None.

    Returns:
        ``(..., N_out)``.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: a weight that is not floating point, dtypes that differ.

    >>> linear(torch.ones(2, 1, 3), torch.ones(5, 3)).shape
    torch.Size([2, 1, 5])
    """
    check_projection(input, weight, bias)
    return torch_functional.linear(input, weight, bias)


def linear_sparse(
    input: Tensor, weight: Tensor, connections: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    """``linear`` through the given connections only.

    The weight is left as it is, and the gradient of a masked entry is exactly 0.

    Args:
        input, weight, bias: as for ``linear``.
        connections: bool ``(N_out, N_in)``, True where there is a synapse; None: everywhere.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: connections that are not boolean, a weight that is not floating point, dtypes
            that differ.

    >>> connections = torch.tensor([[True, False, True]])
    >>> linear_sparse(torch.ones(1, 1, 3), torch.ones(1, 3), connections)
    tensor([[[2.]]])
    """
    check_projection(input, weight, bias)
    if connections is None:
        return torch_functional.linear(input, weight, bias)
    if connections.dtype != torch.bool:
        raise TypeError(
            f"connections must be boolean, True where there is a synapse, got "
            f"{connections.dtype}; pass connections != 0"
        )
    if connections.shape != weight.shape:
        raise ValueError(
            f"expected connections of the weight's shape {tuple(weight.shape)}, got "
            f"{tuple(connections.shape)}; rows are outputs, columns inputs"
        )
    return torch_functional.linear(input, torch.where(connections, weight, 0.0), bias)


def check_projection(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """The weight is a floating-point matrix, input and bias fit it, and dtypes are the same."""
    if weight.ndim != 2 or input.ndim < 1 or input.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"expected input (..., N_in) and weight (N_out, N_in), got {tuple(input.shape)} and "
            f"{tuple(weight.shape)}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(
            f"expected a bias of shape {tuple(weight.shape[:1])} (weight is "
            f"{tuple(weight.shape)}), got {tuple(bias.shape)}"
        )
    check_floating("weight", weight)
    for name, tensor in (("input", input), ("bias", bias)):
        if tensor is not None and tensor.dtype != weight.dtype:
            raise TypeError(
                f"{name} is {tensor.dtype}, the weight {weight.dtype}; convert it with "
                f".to({weight.dtype})"
            )


def check_floating(name: str, tensor: Tensor) -> None:
    """Raise unless the tensor is floating point."""
    if not tensor.is_floating_point():
        raise TypeError(
            f"{name} must be floating point, got {tensor.dtype}; convert it with .to(torch.float32)"
        )
