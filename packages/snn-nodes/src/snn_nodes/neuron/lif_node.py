"""LIFNode: leaky integrate-and-fire with a time constant in steps."""

from __future__ import annotations

from typing import Any

from snn_core.types import AsBackend, Backend, Value
from torch import Tensor

from snn_nodes.neuron import equations
from snn_nodes.neuron.base import BaseNode
from snn_nodes.neuron.run_settings import check_flags
from snn_nodes.neuron.values import checked_tau, shown


class LIFNode(BaseNode):
    """Leaky integrate-and-fire. With ``decay_input`` v <- v + (x - (v - v_reset)) / tau, without it
    v <- v - (v - v_reset) / tau + x; then fire, reset.

    Args:
        tau: membrane time constant in steps, above 1: a number, or a tensor that broadcasts to
            ``(*N,)``.
        decay_input: whether the leak takes its part of the input.
        v_threshold and so on: as for ``BaseNode``.

    Raises:
        ValueError: tau is not above 1.

    Source: ``snn_nodes.neuron.equations``.

    >>> import torch
    >>> node = LIFNode(tau=2.0, step_mode="m")
    >>> node(torch.full((4, 1, 1), 1.6)).flatten()
    tensor([0., 1., 0., 1.])
    """

    def __init__(
        self,
        tau: Value = 2.0,
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
        self._set_value("tau", checked_tau("tau", tau))
        check_flags(decay_input=decay_input)
        self.decay_input = decay_input

    def neuronal_dynamics(self, x: Tensor) -> None:
        """Charge, with or without decaying the input."""
        if self.decay_input and self.v_reset is None:
            self.v = self.neuronal_dynamics_decay_input_reset0(x, self.v, self.tau)
        elif self.decay_input:
            self.v = self.neuronal_dynamics_decay_input(x, self.v, self.v_reset, self.tau)
        elif self.v_reset is None:
            self.v = self.neuronal_dynamics_no_decay_input_reset0(x, self.v, self.tau)
        else:
            self.v = self.neuronal_dynamics_no_decay_input(x, self.v, self.v_reset, self.tau)

    @staticmethod
    def neuronal_dynamics_decay_input(x: Tensor, v: Tensor, v_reset: Value, tau: Value) -> Tensor:
        """v + (x - (v - v_reset)) / tau."""
        return equations.charge_decaying_input(v, x, v_reset, tau)

    @staticmethod
    def neuronal_dynamics_decay_input_reset0(x: Tensor, v: Tensor, tau: Value) -> Tensor:
        """v + (x - v) / tau."""
        return equations.charge_decaying_input(v, x, 0.0, tau)

    @staticmethod
    def neuronal_dynamics_no_decay_input(
        x: Tensor, v: Tensor, v_reset: Value, tau: Value
    ) -> Tensor:
        """v - (v - v_reset) / tau + x."""
        return equations.charge_keeping_input(v, x, v_reset, tau)

    @staticmethod
    def neuronal_dynamics_no_decay_input_reset0(x: Tensor, v: Tensor, tau: Value) -> Tensor:
        """v - v / tau + x."""
        return equations.charge_keeping_input(v, x, 0.0, tau)

    def extra_repr(self) -> str:
        """Its settings."""
        own = f"tau={shown(self.tau)}, decay_input={self.decay_input}"
        return f"{own}, {super().extra_repr()}"
