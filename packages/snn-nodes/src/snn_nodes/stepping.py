"""Step modes: one step at a time, ``[N, *]``, or all steps at once, ``[T, N, *]``."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from snn_nodes.naming import label

STEP_MODES = ("s", "m")


class Stepping(nn.Module):
    """A module with a step mode: ``'s'`` takes one step ``[N, *]``, ``'m'`` all ``[T, N, *]``.

    >>> layer = Stepping()
    >>> layer.step_mode
    's'
    >>> layer.step_mode = "x"
    Traceback (most recent call last):
    ValueError: step_mode of Stepping() must be 's' (one step, [N, *]) or 'm' (all steps, ...
    """

    def __init__(self) -> None:
        super().__init__()
        self.step_mode = "s"

    @property
    def step_mode(self) -> str:
        """``'s'`` or ``'m'``."""
        return self._step_mode

    @step_mode.setter
    def step_mode(self, mode: str) -> None:
        if mode not in STEP_MODES:
            raise ValueError(
                f"step_mode of {label(self)} must be 's' (one step, [N, *]) or 'm' (all steps, "
                f"[T, N, *]), got {mode!r}; set step_mode='m'"
            )
        self._step_mode = mode


def check_steps(module: nn.Module, x_seq: Tensor) -> None:
    """x_seq is ``(T, B, *N)``, with at least one step.

    Raises:
        ValueError: it has too few axes or no step; the message names the module.

    >>> import torch
    >>> check_steps(Stepping(), torch.zeros(0, 2, 3))
    Traceback (most recent call last):
    ValueError: Stepping() in step mode 'm' takes (T, B, *N) with T >= 1, got (0, 2, 3); for one ...
    """
    if x_seq.ndim < 2 or x_seq.shape[0] == 0:
        raise ValueError(
            f"{label(module)} in step mode 'm' takes (T, B, *N) with T >= 1, got "
            f"{tuple(x_seq.shape)}; for one step at a time set step_mode='s'"
        )


class TakesLengths:
    """Marks a module whose ``forward`` takes ``lengths`` after its input.

    ``lengths`` ``(B,)`` says how many steps of each sample count. ``Sequential`` hands it on to
    every layer of this kind; a module of one's own that holds nodes derives from it to get it.

    >>> class Block(TakesLengths, nn.Module):
    ...     def __init__(self, node):
    ...         super().__init__()
    ...         self.node = node
    ...     def forward(self, x_seq, lengths=None):
    ...         return x_seq + self.node(x_seq, lengths)
    """


def merged(run: Callable[[Tensor], Tensor], x_seq: Tensor) -> Tensor:
    """``run`` on all steps of all samples as one batch: ``(T, B, *)`` to ``(T, B, *)``.

    >>> import torch
    >>> merged(nn.Flatten(), torch.zeros(5, 2, 3, 4)).shape
    torch.Size([5, 2, 12])
    """
    y = run(x_seq.flatten(0, 1))
    if y.ndim == 0 or y.shape[0] != x_seq.shape[0] * x_seq.shape[1]:
        raise ValueError(
            f"all steps of all samples, ({x_seq.shape[0]} * {x_seq.shape[1]}, ...), went in as one "
            f"batch, and {tuple(y.shape)} came out; is the time axis missing in "
            f"{tuple(x_seq.shape)} = (T, B, *)?"
        )
    return y.reshape(*x_seq.shape[:2], *y.shape[1:])
