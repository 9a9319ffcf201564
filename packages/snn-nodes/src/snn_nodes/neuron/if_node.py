"""IFNode: integrate-and-fire. The input jumps into the membrane, which does not leak."""

from __future__ import annotations

from torch import Tensor

from snn_nodes.neuron import equations
from snn_nodes.neuron.base import BaseNode


class IFNode(BaseNode):
    """Integrate-and-fire: ``v <- v + x``, fire, reset. Arguments as for ``BaseNode``.

    Source: ``snn_nodes.neuron.equations``.

    >>> import torch
    >>> node = IFNode(step_mode="m")
    >>> node(torch.full((4, 1, 1), 0.5)).flatten()
    tensor([0., 1., 0., 1.])
    """

    def neuronal_dynamics(self, x: Tensor) -> None:
        """v <- v + x."""
        self.v = equations.charge(self.v, x)
