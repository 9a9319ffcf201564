"""The records of one layer on its way to a kernel and back: everything in them is a tensor.

A layer is flat here: ``(T, B, N)`` whatever shape its neurons have.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from snn_fused.cpu.spikes import Spikes


class Inputs(NamedTuple):
    """What goes into a layer.

    Args:
        x: ``(T, B, N_in)`` with a weight, else ``(T, B, N)``; None if there are spikes.
        spikes: input that came as events; else None.
        n_steps: T.
        weight: ``(N, N_in)`` or None.
        recurrent_weight: ``(N, N)`` or None.
        state: the state variables before the first step, ``(B, N)`` each, contiguous.
        before: the output before the first step ``(B, N)``; None without recurrence.
        params: the parameters that are tensors: 0-d or ``(N,)``.
        seen: the measurements, ``(T, B, N)`` each.
    """

    x: Tensor | None
    spikes: Spikes | None
    n_steps: int
    weight: Tensor | None
    recurrent_weight: Tensor | None
    state: tuple[Tensor, ...]
    before: Tensor | None
    params: tuple[Tensor, ...]
    seen: tuple[Tensor, ...]


class Outputs(NamedTuple):
    """What comes out of a layer.

    Args:
        output: ``(T, B, N)``.
        state: the state variables after the last step.
        traces: recorded ones, ``(T, B, N)`` each.
        checkpoints: ``(K, S, B, N)``, the state at the start of each stretch but the first: what
            the backward starts its recomputation from.
        spikes: the input's, if it was found to be sparse: to spare the backward the search.
    """

    output: Tensor
    state: tuple[Tensor, ...]
    traces: tuple[Tensor, ...]
    checkpoints: Tensor
    spikes: Spikes | None


class Kept(NamedTuple):
    """What the backward takes of ``Outputs``; the output of a recurrent layer only, else None."""

    output: Tensor | None
    checkpoints: Tensor
    spikes: Spikes | None


class Grads(NamedTuple):
    """Gradients of a loss to ``Outputs``; None where it does not depend on one."""

    output: Tensor | None
    state: tuple[Tensor | None, ...]
    traces: tuple[Tensor | None, ...]


class Wants(NamedTuple):
    """Which gradients are needed; those of the state come for free."""

    x: bool
    weight: bool
    recurrent_weight: bool
    params: tuple[bool, ...]


class Found(NamedTuple):
    """Gradients to ``Inputs``; None where not wanted."""

    x: Tensor | None
    weight: Tensor | None
    recurrent_weight: Tensor | None
    state: tuple[Tensor, ...]
    before: Tensor | None
    params: tuple[Tensor | None, ...]
