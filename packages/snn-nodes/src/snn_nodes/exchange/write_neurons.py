"""From nodes to NIR: one function for each kind, and what NIR cannot say of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import nir
import numpy as np
from snn_core import lookup
from snn_core.errors import UnknownName

from snn_nodes.exchange.arrays import spread
from snn_nodes.exchange.cuba import CurrentFirst, MembraneFirst
from snn_nodes.exchange.firing import fires_at_equality, is_ours
from snn_nodes.exchange.report import ExchangeError, Report
from snn_nodes.exchange.shapes import Shape
from snn_nodes.neuron import BaseNode, IFNode, LIFNode, NeuronNode, ParametricLIFNode


class Setting(NamedTuple):
    """What every writer needs to know.

    Args:
        dt: step in seconds.
        report: where differences go.
    """

    dt: float
    report: Report


# Nodes that count in steps.


def write_if_node(node: IFNode, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """v <- v + x is an Euler step of dv/dt = r x with r = 1/dt."""
    v_reset = _reset_of(node, name, shape, setting)
    if np.any(v_reset):
        start = "the membrane starts at v_reset, of which NIR says nothing; importers start at 0"
        setting.report.add(name, "start", start)
    return nir.IF(
        r=spread(1 / setting.dt, shape),
        v_threshold=spread(node.v_threshold, shape),
        v_reset=spread(v_reset, shape),
    )


def write_lif_node(
    node: LIFNode | ParametricLIFNode, name: str, shape: Shape, setting: Setting
) -> nir.NIRNode:
    """tau steps are tau dt seconds; r is 1 if the input decays, else tau."""
    v_reset = _reset_of(node, name, shape, setting)
    steps = spread(node.tau, shape)
    if isinstance(node, ParametricLIFNode):
        setting.report.add(name, "learnable", "tau is learnt here; NIR has its value only")
    return nir.LIF(
        tau=steps * setting.dt,
        r=np.ones_like(steps) if node.decay_input else steps.copy(),
        v_leak=spread(v_reset, shape),
        v_threshold=spread(node.v_threshold, shape),
        v_reset=spread(v_reset, shape),
    )


def _reset_of(node: BaseNode, name: str, shape: Shape, setting: Setting) -> Any:
    """The reset potential; what NIR cannot say of a BaseNode."""
    report = setting.report
    if fires_at_equality(node, name, shape):
        report.add(
            name,
            "strictness",
            "fires where v >= v_threshold, NIR where v > v_threshold: they differ where a membrane "
            "meets its threshold exactly",
        )
    how = "cut" if node.detach_reset else "kept"
    report.add(name, "training", f"surrogate and reset gradient ({how}) are not in NIR")
    if not is_ours(node.surrogate_function):
        report.add(name, "surrogate", "is none of snn_nodes.surrogate: comes back as Sigmoid()")
    if node.v_reset is None:
        reason = "v_reset=None resets by subtraction, NIR only to a value"
        report.refuse(name, "soft_reset", reason, "train with a hard reset, v_reset=0.0")
        return 0.0
    return node.v_reset


# Registered neurons.


def write_neuron_node(node: NeuronNode, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """A registered neuron, by its name."""
    if node.dt != setting.dt:
        raise ExchangeError(
            f"node {name!r} steps by dt = {node.dt:g} s, the export by {setting.dt:g} s; pass "
            f"dt={node.dt:g}, or construct the network with one dt"
        )
    kind = node.neuron.name
    if kind not in NEURONS or not _registered(node):
        raise ExchangeError(
            f"node {name!r}: neuron {kind!r} {NOT_SAID.get(kind, 'has no counterpart in NIR')}; "
            f"those that NIR can say are {', '.join(NEURONS)}"
        )
    if kind not in ("li", "li_box"):
        setting.report.add(name, "training", "the surrogate gradient is not in NIR")
        if not node.threshold.strict:
            setting.report.add(name, "strictness", "fires where v >= v_th, NIR where v > v_th")
    if any(node._learns(field) for field in node.neuron.Params._fields):
        setting.report.add(name, "learnable", "parameters are learnt here; NIR has values only")
    values = {n: spread(value, shape) for n, value in node.params()._asdict().items()}
    return NEURONS[kind](values, name, setting)


def _registered(node: NeuronNode) -> bool:
    """Whether its record is the registered one, not another of the same name."""
    try:
        return lookup.neuron(node.neuron.name) is node.neuron
    except UnknownName:
        return False


Values = dict[str, np.ndarray[Any, Any]]


def _firing(p: Values) -> dict[str, Any]:
    return {"v_threshold": p["v_th"], "v_reset": p["v_reset"]}


def _lif_box(p: Values, name: str, setting: Setting) -> nir.NIRNode:
    return nir.LIF(tau=p["tau_mem"], r=p["r"], v_leak=p["v_leak"], **_firing(p))


def _li_box(p: Values, name: str, setting: Setting) -> nir.NIRNode:
    return nir.LI(tau=p["tau_mem"], r=p["r"], v_leak=p["v_leak"])


def _if_box(p: Values, name: str, setting: Setting) -> nir.NIRNode:
    return nir.IF(r=p["r"], **_firing(p))


def _charged(p: Values, name: str, setting: Setting) -> nir.NIRNode:
    """Its input is a charge, which a current of 1/dt brings in one step."""
    return nir.IF(r=np.full_like(p["v_th"], 1 / setting.dt), **_firing(p))


def _iaf(p: Values, name: str, setting: Setting) -> nir.NIRNode:
    late = "fires a step later than an IF that integrates first, which is how importers step"
    setting.report.add(name, "latency", late)
    return _charged(p, name, setting)


def _synapse(p: Values, name: str, setting: Setting) -> dict[str, Any]:
    """r = tau_mem/dt, what most importers want; w_in so that an input of 1 moves i' by 1."""
    late = (
        "the membrane takes the current of the step before: spikes come a step later than from "
        "importers that update the current first, and loops are a step longer"
    )
    setting.report.add(name, "latency", late)
    r, w_in = p["tau_mem"] / setting.dt, p["tau_syn"] / p["tau_mem"]
    return {"tau_syn": p["tau_syn"], "tau_mem": p["tau_mem"], "r": r, "w_in": w_in}


