"""exp_cuba_lif_integration and exp_cuba_li_integration: exact decays, given as factors a step."""

from __future__ import annotations

from typing import Any, NamedTuple

from snn_core import lookup
from snn_core.types import Backend, Value
from torch import Tensor

from snn_neurons import exp_li, exp_lif
from snn_neurons.functional.numerics import warn_if_growing
from snn_neurons.functional.observables import HardwareObservables
from snn_neurons.functional.running import run

_NO_STEP = 1.0
"""The step that the integration is told: the factors hold the true one, so nothing reads it."""


class ExpCuBaLIF(NamedTuple):
    """What ``exp_cuba_lif_integration`` returns: ``(T_out, B, *N)``, and the MADC's trace."""

    spikes: Tensor
    membrane: Tensor
    current: Tensor
    membrane_madc: Tensor | None


class ExpCuBaLI(NamedTuple):
    """What ``exp_cuba_li_integration`` returns: ``(T_out, B, *N)``, and the MADC's trace."""

    membrane: Tensor
    current: Tensor
    membrane_madc: Tensor | None


def exp_cuba_lif_integration(
    input: Tensor,
    *,
    leak: Value,
    reset: Value,
    threshold: Value,
    tau_syn_exp: Value,
    tau_mem_exp: Value,
    method: str,
    alpha: float,
    hw_data: Any = None,
    backend: str | Backend = "auto",
) -> ExpCuBaLIF:
    """Integrate leaky integrate-and-fire neurons by exponential Euler (``snn_neurons.exp_lif``).

    Args:
        input: ``(T, B, *N)``, or a tuple of such, which are summed.
        leak, reset, threshold: in volts; numbers, 0-d tensors or ``(*N,)``, as all parameters.
        tau_syn_exp, tau_mem_exp: decay factors a step, ``exp(-dt / tau)``.
        method, alpha: the threshold's name and its parameter.
        hw_data: recorded traces, see ``HardwareObservables.of``; outputs are cut to T_out.
        backend: as for ``snn_core.integrate``.

    Returns:
        ``(spikes, membrane, current, membrane_madc)``, the last as it was given.

    Raises:
        ValueError, TypeError: shapes, dtypes, values that are not finite; see the message.
        UnknownName: no such threshold or backend.

    Warns:
        NumericsWarning: a decay factor outside (0, 1).

    Source: hxtorch.spiking, ``exp_cuba_lif_integration``.

    >>> import torch
    >>> x = torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1)
    >>> out = exp_cuba_lif_integration(
    ...     x, leak=0.0, reset=0.0, threshold=1.0, tau_syn_exp=0.5, tau_mem_exp=0.75,
    ...     method="super_spike", alpha=50.0)
    >>> out.membrane.flatten()
    tensor([0.0000, 0.2500, 0.3125])
    """
    params = exp_lif.Factors(tau_mem_exp, tau_syn_exp, threshold, reset, leak)
    hw, spike = HardwareObservables.of(hw_data), lookup.threshold(method, alpha=alpha)
    neuron = exp_lif.EXP_LIF_BY_FACTORS
    out = run(neuron, params, input, hw, dt=_NO_STEP, spike=spike, backend=backend)
    warn_if_growing({"tau_mem_exp": tau_mem_exp, "tau_syn_exp": tau_syn_exp})
    return ExpCuBaLIF(out.spikes, out.membrane, out.current, hw.membrane_madc)


def exp_cuba_li_integration(
    input: Tensor,
    *,
    leak: Value,
    tau_syn_exp: Value,
    tau_mem_exp: Value,
    hw_data: Any = None,
    backend: str | Backend = "auto",
) -> ExpCuBaLI:
    """Integrate leaky integrators by exponential Euler (``snn_neurons.exp_li``).

    Arguments, errors and warnings are those of ``exp_cuba_lif_integration``; the recorded
    membrane may be missing.

    Returns:
        ``(membrane, current, membrane_madc)``, the last as it was given.

    Raises:
        ValueError, TypeError: shapes, dtypes, values that are not finite, recorded spikes; see the
            message.
        UnknownName: no such backend.

    Warns:
        NumericsWarning: a decay factor outside (0, 1).

    >>> import torch
    >>> x = torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1)
    >>> out = exp_cuba_li_integration(x, leak=0.0, tau_syn_exp=0.5, tau_mem_exp=0.5)
    >>> out.membrane.flatten()
    tensor([0.0000, 0.5000, 0.5000])
    """
    params = exp_li.Factors(tau_mem_exp, tau_syn_exp, leak)
    hw = HardwareObservables.of(hw_data)
    neuron = exp_li.EXP_LI_BY_FACTORS
    out = run(neuron, params, input, hw, dt=_NO_STEP, spike=None, backend=backend)
    warn_if_growing({"tau_mem_exp": tau_mem_exp, "tau_syn_exp": tau_syn_exp})
    return ExpCuBaLI(out.membrane, out.current, hw.membrane_madc)
