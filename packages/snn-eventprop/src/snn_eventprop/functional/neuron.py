"""EventPropNeuronFunction, EventPropLIFFunction, EventPropNeuron: the neurons on an Euler grid."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from snn_core.types import Value
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn_eventprop.functional import layer
from snn_eventprop.functional.notices import warn_of_parameters
from snn_eventprop.functional.parameters import EventPropParams


class EventPropIntegration(NamedTuple):
    """What the neurons return, each ``(T_out, B, *N)``.

    Args:
        spikes: 0 or 1; their gradient is -dL/dt.
        membrane: in volts; the reset at a spike. No gradient goes through it.
        current: the synaptic current, in volts. No gradient goes through it.
    """

    spikes: Tensor
    membrane: Tensor
    current: Tensor


class EventPropNeuronFunction(torch.autograd.Function):
    """LIF neurons on an Euler grid whose backward is EventProp, parameters one by one."""

    @classmethod
    def apply(
        cls,
        input: Tensor,
        leak: Value,
        reset: Value,
        threshold: Value,
        tau_syn: Value,
        tau_mem: Value,
        hw_data: Any = None,
        dt: float = 1e-6,
        vdot_min: float | None = None,
    ) -> EventPropIntegration:
        """Integrate LIF neurons; the backward is the adjoint at their spikes.

        Spikes and membrane are those of ``cuba_lif_integration`` to the bit. Row 0 is the start
        (v = leak, no current); row t + 1 has seen the input of row t, so the last input is unused.

        The gradient of ``spikes`` is taken, and that of the input given, in the reference's sign:
        -dL/dt of each spike. An ordinary synapse and LI behind this function hand it dL/dz, which
        is no such thing: take ``EventPropSynapseFunction`` and ``EventPropReadoutFunction``. Away
        from spike slots the gradient of ``spikes`` is not looked at.

        Args:
            input: ``(2, T, B, *N)`` of ``EventPropSynapseFunction``: the drive, and zeros. Its
                gradient is ``(dL/dx, a/tau_mem - b/tau_syn)``, a = dL/dv, b = dL/di.
            leak, reset, threshold: in volts; numbers, 0-d tensors or ``(*N,)``. They and the time
                constants get no gradient.
            tau_syn, tau_mem: in seconds.
            hw_data: recorded traces, see ``HardwareObservables.of``; every output is cut to T_out,
                and the backward runs on the recorded spikes.
            dt: step in seconds.
            vdot_min: least slope of a spike, in V/s. None: 0.1 threshold / tau_mem with recorded
                traces, 0 in simulation. With 0, a slope that is not positive (near tangency) is
                replaced by the mean slope of the step, which is.

        Returns:
            ``(spikes, membrane, current)``, each ``(T_out, B, *N)``. After a backward,
            ``spikes.grad_fn.n_clipped`` is the number of spikes whose slope was raised.

        Raises:
            ValueError, TypeError: shapes, dtypes, ranges, a device other than the CPU, an input
                that is not finite; see the message.

        Warns:
            NumericsWarning: dt exceeds a time constant.
            UnusedGradientWarning: a parameter requires a gradient, or membrane or current got one.
            ClippedSlopeWarning: in the backward, a slope was raised to vdot_min.

        Source: Wunderlich and Pehle, Scientific Reports 11, 2021, table 1.

        >>> from snn_eventprop.functional import EventPropSynapseFunction
        >>> weight = torch.tensor([[5.0]], dtype=torch.float64, requires_grad=True)
        >>> x = torch.zeros(12, 1, 1, dtype=torch.float64)
        >>> x[0] = 1.0
        >>> y = EventPropSynapseFunction.apply(x, weight)
        >>> out = EventPropNeuronFunction.apply(y, 0.0, 0.0, 1.0, 10e-6, 10e-6)
        >>> first = out.spikes.flatten().argmax()
        >>> first
        tensor(3)
        >>> out.spikes[first].sum().backward()  # L = -t
        >>> print(f"{weight.grad.item():.3g}")  # a larger weight makes it earlier
        6.82e-07
        """
        warn_of_parameters((leak, reset, threshold, tau_syn, tau_mem))
        outputs = super().apply(  # type: ignore[no-untyped-call]
            input, leak, reset, threshold, tau_syn, tau_mem, hw_data, dt, vdot_min
        )
        return EventPropIntegration(*outputs)

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        leak: Value,
        reset: Value,
        threshold: Value,
        tau_syn: Value,
        tau_mem: Value,
        hw_data: Any = None,
        dt: float = 1e-6,
        vdot_min: float | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See ``apply``."""
        params = EventPropParams(leak, reset, threshold, tau_syn, tau_mem)
        return layer.forward(ctx, input, params, dt, hw_data, vdot_min)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,
        grad_spikes: Tensor | None,
        grad_membrane: Tensor | None,
        grad_current: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        """The gradient of the input from -dL/dt in the spike slots."""
        return (layer.backward(ctx, grad_spikes, grad_membrane, grad_current), *[None] * 8)


EventPropLIFFunction = EventPropNeuronFunction
"""The reference's newest name of ``EventPropNeuronFunction``."""


class EventPropNeuron(torch.autograd.Function):
    """``EventPropNeuronFunction`` with its parameters in one record."""

    @classmethod
    def apply(
        cls,
        input: Tensor,
        params: Any,
        dt: float,
        hw_data: Any = None,
        vdot_min: float | None = None,
    ) -> EventPropIntegration:
        """Integrate LIF neurons; the backward is the adjoint at their spikes.

        Args:
            params: ``EventPropParams``, or anything with leak, reset, threshold, tau_syn, tau_mem.
            input, dt, hw_data, vdot_min: as for ``EventPropNeuronFunction.apply``; so are the
                returned values, errors and warnings.

        >>> params = EventPropParams(
        ...     leak=0.0, reset=0.0, threshold=1.0, tau_syn=5e-6, tau_mem=10e-6)
        >>> out = EventPropNeuron.apply(torch.full((2, 5, 1, 1), 3.0), params, 1e-6)
        >>> out.spikes.flatten()
        tensor([0., 0., 0., 1., 0.])
        """
        record = EventPropParams.of(params)
        warn_of_parameters(record)
        return EventPropIntegration(
            *super().apply(input, record, dt, hw_data, vdot_min)  # type: ignore[no-untyped-call]
        )

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        params: Any,
        dt: float,
        hw_data: Any = None,
        vdot_min: float | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See ``apply``."""
        return layer.forward(ctx, input, EventPropParams.of(params), dt, hw_data, vdot_min)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,
        grad_spikes: Tensor | None,
        grad_membrane: Tensor | None,
        grad_current: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        """As that of ``EventPropNeuronFunction``."""
        return (layer.backward(ctx, grad_spikes, grad_membrane, grad_current), *[None] * 4)