def _lif(p: Values, name: str, setting: Setting) -> nir.NIRNode:
    return nir.CubaLIF(**_synapse(p, name, setting), v_leak=p["v_leak"], **_firing(p))


def _li(p: Values, name: str, setting: Setting) -> nir.NIRNode:
    return nir.CubaLI(**_synapse(p, name, setting), v_leak=p["v_leak"])


def _held(write: Callable[[Values, str, Setting], nir.NIRNode]) -> Any:
    """A neuron that is held at reset, if the caller does without."""

    def written(p: Values, name: str, setting: Setting) -> nir.NIRNode:
        if np.any(p["refractory_time"] > 0):
            reason = "NIR has no refractory period"
            setting.report.refuse(name, "refractory", reason, "set refractory_time=0.0")
        return write(p, name, setting)

    return written


NEURONS: Mapping[str, Callable[[Values, str, Setting], nir.NIRNode]] = {
    "iaf": _iaf,
    "iaf_integrate_first": _charged,
    "iaf_refractory": _held(_iaf),
    "if_box": _if_box,
    "li": _li,
    "li_box": _li_box,
    "lif": _lif,
    "lif_box": _lif_box,
    "lif_refractory": _held(_lif),
}
"""The registered neurons that NIR can say."""

_EXACT = "integrates by exact decays, importers of NIR by Euler steps"
NOT_SAID: Mapping[str, str] = {
    "adex": "adapts and has an exponential term, for which NIR has no place",
    "adex_refractory": "adapts and has an exponential term, for which NIR has no place",
    "exp_li": _EXACT,
    "exp_lif": _EXACT,
    "exp_lif_refractory": _EXACT,
}
"""Why others cannot be said."""


# What CubaLIF and CubaLI were read as.


def write_current_first(
    node: CurrentFirst, name: str, shape: Shape, setting: Setting
) -> nir.NIRNode:
    """The synapse and the membrane as one node."""
    synapse = write_neuron_node(node.synapse, name, shape, setting)
    membrane = write_neuron_node(node.membrane, name, shape, setting)
    if not isinstance(synapse, nir.LI) or not isinstance(membrane, nir.LIF | nir.LI):
        raise ExchangeError(f"node {name!r}: CurrentFirst is an li_box before an lif_box or li_box")
    if np.any(synapse.v_leak):
        raise ExchangeError(f"node {name!r}: its synapse rests at {synapse.v_leak}, NIR's at 0")
    shared = {"tau_syn": synapse.tau, "w_in": synapse.r, "tau_mem": membrane.tau}
    shared |= {"r": membrane.r, "v_leak": membrane.v_leak}
    if isinstance(membrane, nir.LI):
        return nir.CubaLI(**shared)
    return nir.CubaLIF(**shared, v_threshold=membrane.v_threshold, v_reset=membrane.v_reset)


def write_membrane_first(
    node: MembraneFirst, name: str, shape: Shape, setting: Setting
) -> nir.NIRNode:
    """The neurons with r and w_in as they were."""
    written = write_neuron_node(node.node, name, shape, setting)
    written.r, written.w_in = spread(node.r, shape), spread(node.w_in, shape)
    return written


WRITERS: Mapping[type, Callable[[Any, str, Shape, Setting], nir.NIRNode]] = {
    IFNode: write_if_node,
    LIFNode: write_lif_node,
    ParametricLIFNode: write_lif_node,
    NeuronNode: write_neuron_node,
    CurrentFirst: write_current_first,
    MembraneFirst: write_membrane_first,
}
"""The nodes by their class; what derives from NeuronNode is one."""


def write_neuron(node: Any, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """A node as a NIR node for one sample's shape.

    Raises:
        ExchangeError: NIR cannot say it; the message names the node.
    """
    if type(node) in WRITERS:
        return WRITERS[type(node)](node, name, shape, setting)
    if isinstance(node, NeuronNode):
        return write_neuron_node(node, name, shape, setting)
    raise ExchangeError(
        f"node {name!r}: {type(node).__name__} has dynamics of its own, which NIR cannot say; it "
        f"knows IFNode, LIFNode, ParametricLIFNode and NeuronNode"
    )
