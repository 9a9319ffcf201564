"""cuba_aelif_integration and its LIF and LI parts: hxtorch.spiking's functions over AdEx."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from snn_core import lookup
from snn_core.integration import integrate
from snn_core.types import Backend, Neuron, Value
from torch import Tensor

from snn_neurons.adex import Terms, with_terms
from snn_neurons.functional.numerics import warn_if_coarse
from snn_neurons.functional.observables import HardwareObservables, align, summed
from snn_neurons.functional.step_code import CuBaStepCode, check_step_code
from snn_neurons.refractory import with_refractoriness


class CuBaIntegration(NamedTuple):
    """What the current-based integrations return, each ``(T_out, B, *N)``.

    Args:
        spikes: 0 or 1; zeros of a neuron that does not fire.
        membrane: in volts; v_reset at a spike.
        adaptation: the adaptation current; zeros of a neuron that does not adapt.
        current: the synaptic current.
    """

    spikes: Tensor
    membrane: Tensor
    adaptation: Tensor
    current: Tensor


def cuba_aelif_integration(
    input: Tensor | Sequence[Tensor],
    *,
    leak: Value,
    reset: Value,
    threshold: Value,
    tau_syn: Value,
    c_mem: Value,
    g_l: Value | None,
    refractory_time: Value,
    method: str,
    alpha: float,
    exp_slope: Value,
    exp_threshold: Value,
    subthreshold_adaptation_strength: Value,
    spike_triggered_adaptation_increment: Value,
    tau_adap: Value,
    hw_data: Any = None,
    dt: float = 1e-6,
    leaky: bool = True,
    fire: bool = True,
    refractory: bool = False,
    exponential: bool = False,
    subthreshold_adaptation: bool = False,
    spike_triggered_adaptation: bool = False,
    integration_step_code: str | None = None,
    backend: str | Backend = "auto",
) -> CuBaIntegration:
    """Integrate current-based (adaptive, exponential, leaky) integrate-and-fire neurons.

    The equations and their order stand in ``snn_neurons.adex``, refractoriness in
    ``snn_neurons.refractory``. A parameter of a term that is off is not looked at.

    Args:
        input: ``(T, B, *N)``, or a tuple of such, which are summed.
        leak, reset, threshold: in volts; numbers, 0-d tensors or ``(*N,)``, as all parameters.
        tau_syn, tau_adap, refractory_time: in seconds.
        c_mem: capacitance; with ``g_l = 1`` the membrane time constant in seconds.
        g_l: leak conductance; None is 1.
        method, alpha: threshold's name and its parameter.
        exp_slope, exp_threshold: of the exponential term, in volts.
        subthreshold_adaptation_strength: a of AdEx.
        spike_triggered_adaptation_increment: b of AdEx.
        hw_data: recorded traces, see ``HardwareObservables.of``; every output is then cut to
            T_out, the length of the shortest of input and traces (the MADC's does not count).
        dt: step in seconds.
        leaky, fire, refractory, exponential, subthreshold_adaptation, spike_triggered_adaptation:
            which terms the step has.
        integration_step_code: None, or the text of ``CuBaStepCode`` for these flags and these
            recorded traces. It is compared, never executed.
        backend: as for ``snn_core.integrate``.

    Returns:
        ``(spikes, membrane, adaptation, current)``.

    Raises:
        ValueError, TypeError: shapes, dtypes, ranges, another text; see the message.
        UnknownName: no such threshold or backend.

    Warns:
        NumericsWarning: dt exceeds a time constant.

    Source: Brette and Gerstner, J. Neurophysiol. 94, 2005, eqs 1 to 3.

    >>> x = torch.zeros(40, 1, 1, dtype=torch.float64)
    >>> x[0] = 1.0
    >>> unused = dict.fromkeys(
    ...     ("exp_slope", "exp_threshold", "subthreshold_adaptation_strength",
    ...      "spike_triggered_adaptation_increment", "tau_adap", "refractory_time"), 0.0)
    >>> out = cuba_aelif_integration(
    ...     x, leak=0.0, reset=0.0, threshold=1.0, tau_syn=10e-6, c_mem=10e-6, g_l=1.0,
    ...     method="super_spike", alpha=50.0, dt=1e-6, **unused)
    >>> round(out.membrane.max().item(), 5), out.membrane.argmax().item() in (9, 10)
    (0.38742, True)
    """
    x = summed(input)
    hw = HardwareObservables.of(hw_data)
    terms = Terms(leaky, fire, exponential, subthreshold_adaptation, spike_triggered_adaptation)
    code = CuBaStepCode(
        leaky,
        fire,
        refractory,
        *terms[2:],
        hw.membrane_cadc is not None,
        hw.spikes is not None,
        hw_adaptation_trace_available=hw.adaptation is not None,
    )
    check_step_code(integration_step_code, code)
    x, observed = align(x, hw, fires=fire, adapts=terms.adapts)
    g_l = 1.0 if g_l is None else g_l
    values: dict[str, Value] = {
        "v_leak": leak, "v_reset": reset, "v_th": threshold, "tau_syn": tau_syn, "c_mem": c_mem
    }
    if leaky or exponential:
        values |= {"g_l": g_l}
    if exponential:
        values |= {"exp_slope": exp_slope, "exp_threshold": exp_threshold}
    if terms.adapts:
        values |= {"tau_adap": tau_adap}
    if subthreshold_adaptation:
        values |= {"a": subthreshold_adaptation_strength}
    if spike_triggered_adaptation:
        values |= {"b": spike_triggered_adaptation_increment}
