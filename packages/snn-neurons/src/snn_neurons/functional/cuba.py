"""cuba_aelif_integration, cuba_lif_integration, cuba_li_integration: Euler, current-based."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from snn_core import lookup
from snn_core.types import Backend, Neuron, Value
from torch import Tensor

from snn_neurons.adex import Terms, with_terms
from snn_neurons.functional.numerics import warn_if_coarse
from snn_neurons.functional.observables import HardwareObservables
from snn_neurons.functional.running import CuBaIntegration, run
from snn_neurons.functional.step_code import CuBaStepCode, check_step_code
from snn_neurons.li import LI
from snn_neurons.lif import LIF
from snn_neurons.lif_refractory import LIF_REFRACTORY
from snn_neurons.refractory import with_refractoriness


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
        method, alpha: the threshold's name and its parameter.
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
        ``(spikes, membrane, adaptation, current)``, each ``(T_out, B, *N)``.

    Raises:
        ValueError, TypeError: shapes, dtypes, ranges, another text; see the message.
        UnknownName: no such threshold or backend.

    Warns:
        NumericsWarning: dt exceeds a time constant.

    Source: Brette and Gerstner, J. Neurophysiol. 94, 2005, eqs 1 to 3.

    >>> import torch
    >>> x = torch.zeros(40, 1, 1, dtype=torch.float64)
    >>> x[0] = 1.0
    >>> off = dict.fromkeys(
    ...     ("refractory_time", "exp_slope", "exp_threshold", "subthreshold_adaptation_strength",
    ...      "spike_triggered_adaptation_increment", "tau_adap"), 0.0)
    >>> out = cuba_aelif_integration(
    ...     x, leak=0.0, reset=0.0, threshold=1.0, tau_syn=10e-6, c_mem=10e-6, g_l=1.0,
    ...     method="super_spike", alpha=50.0, **off)
    >>> round(out.membrane.max().item(), 5)
    0.38742
    """
    terms = Terms(leaky, fire, exponential, subthreshold_adaptation, spike_triggered_adaptation)
    hw = HardwareObservables.of(hw_data)
    check_step_code(integration_step_code, CuBaStepCode.of(terms, refractory, hw))
    spike = lookup.threshold(method, alpha=alpha) if fire else None
    g_l = 1.0 if g_l is None else g_l
    given: dict[str, Value] = {
        "v_leak": leak,
        "v_reset": reset,
        "v_th": threshold,
        "tau_syn": tau_syn,
        "c_mem": c_mem,
        "g_l": g_l,
        "exp_slope": exp_slope,
        "exp_threshold": exp_threshold,
        "a": subthreshold_adaptation_strength,
        "b": spike_triggered_adaptation_increment,
        "tau_adap": tau_adap,
        "refractory_time": refractory_time,
    }
    used = _used(given, terms, refractory)
    neuron = _neuron(terms, refractory and fire)
    out = run(
        neuron,
        neuron.Params(**used),
        input,
        hw,
        dt=dt,
        spike=spike,
        backend=backend,
    )
    if leaky:
        warn_if_coarse(dt, c_mem, g_l)
    return out


def cuba_lif_integration(
    input: Tensor | Sequence[Tensor],
    *,
    leak: Value,
    reset: Value,
    threshold: Value,
    tau_syn: Value,
    tau_mem: Value,
    method: str,
    alpha: float,
    refractory_time: Value | None = None,
    hw_data: Any = None,
    dt: float = 1e-6,
    backend: str | Backend = "auto",
) -> CuBaIntegration:
    """Integrate current-based leaky integrate-and-fire neurons (``snn_neurons.lif``).

    To the bit ``cuba_aelif_integration`` with the leak and fire terms, ``c_mem = tau_mem`` and
    ``g_l = 1``; see there for arguments, errors and warnings.

    Args:
        tau_mem: membrane time constant in seconds.
        refractory_time: None for no refractoriness; otherwise in seconds.

    Returns:
        ``(spikes, membrane, adaptation, current)``; the adaptation is zero.

    Raises:
        ValueError, TypeError: shapes, dtypes, ranges; see the message.
        UnknownName: no such threshold or backend.

    Warns:
        NumericsWarning: dt exceeds a time constant.

    >>> import torch
    >>> out = cuba_lif_integration(
    ...     torch.full((5, 1, 1), 10.0), leak=0.0, reset=0.0, threshold=1.0, tau_syn=5e-6,
    ...     tau_mem=10e-6, method="super_spike", alpha=50.0)
    >>> out.spikes.flatten()
    tensor([0., 0., 1., 1., 1.])
    """
    values = {
        "v_leak": leak, "v_reset": reset, "v_th": threshold, "tau_syn": tau_syn, "tau_mem": tau_mem
    }  # fmt: skip
    if refractory_time is None:
        neuron, params = LIF, LIF.Params(**values)
    else:
        neuron = LIF_REFRACTORY
        params = neuron.Params(**values, refractory_time=refractory_time)
    hw, spike = HardwareObservables.of(hw_data), lookup.threshold(method, alpha=alpha)
    return run(neuron, params, input, hw, dt=dt, spike=spike, backend=backend)


def cuba_li_integration(
    input: Tensor | Sequence[Tensor],
    *,
    leak: Value,
    tau_syn: Value,
    tau_mem: Value,
    hw_data: Any = None,
    dt: float = 1e-6,
    backend: str | Backend = "auto",
) -> CuBaIntegration:
    """Integrate current-based leaky integrators (``snn_neurons.li``).

    To the bit ``cuba_aelif_integration`` with the leak term alone, ``c_mem = tau_mem`` and
    ``g_l = 1``; see there for arguments, errors and warnings.

    Args:
        tau_mem: membrane time constant in seconds.

    Returns:
        ``(spikes, membrane, adaptation, current)``; spikes and adaptation are zero.

    Raises:
        ValueError, TypeError: shapes, dtypes, ranges, recorded spikes; see the message.
        UnknownName: no such backend.

    Warns:
        NumericsWarning: dt exceeds a time constant.

    >>> import torch
    >>> x = torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1)
    >>> cuba_li_integration(x, leak=0.0, tau_syn=10e-6, tau_mem=10e-6).membrane.flatten()
    tensor([0.0000, 0.1000, 0.1800])
    """
    params = LI.Params(tau_mem=tau_mem, tau_syn=tau_syn, v_leak=leak)
    hw = HardwareObservables.of(hw_data)
    return run(LI, params, input, hw, dt=dt, spike=None, backend=backend)


@lru_cache(maxsize=64)
def _neuron(terms: Terms, refractory: bool) -> Neuron:
    """The same record for the same terms, so that compiled code is found again."""
    neuron = with_terms(terms)
    return with_refractoriness(neuron) if refractory else neuron


def _used(given: Mapping[str, Value], terms: Terms, refractory: bool) -> dict[str, Value]:
    """The parameters whose term is there; the others keep defaults that nothing reads."""
    needed = {
        "v_leak": terms.leaky or terms.subthreshold_adaptation,
        "v_reset": terms.fire,
        "v_th": terms.fire,
        "g_l": terms.leaky or terms.exponential,
        "exp_slope": terms.exponential,
        "exp_threshold": terms.exponential,
        "a": terms.subthreshold_adaptation,
        "b": terms.spike_triggered_adaptation,
        "tau_adap": terms.adapts,
        "refractory_time": terms.fire and refractory,
    }
    return {name: value for name, value in given.items() if needed.get(name, True)}
