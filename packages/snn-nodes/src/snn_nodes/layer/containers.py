"""SeqToANNContainer: modules without time, on all steps at once."""

from __future__ import annotations

from typing import Any

from torch import nn

from snn_nodes.layer.admission import check_timeless, knows_time
from snn_nodes.layer.time_first import TimeFirst
from snn_nodes.naming import label


class SeqToANNContainer(TimeFirst, nn.Sequential):
    """Modules of torch one after the other, on all steps of all samples as one batch.

    ``Sequential`` does that by itself; this is SpikingJelly's name, for networks that use it.

    Args:
        modules: modules that know no time, or one ``OrderedDict`` of them.
        step_mode: ``'m'``: ``(T, B, *)``; ``'s'``: ``(B, *)``.

    Raises:
        ValueError: a node, or a layer with a step mode.
        TypeError: a module with a time of its own, such as ``torch.nn.LSTM``.

    >>> import torch
    >>> block = SeqToANNContainer(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))
    >>> block(torch.zeros(5, 2, 1, 4, 4)).shape
    torch.Size([5, 2, 3, 2, 2])
    """

    def __init__(self, *modules: Any, step_mode: str = "m") -> None:
        nn.Sequential.__init__(self, *modules)
        self.step_mode = step_mode
        for module in self:
            if knows_time(module):
                raise ValueError(
                    f"SeqToANNContainer is for modules without time, got {label(module)}; put it "
                    f"beside the container, or use snn_nodes.layer.Sequential"
                )
            check_timeless(module)
