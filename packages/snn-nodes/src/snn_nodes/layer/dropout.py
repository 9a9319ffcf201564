"""Dropout whose mask is the same at all steps of a sequence."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from snn_nodes.layer.batch_layer import BatchLayer


class Dropout(BatchLayer):
    """Zeroes values with probability p, the same ones at every step until ``reset()``.

    A mask that is drawn at each step would average out over time and drop nothing; this one is
    drawn at the first step after a reset and kept, ``(B, *)``, in both step modes. What is kept is
    scaled by ``1/(1 - p)``, so that the mean stays. After ``eval()`` the input passes as it is.

    Args:
        p: probability, ``0 <= p < 1``. Setting the attribute to another one draws a new mask at
            the next step.
        step_mode: ``'s'``: ``(B, *)``; ``'m'``: ``(T, B, *)``.
        on_new_shape: what to do when a batch of another shape comes without a reset: a new mask
            with one warning (``'restart'``), or ``'raise'``.

    Attributes:
        mask: a memory: 0 and ``1/(1 - p)``, None before the first step.

    Raises:
        ValueError: p out of range, an input without a batch.

    Source: Lee et al., Enabling spike-based backpropagation for training deep neural network
    architectures, Frontiers in Neuroscience 14, 2020, section 2.2.5.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> layer = Dropout(0.5, step_mode="m")
    >>> y = layer(torch.ones(3, 1, 8))
    >>> bool((y == y[0]).all()), sorted(set(y.flatten().tolist()))
    (True, [0.0, 2.0])
    """

    mask: Tensor | None

    def __init__(
        self, p: float = 0.5, step_mode: str = "s", *, on_new_shape: str = "restart"
    ) -> None:
        super().__init__(on_new_shape)
        self.register_memory("mask", None)
        self.p = p
        self.step_mode = step_mode

    @property
    def p(self) -> float:
        """The probability."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p < 1:
            raise ValueError(
                f"p of {type(self).__name__} must be a probability, 0 <= p < 1, got {p!r}; it is "
                f"the share that is dropped"
            )
        if p != self.__dict__.get("_p"):
            self.mask = None  # it was drawn with the one before
        self._p = p

    def forward(self, x: Tensor) -> Tensor:
        """x with the same values dropped at every step, in x's shape.

        Raises:
            ValueError: x has another number of axes; the message names the layer.
        """
        self._check_rank(x)
        if not self.training:
            return x
        one = x[0] if self.step_mode == "m" else x
        shape = self._mask_shape(one)
        mask = self._settled("mask", shape, x)
        if mask is None:
            mask = functional.dropout(one.new_ones(shape), self.p, training=True)
            self.mask = mask
        return x * mask

    def _mask_shape(self, one: Tensor) -> tuple[int, ...]:
        """The shape of the mask for one step."""
        return tuple(one.shape)

    def extra_repr(self) -> str:
        """The probability and the step mode."""
        return f"p={self.p}, step_mode={self.step_mode!r}"


class Dropout2d(Dropout):
    """Zeroes whole channels of ``(B, C, H, W)``, the same ones at every step until ``reset()``.

    Args:
        p: probability of a channel, ``0 <= p < 1``.
        step_mode, on_new_shape: as for ``Dropout``.

    Attributes:
        mask: a memory ``(B, C, 1, 1)``.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> Dropout2d(0.5)(torch.ones(1, 8, 4, 4)).amin((2, 3)).unique().tolist()
    [0.0, 2.0]
    """

    STEP = ("B, C, H, W",)

    def __init__(
        self, p: float = 0.2, step_mode: str = "s", *, on_new_shape: str = "restart"
    ) -> None:
        super().__init__(p, step_mode, on_new_shape=on_new_shape)

    def _mask_shape(self, one: Tensor) -> tuple[int, ...]:
        return (one.shape[0], one.shape[1], 1, 1)
