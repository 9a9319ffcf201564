"""The equations of the integrate-and-fire family: what charges a membrane, what a spike takes off.

Letters: v membrane, x input, z spikes, v_reset, v_th threshold, tau time constant in steps. Where a
node has no reset potential (None), it counts as 0 in the leak. One step, in this order:

    charge:  v <- v + x                                       (IF)
             v <- v + (x - (v - v_reset)) / tau               (LIF that decays its input)
             v <- v - (v - v_reset) / tau + x                 (LIF that does not)
    fire:    z = 1 where v >= v_th
    reset:   v <- v_reset where z (hard), or v <- v - z v_th (soft)

Source: Fang et al., SpikingJelly, Science Advances 9(40), 2023, eq. 1 to 4; Gerstner et al.,
Neuronal Dynamics, 2014, eq. 1.5 with an Euler step of 1.
"""

from __future__ import annotations

import torch
from snn_core.types import Value
from torch import Tensor


def charge(v: Tensor, x: Tensor) -> Tensor:
    """IF: the input jumps into the membrane."""
    return v + x


def charge_decaying_input(v: Tensor, x: Tensor, v_reset: Value, tau: Value) -> Tensor:
    """LIF: the leak takes its part of the input too."""
    return v + (x - (v - v_reset)) / tau


def charge_keeping_input(v: Tensor, x: Tensor, v_reset: Value, tau: Value) -> Tensor:
    """LIF: the input jumps into the membrane as it is."""
    return v - (v - v_reset) / tau + x


def hard_reset(v: Tensor, z: Tensor, v_reset: Value) -> Tensor:
    """v_reset where it spiked: the value of ``(1 - z) v + z v_reset``, and its gradient.

    An infinite membrane is replaced without the gradient to z, where the product is ``0 * inf``.

    >>> hard_reset(torch.tensor([torch.inf, 2.0, 0.5]), torch.tensor([1.0, 1.0, 0.0]), 0.25)
    tensor([0.2500, 0.2500, 0.5000])
    """
    infinite = v.isinf()
    finite = torch.where(infinite, 0.0, v)
    return torch.where(infinite, torch.where(z > 0.5, v_reset, v), (1 - z) * finite + z * v_reset)


def soft_reset(v: Tensor, z: Tensor, v_th: Value) -> Tensor:
    """The threshold is taken off where it spiked.

    >>> soft_reset(torch.tensor([1.5, 0.5]), torch.tensor([1.0, 0.0]), 1.0)
    tensor([0.5000, 0.5000])
    """
    return v - z * v_th
