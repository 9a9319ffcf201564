"""BatchBound: a module whose memories belong to one batch and are never used for another."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snn_nodes.memory import MemoryModule
from snn_nodes.naming import label

POLICIES = ("restart", "raise")


class StateWarning(UserWarning):
    """A memory did not fit the input, and the module started anew."""


class BatchBound(MemoryModule):
    """A module that knows when a memory belongs to another batch, and what to do then.

    Attributes:
        on_new_shape: a memory of another shape, dtype or device than the input needs is dropped
            with one warning (``'restart'``), or refused (``'raise'``). It is never broadcast.

    >>> module = BatchBound()
    >>> module.on_new_shape = "ignore"
    Traceback (most recent call last):
    ValueError: on_new_shape of BatchBound() must be 'restart' or 'raise', got 'ignore'
    """

    def __init__(self) -> None:
        super().__init__()
        self._warned = False
        self._last: Any = None
        self.on_new_shape = "restart"

    @property
    def on_new_shape(self) -> str:
        """``'restart'`` or ``'raise'``."""
        return self._on_new_shape

    @on_new_shape.setter
    def on_new_shape(self, policy: str) -> None:
        if policy not in POLICIES:
            raise ValueError(
                f"on_new_shape of {label(self)} must be 'restart' or 'raise', got {policy!r}"
            )
        self._on_new_shape = policy

    def _mark(self, *values: Tensor) -> None:
        """Remember which memories a forward pass has left."""
        if values and not torch.compiler.is_compiling() and not _in_backward():
            self._last = weakref.ref(values[0])

    def _check_pass(self) -> None:
        """Refuse to go on, within a backward pass, from what the forward pass left.

        Raises:
            RuntimeError: ``torch.utils.checkpoint`` recomputes from a state that has gone on.
        """
        if torch.compiler.is_compiling() or self._last is None:
            return
        last = self._last()
        held = last is not None and any(last is one for one in self._memories.values())
        if held and _in_backward():
            raise RuntimeError(
                f"{label(self)} is called within a backward pass, as torch.utils.checkpoint does, "
                f"but its state has gone on since, so the gradient would be wrong. Call "
                f"reset_net(net) in the function that is recomputed, or hand the state through it: "
                f"layer.Sequential has threaded(x, state)"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_last": None}

    def _fits(self, held: Tensor, shape: Sequence[int], x: Tensor) -> bool:
        """Whether a memory has this shape, and x's dtype and device."""
        same = held.dtype == x.dtype and held.device == x.device
        return same and tuple(held.shape) == tuple(shape)

    def _start_anew(self, name: str, held: Tensor, shape: Sequence[int], x: Tensor) -> None:
        """Reset, or raise, because a memory does not fit.

        Args:
            name: of the memory.
            held: its value.
            shape: what x needs it to be.
            x: the input.

        Raises:
            ValueError: that is the policy.
        """
        message = (
            f"{label(self)}: its {name} is {_described(held.shape, held)}, the input needs "
            f"{_described(shape, x)}; a state belongs to one batch"
        )
        if self.on_new_shape == "raise":
            raise ValueError(f"{message}; call reset_net(net) before a new batch")
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{message}: it starts anew, here and whenever that happens again. Call "
                f"reset_net(net) between sequences, or set on_new_shape='raise' to find where",
                StateWarning,
                stacklevel=2,
            )
        self.reset()


def _in_backward() -> bool:
    """Whether this is called from a backward pass; torch has no public way to ask."""
    return bool(torch._C._current_graph_task_id() != -1)


def _described(shape: Sequence[int], like: Tensor) -> str:
    kind = f"{tuple(shape)} of {like.dtype}"
    return kind if like.device.type == "cpu" else f"{kind} on {like.device}"
