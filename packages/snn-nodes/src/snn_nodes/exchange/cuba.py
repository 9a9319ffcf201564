"""CubaLIF and CubaLI, LIF and LI with a synapse, in the two orders of a step.

NIR has the equations

    tau_syn di/dt = -i + w_in x          tau_mem dv/dt = (v_leak - v) + r i

and no order. With an Euler step, x constant over it (a spike is a rectangle of one step):

    CurrentFirst:   i <- i + dt/tau_syn (w_in x - i);  v <- v + dt/tau_mem (v_leak - v + r i)
    MembraneFirst:  v <- v + dt/tau_mem (v_leak - v + r i);  i <- i + dt/tau_syn (w_in x - i)

The first has the new current in the membrane at once, as norse (from 1.0), snnTorch and
SpikingJelly have it. The second is ``lif`` and ``li`` of snn-neurons, whose input jumps into the
current: with i' = r i and the gain g = r w_in dt/tau_syn,

    v <- v + dt/tau_mem (v_leak - v + i');  i' <- i' (1 - dt/tau_syn) + g x

so that NIR's numbers with g = 1 are theirs exactly. From rest, the second is the first one step
later, in every neuron that has no feedback; a loop becomes longer by a step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snn_nodes.layer import Sequential
from snn_nodes.neuron import NeuronNode


class CurrentFirst(Sequential):
    """A synapse (``li_box``), then a membrane (``lif_box`` or ``li_box``) that takes its current.

    >>> import snn_core as snn
    >>> synapse = NeuronNode("li_box", dt=1e-3, params=snn.neuron("li_box").Params(5e-3, 5.0))
    >>> node = CurrentFirst(synapse, NeuronNode("li_box", dt=1e-3))
    >>> node(torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)).flatten()
    tensor([0.1000, 0.1700, 0.2170])
    """

    @property
    def synapse(self) -> NeuronNode:
        """The synapse; its r is NIR's w_in, its tau_mem NIR's tau_syn."""
        node: NeuronNode = self[0]
        return node

    @property
    def membrane(self) -> NeuronNode:
        """The membrane, driven by the current."""
        node: NeuronNode = self[1]
        return node


class MembraneFirst(Sequential):
    """A ``lif`` or ``li`` whose input is scaled by the gain of a CubaLIF or CubaLI.

    Args:
        node: the neurons.
        r, w_in: of NIR, numbers or tensors ``(*N,)``; the gain is ``r w_in dt / tau_syn``.

    >>> node = MembraneFirst(NeuronNode("li", dt=1e-3), r=torch.tensor(1.0), w_in=torch.tensor(5.0))
    >>> node(torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)).flatten()
    tensor([0.0000, 0.1000, 0.1700])
    """

    r: Tensor
    w_in: Tensor

    def __init__(self, node: Any, *, r: Tensor, w_in: Tensor, step_mode: str = "m") -> None:
        super().__init__(node, step_mode=step_mode)
        self.register_buffer("r", r.detach().clone())
        self.register_buffer("w_in", w_in.detach().clone())

    @property
    def node(self) -> NeuronNode:
        """The neurons."""
        inner: NeuronNode = self[0]
        return inner

    @property
    def gain(self) -> Tensor:
        """What the input is multiplied by."""
        factor: Tensor = self.r * self.w_in * (self.node.dt / self.node.params().tau_syn)
        return factor

    def forward(self, x: Tensor, lengths: Any = None) -> Tensor:
        """``(T, B, *N)`` to ``(T, B, *N)``; in step mode ``'s'`` without T."""
        return super().forward(x * self.gain, lengths)


def unit_gain(r: Any, w_in: Any, tau_syn: Any, dt: float, dtype: torch.dtype) -> bool:
    """Whether the gain is 1 in this dtype, so that nothing needs to be scaled."""
    gain = torch.as_tensor(r * w_in * dt / tau_syn, dtype=torch.float64).to(dtype)
    return bool((gain == 1).all())
