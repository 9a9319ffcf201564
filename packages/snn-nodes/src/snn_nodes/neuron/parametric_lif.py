"""ParametricLIFNode: LIF whose time constant is learnt."""

from __future__ import annotations

from typing import Any

import torch
from snn_core.types import AsBackend, Backend, Value
from torch import Tensor, nn

from snn_nodes.neuron import equations
from snn_nodes.neuron.base import BaseNode
from snn_nodes.neuron.run_settings import check_flags
from snn_nodes.neuron.values import checked_tau, shown


class ParametricLIFNode(BaseNode):
    """LIFNode with a learnt time constant: ``1 / tau = sigmoid(w)``, so that tau stays above 1.

    Args:
        init_tau: where tau starts, in steps, above 1: a number for one tau of all neurons, a
            tensor ``(*N,)`` for one each.
        decay_input, v_threshold and so on: as for ``LIFNode``.

    Attributes:
        w: what is learnt; its name and meaning are SpikingJelly's, so that checkpoints load.
        tau: ``1 / sigmoid(w)``.

    Raises:
        ValueError: init_tau is not above 1.

    Source: Fang et al., Incorporating learnable membrane time constant, ICCV 2021, eq. 9.

    >>> node = ParametricLIFNode(init_tau=2.0)
    >>> node.w, node.tau
    (Parameter containing:
    tensor(-0., requires_grad=True), tensor(2., grad_fn=<...>))
    """

    def __init__(
        self,
        init_tau: Value = 2.0,
        decay_input: bool = True,
        v_threshold: Value = 1.0,
        v_reset: Value | None = 0.0,
        surrogate_function: Any = None,
        detach_reset: bool = False,
        parallel_optim: bool = False,
        T: int = 1,
        spike_out: bool = False,
        *,
        step_mode: str = "s",
        store_v_seq: bool = False,
        backend: str | Backend | AsBackend = "auto",
        on_new_shape: str = "restart",
    ) -> None:
        super().__init__(
            v_threshold,
            v_reset,
            surrogate_function,
            detach_reset,
            parallel_optim,
            T,
            spike_out,
            step_mode=step_mode,
            store_v_seq=store_v_seq,
            backend=backend,
            on_new_shape=on_new_shape,
        )
        start = torch.as_tensor(checked_tau("init_tau", init_tau))
        check_flags(decay_input=decay_input)
        self.decay_input = decay_input
        self.w = nn.Parameter(-(start - 1).log())

    @property
    def tau(self) -> Tensor:
        """The time constant now, in steps."""
        return 1 / self.w.sigmoid()

    def neuronal_dynamics(self, x: Tensor) -> None:
        """Charge, with or without decaying the input."""
        v_reset = 0.0 if self.v_reset is None else self.v_reset
        if self.decay_input:
            self.v = equations.charge_decaying_input(self.v, x, v_reset, self.tau)
        else:
            self.v = equations.charge_keeping_input(self.v, x, v_reset, self.tau)

    def extra_repr(self) -> str:
        """Its settings."""
        own = f"tau={shown(self.tau.detach())}, decay_input={self.decay_input}"
        return f"{own}, {super().extra_repr()}"
