"""BatchLayer: a layer with a memory of its batch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from snn_nodes.batch_bound import BatchBound
from snn_nodes.layer.time_first import check_rank
from snn_nodes.stepping import Stepping


class BatchLayer(BatchBound, Stepping):
    """A time-first layer whose memory belongs to one batch.

    Args:
        on_new_shape: what it does with a memory of another batch, as for the nodes.
    """

    STEP: tuple[str, ...] = ("B, *",)

    def __init__(self, on_new_shape: str) -> None:
        super().__init__()
        self.on_new_shape = on_new_shape

    def _check_rank(self, x: Tensor) -> None:
        check_rank(self, x, self.STEP)

    def _settled(self, name: str, shape: Sequence[int], x: Tensor) -> Tensor | None:
        """The memory ``name``; None if there is none, or none that fits: that one is dropped.

        Args:
            name: a memory, None where there is nothing yet.
            shape: which shape it needs to have for x.
            x: the input, whose dtype and device it needs to have.
        """
        held: Tensor | None = self._memories[name]
        if held is None or self._fits(held, shape, x):
            return held
        self._start_anew(name, held, shape, x)
        return None
