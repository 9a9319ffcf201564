"""Delay: what comes in now goes out some steps later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snn_nodes.layer.batch_layer import BatchLayer
from snn_nodes.layer.described import Described
from snn_nodes.naming import label
from snn_nodes.neuron.boundary import bounded
from snn_nodes.neuron.lengths import check_lengths, kept_until, refuse_lengths
from snn_nodes.stepping import TakesLengths


class Delay(TakesLengths, Described, BatchLayer):
    """``y[t] = x[t - d]``, and 0 before the first input has come through.

    The inputs that are still on their way are a memory: a sequence may be given in parts, or step
    by step, with the same output, and gradients flow from one part into the other until
    ``detach()``. The delays are fixed; delays that are learnt need the gradient of spike times, as
    EventProp has it (the package snn-eventprop).

    Args:
        steps: d, in steps: an integer, or a tensor of integers ``(*N,)`` with one a feature; each
            at least 0.
        step_mode: ``'s'``: ``(B, *N)``; ``'m'``: ``(T, B, *N)``.
        on_new_shape: what to do with what is on its way in another batch: drop it with one warning
            (``'restart'``), or ``'raise'``.

    Attributes:
        steps: as given; it may be set to others after ``reset()``. A tensor is a buffer, in
            ``state_dict()``, and loading a checkpoint with other delays is an error that says how
            to construct the layer for it.
        history: a memory: the last ``max(d)`` inputs, ``(D, B, *N)``, the oldest first.

    Raises:
        TypeError: delays that are no integers.
        ValueError: negative ones, ones that are set while inputs are on their way, or an input
            whose features they do not fit.

    >>> layer = Delay(2, step_mode="m")
    >>> layer(torch.arange(1.0, 5.0).view(4, 1, 1)).flatten().tolist()
    [0.0, 0.0, 1.0, 2.0]
    >>> layer(torch.zeros(2, 1, 1)).flatten().tolist()
    [3.0, 4.0]
    >>> Delay(torch.tensor([0, 1]))(torch.ones(1, 2))
    tensor([[1., 0.]])
    """

    GIVEN = ("steps",)
    history: Tensor | None
    steps: int | Tensor

    def __init__(
        self, steps: int | Tensor, step_mode: str = "s", *, on_new_shape: str = "restart"
    ) -> None:
        _check_steps(steps)
        super().__init__(on_new_shape)
        self.register_memory("history", None)
        self.steps = steps
        self.step_mode = step_mode

    # Not a property, whose name a buffer could not have.
    def __setattr__(self, name: str, value: Any) -> None:
        if name == "steps":
            self._set_steps(value)
        else:
            super().__setattr__(name, value)

    def _set_steps(self, steps: int | Tensor) -> None:
        _check_steps(steps)
        if self.history is not None:
            raise ValueError(
                f"{label(self)} holds inputs that are on their way with the delay it has; call its "
                f"reset() before you set steps to another"
            )
        for attributes in (self.__dict__, self._buffers):
            attributes.pop("steps", None)
        if isinstance(steps, Tensor):
            self.register_buffer("steps", steps.detach().clone().long())
            self._longest = int(steps.max()) if steps.numel() else 0
        else:
            self.__dict__["steps"] = self._longest = steps

    def forward(self, x: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """x, later; in x's shape.

        Args:
            x: ``(B, *N)`` in mode ``'s'``, ``(T, B, *N)`` in mode ``'m'``.
            lengths: ``(B,)``, how many steps of each sample count. The output is 0 beyond, and
                what is on its way afterwards are each sample's own last inputs.

        Raises:
            ValueError: x has too few axes, other features than there are delays, or lengths do not
                fit; the message names the layer.
        """
        self._check_rank(x)
        self._check_pass()
        if self.step_mode == "m":
            return self._over_time(x, lengths)
        if lengths is not None:
            refuse_lengths(self)
        return self._over_time(x.unsqueeze(0), None).squeeze(0)

    def _over_time(self, x_seq: Tensor, lengths: Tensor | Sequence[int] | None) -> Tensor:
        self._check_features(x_seq)
        counted = None if lengths is None else check_lengths(lengths, x_seq, label(self))
        shape = (self._longest, *x_seq.shape[1:])
        held = self._settled("history", shape, x_seq)
        held = x_seq.new_zeros(shape) if held is None else held
        line = torch.cat((held, x_seq))  # the row of x[t] is D + t
        if counted is None:
            # a copy: a view would keep the whole line, and share its storage with the output
            return self._remember(self._delayed(line, len(x_seq)), line[len(x_seq) :].clone())
        rows = counted + torch.arange(self._longest, device=line.device)[:, None]
        history = line[rows, torch.arange(line.shape[1], device=line.device)]
        return self._remember(kept_until(counted, self._delayed(line, len(x_seq))), history)

    def _remember(self, y: Tensor, history: Tensor) -> Tensor:
        if not self._longest:  # no input is on its way, so nothing leads back to this call
            self.history = history.detach()
            return y
        y, self.history = bounded(self, y, history)
        self._mark(self.history)
        return y

    def _delayed(self, line: Tensor, n_steps: int) -> Tensor:
        """The rows of the output from the line ``(D + T, B, *N)`` of inputs."""
        if not isinstance(self.steps, Tensor):
            return line[:n_steps]
        first = self._longest - self.steps  # the row of x[-d], feature by feature
        after = torch.arange(n_steps, device=line.device).reshape(-1, *(1,) * first.ndim)
        rows = (first + after).unsqueeze(1).expand(n_steps, *line.shape[1:])
        return line.gather(0, rows)

    def _check_features(self, x_seq: Tensor) -> None:
        if isinstance(self.steps, Tensor) and x_seq.shape[2:] != self.steps.shape:
            raise ValueError(
                f"{label(self)} has delays for features {tuple(self.steps.shape)}, got steps of "
                f"features {tuple(x_seq.shape[2:])}"
            )

    def extra_repr(self) -> str:
        """The delay, or the range of the delays."""
        if isinstance(self.steps, Tensor):
            shown = f"tensor {tuple(self.steps.shape)} of up to {self._longest}"
        else:
            shown = str(self.steps)
        return f"steps={shown}, step_mode={self.step_mode!r}"


def _check_steps(steps: int | Tensor) -> None:
    integral = (
        not (steps.is_floating_point() or steps.is_complex() or steps.dtype == torch.bool)
        if isinstance(steps, Tensor)
        else isinstance(steps, int) and not isinstance(steps, bool)
    )
    if not integral:
        raise TypeError(
            f"a Delay is a whole number of steps, an integer or a tensor of integers, got "
            f"{steps!r}; of seconds it is round(seconds / dt)"
        )
    if (steps < 0).any() if isinstance(steps, Tensor) else steps < 0:
        raise ValueError(f"a Delay must be at least 0 steps, got {steps!r}")
