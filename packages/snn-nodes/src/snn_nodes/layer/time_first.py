"""TimeFirst: a torch layer without time of its own, on steps or on whole sequences."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from snn_nodes.naming import label
from snn_nodes.stepping import Stepping, merged


class TimeFirst(Stepping):
    """What makes a layer of ``torch.nn`` time-first; it stands before it among the base classes.

    In step mode ``'s'`` the layer runs as it is, on ``(B, *)``; in ``'m'`` on all steps of all
    samples as one batch, ``(T, B, *)`` to ``(T, B, *)``. A layer knows nothing of time here, so
    both give the same numbers (what a batch norm learns from a batch aside).

    A class of this kind says in ``STEP`` which shapes of one step it takes, with ``*`` for any
    number of axes.

    >>> import torch
    >>> class Softmax2d(TimeFirst, torch.nn.Softmax2d):
    ...     STEP = ("B, C, H, W",)
    >>> layer = Softmax2d()
    >>> layer.step_mode = "m"
    >>> layer(torch.zeros(5, 2, 3, 4, 4)).shape
    torch.Size([5, 2, 3, 4, 4])
    >>> layer(torch.zeros(2, 3, 4, 4))
    Traceback (most recent call last):
    ValueError: Softmax2d(step_mode='m') takes (T, B, C, H, W) in step_mode='m', got (2, 3, 4, 4);
    this fits step_mode='s': set it, or give all steps at once
    """

    STEP: ClassVar[tuple[str, ...]] = ("B, *",)

    # Torch's constructors do not set it; a message about a wrong one shows the layer before it is.
    _step_mode = "s"

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output: ``(B, *)`` for ``(B, *)``, or ``(T, B, *)`` for ``(T, B, *)``.

        Raises:
            TypeError: x is no tensor.
            ValueError: x has another number of axes; the message names the layer.
        """
        check_rank(self, x, self.STEP)
        run = super().forward
        y: Tensor = merged(run, x) if self.step_mode == "m" else run(x)
        return y

    def extra_repr(self) -> str:
        """What torch shows, and the step mode."""
        shown = super().extra_repr()
        return (
            f"{shown}, step_mode={self.step_mode!r}" if shown else f"step_mode={self.step_mode!r}"
        )


def check_tensor(layer: nn.Module, x: object) -> None:
    """x is a tensor.

    Raises:
        TypeError: it is none, such as an array of numpy; the message names the layer.
    """
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{label(layer)} takes a tensor, got {type(x).__name__}; pass torch.as_tensor(x)"
        )


def check_rank(layer: Stepping, x: Tensor, steps: tuple[str, ...]) -> None:
    """x is a tensor with the axes that the layer takes in its step mode.

    Args:
        layer: whose step mode decides, and whom the message names.
        x: its input.
        steps: the shapes of one step that it takes, such as ``("B, C", "B, C, L")``.

    Raises:
        TypeError: it is no tensor.
        ValueError: it has others.
    """
    check_tensor(layer, x)
    axes = x.ndim - (layer.step_mode == "m")
    if any(_fits(axes, step) for step in steps):
        return
    taken = " or ".join(f"(T, {step})" if layer.step_mode == "m" else f"({step})" for step in steps)
    raise ValueError(
        f"{label(layer)} takes {taken} in step_mode={layer.step_mode!r}, got {tuple(x.shape)}"
        f"{_remedy(layer.step_mode, x.ndim, steps)}"
    )


def _fits(axes: int, step: str) -> bool:
    wanted = step.split(", ")
    return axes >= len(wanted) - 1 if "*" in wanted else axes == len(wanted)


def _remedy(mode: str, axes: int, steps: tuple[str, ...]) -> str:
    """How to mend it, where the input would do in the other step mode."""
    if mode == "m" and any(_fits(axes, step) for step in steps):
        return "; this fits step_mode='s': set it, or give all steps at once"
    if mode == "s" and any(_fits(axes - 1, step) for step in steps):
        return "; this fits step_mode='m': set it, or give one step at a time"
    return ""
