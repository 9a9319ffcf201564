"""Sequences of different lengths in one batch: where each sample ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from snn_nodes.naming import label


def check_lengths(lengths: Tensor | Sequence[int], x_seq: Tensor, node: str) -> Tensor:
    """The lengths as integers ``(B,)`` on x's device, each in 0 ... T.

    Raises:
        ValueError, TypeError: they are not; the message names the node.
    """
    steps, batch = x_seq.shape[:2]
    n = torch.as_tensor(lengths, device=x_seq.device)
    if n.is_floating_point() or n.dtype == torch.bool or n.is_complex():
        raise TypeError(f"{node}: lengths are numbers of steps, integers; got {n.dtype}")
    if n.shape != (batch,):
        raise ValueError(
            f"{node}: expected one length a sample, ({batch},), got lengths of {tuple(n.shape)}"
        )
    if not torch.compiler.is_compiling() and not bool(((n >= 0) & (n <= steps)).all()):
        raise ValueError(
            f"{node}: lengths must lie in 0 ... {steps} (T of its input), got {n.tolist()}"
        )
    return n


def refuse_lengths(module: nn.Module) -> NoReturn:
    """What a module in step mode ``'s'`` answers to lengths: one step has none.

    Raises:
        ValueError: always; the message names the module.

    >>> refuse_lengths(nn.Flatten())
    Traceback (most recent call last):
    ValueError: lengths need all steps at once: set Flatten(start_dim=1, end_dim=-1).step_mode = 'm'
    """
    raise ValueError(f"lengths need all steps at once: set {label(module)}.step_mode = 'm'")


def _running(lengths: Tensor, rows: Tensor) -> Tensor:
    """Which rows of ``(T, B, *N)`` lie within their sample, in a shape that broadcasts to them."""
    steps = torch.arange(rows.shape[0], device=rows.device)
    inside = steps[:, None] < lengths
    return inside.reshape(*inside.shape, *(1,) * (rows.ndim - 2))


def kept_until(lengths: Tensor, rows: Tensor, beyond: Tensor | float = 0.0) -> Tensor:
    """The rows ``(T, B, *N)`` up to each sample's length, then ``beyond`` ``(B, *N)``.

    >>> kept_until(torch.tensor([1, 2]), torch.ones(2, 2))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return torch.where(_running(lengths, rows), rows, beyond)


def ends_of(lengths: Tensor, start: Any, traces: Any) -> Any:
    """The State in which each sample's last step left it; ``start`` where it has no step.

    Args:
        lengths: ``(B,)``.
        start: a State of tensors ``(B, *N)``.
        traces: the same State type with tensors ``(T, B, *N)``.
    """
    ends = (_end(lengths, first, rows) for first, rows in zip(start, traces, strict=True))
    return type(start)(*ends)


def _end(lengths: Tensor, first: Tensor, rows: Tensor) -> Tensor:
    samples = torch.arange(len(lengths), device=rows.device)
    last = rows[(lengths - 1).clamp(min=0), samples]
    empty = (lengths == 0).reshape(-1, *(1,) * (first.ndim - 1))
    return torch.where(empty, first, last)
