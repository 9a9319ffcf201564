"""EventPropReadoutFunction: leaky integrators behind EventProp neurons."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from snn_core.types import Value
from snn_neurons.functional.observables import HardwareObservables, align
from snn_neurons.li import LI
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn_eventprop.functional.adjoint import readout_adjoint
from snn_eventprop.functional.euler import integrate_current, integrate_membrane
from snn_eventprop.functional.layer import check_current
from snn_eventprop.functional.notices import warn_of_parameters
from snn_eventprop.functional.parameters import check_parameters, check_stacked, column, columns
from snn_eventprop.functional.running import empty, in_columns, run_blocks


class EventPropReadout(NamedTuple):
    """What the readout returns, each ``(T_out, B, *N)`` and differentiable.

    Args:
        membrane: in volts.
        current: the synaptic current, in volts.
    """

    membrane: Tensor
    current: Tensor


class EventPropReadoutFunction(torch.autograd.Function):
    """Leaky integrators (LI) on an Euler grid that return gradients as EventProp neurons do.

    An ordinary synapse and LI give the spikes before them the gradient of an amplitude, dL/dz,
    where an EventProp neuron expects -dL/dt; its gradient is then wrong at any dt.
    """

    @classmethod
    def apply(
        cls,
        input: Tensor,
        leak: Value,
        tau_syn: Value,
        tau_mem: Value,
        hw_data: Any = None,
        dt: float = 1e-6,
    ) -> EventPropReadout:
        """Integrate leaky integrators behind ``EventPropSynapseFunction``.

        The membrane is that of ``cuba_li_integration`` to the bit. Row 0 is the start (v = leak,
        no current); row t + 1 has seen the input of row t.

        Args:
            input: ``(2, T, B, *N)`` of ``EventPropSynapseFunction``. Its gradient is
                ``(b, a/tau_mem - b/tau_syn)`` with a = dL/dv and b = dL/di: dL/dx of the steps as
                they are, and -dL/dt of a spike of unit weight that arrives there.
            leak: in volts; number, 0-d tensor or ``(*N,)``. Parameters get no gradient.
            tau_syn, tau_mem: in seconds.
            hw_data: recorded traces, see ``HardwareObservables.of``; a recorded membrane is
                returned, its gradient is the model's. Outputs are cut to T_out.
            dt: step in seconds.

        Returns:
            ``(membrane, current)``, each ``(T_out, B, *N)``; they take the true gradients dL/dv
            and dL/di.

        Raises:
            ValueError, TypeError: shapes, dtypes, ranges, a device other than the CPU, an input
                that is not finite, recorded spikes; see the message.

        Warns:
            NumericsWarning: dt exceeds a time constant.
            UnusedGradientWarning: a parameter requires a gradient.

        Source: the costates of Wunderlich and Pehle, Scientific Reports 11, 2021, table 1, for a
        loss of the membrane.

        >>> x = torch.zeros(2, 4, 1, 1)
        >>> x[0, 0] = 1.0
        >>> EventPropReadoutFunction.apply(x, 0.0, 10e-6, 10e-6).membrane.flatten()
        tensor([0.0000, 0.1000, 0.1800, 0.2430])
        """
        warn_of_parameters((leak, tau_syn, tau_mem))
        return EventPropReadout(
            *super().apply(  # type: ignore[no-untyped-call]
                input, leak, tau_syn, tau_mem, hw_data, dt
            )
        )

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        leak: Value,
        tau_syn: Value,
        tau_mem: Value,
        hw_data: Any = None,
        dt: float = 1e-6,
    ) -> tuple[Tensor, Tensor]:
        """See ``apply``."""
        check_stacked(input)
        params = LI.Params(tau_mem=tau_mem, tau_syn=tau_syn, v_leak=leak)
        check_parameters(LI, params, dt, input[0])
        x, observed = align(input[0], HardwareObservables.of(hw_data), LI.observes)
        steps = columns(tau_mem, tau_syn, leak, dt, x)
        v, i = (empty(x.shape, x.dtype) for _ in range(2))
        run_blocks(integrate_current, x, in_columns(x), steps.syn_keep, in_columns(i))
        check_current(i)
        if observed is None or observed.v is None:
            arrays = steps.mem_rate, steps.leak, in_columns(v)
            run_blocks(integrate_membrane, x, in_columns(i), *arrays)
        else:
            v.copy_(observed.v)
        ctx.steps, ctx.tau_mem = steps, column(tau_mem, x)
        ctx.shape, ctx.n_steps = input.shape, len(x)
        return v, i

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_membrane: Tensor, grad_current: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradient of the input; rows that were cut off get zeros."""
        grad = empty(ctx.shape, grad_membrane.dtype)
        grad[:, ctx.n_steps - 1 :] = 0.0
        steps = ctx.steps
        run_blocks(
            readout_adjoint,
            grad_membrane,
            *map(in_columns, (grad_membrane, grad_current)),
            steps.mem_rate,
            steps.syn_rate,
            steps.syn_keep,
            ctx.tau_mem,
            steps.tau_syn,
            *map(in_columns, grad[:, : ctx.n_steps]),
        )
        return (grad, *[None] * 5)
