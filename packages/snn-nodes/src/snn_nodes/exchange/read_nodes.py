"""From NIR nodes to modules: one function for each kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import nir
import numpy as np
import snn_core as snn
import torch
from snn_core.thresholds import Threshold as Surrogate
from torch import nn

from snn_nodes import layer
from snn_nodes.exchange.arrays import (
    NOT_VALUES,
    Array,
    array,
    collapsed,
    rounded,
    to_tensor,
    whole,
)
from snn_nodes.exchange.cards import settings_of
from snn_nodes.exchange.cuba import CurrentFirst, MembraneFirst, unit_gain
from snn_nodes.exchange.elementwise import Scale, Threshold
from snn_nodes.exchange.report import ExchangeError, Report
from snn_nodes.layer.spiking_input import SpikingInput
from snn_nodes.neuron import NeuronNode


class Reading(NamedTuple):
    """What every reader needs to know.

    Args:
        dt: step in seconds.
        report: where differences go.
        dtype: of the modules.
        threshold: of the neurons, for training.
        membrane_first: which order CubaLIF and CubaLI get.
    """

    dt: float
    report: Report
    dtype: torch.dtype
    threshold: Surrogate
    membrane_first: bool


# Neurons.


def _neurons(kind: str, reading: Reading, **values: Any) -> NeuronNode:
    """Registered neurons with the values of a node: a number where all are equal."""
    params = {field: collapsed(given, reading.dtype) for field, given in values.items()}
    model = snn.neuron(kind)
    return NeuronNode(
        model,
        dt=reading.dt,
        params=model.Params(**params),
        threshold=reading.threshold,
        step_mode="m",
    )


def _checked_values(node: nir.NIRNode, name: str, reading: Reading) -> None:
    """Finite; those that the dtype rounds are noted, in one line."""
    fields = {f.name: getattr(node, f.name) for f in dataclasses.fields(node)}
    values = {field: array(v) for field, v in fields.items() if field not in NOT_VALUES}
    for field, given in values.items():
        if not np.isfinite(given).all():
            raise ExchangeError(f"node {name!r}: {field} must be finite, got {given}")
    changed = [field for field, given in values.items() if rounded(given, reading.dtype)]
    if changed:
        rounds = f"kept in {reading.dtype}, which rounds: {', '.join(changed)}"
        reading.report.add(name, "precision", f"{rounds}; pass dtype=torch.float64")


def _checked_taus(name: str, reading: Reading, **taus: Any) -> None:
    for field, given in taus.items():
        least = float(array(given).min())
        if not least > 0:
            raise ExchangeError(f"node {name!r}: {field} must be above 0 s, got {least:g}")
        if least < reading.dt:
            reading.report.refuse(
                name,
                "coarse_dt",
                f"{field} = {least:g} s is shorter than the step dt = {reading.dt:g} s",
                "take a smaller dt; or the graph is not in seconds (norse 1.1.0 writes tau * dt, "
                "others milliseconds or steps): multiply it",
            )


def read_if(node: nir.IF, name: str, reading: Reading) -> nn.Module:
    """``if_box``."""
    return _neurons("if_box", reading, r=node.r, v_th=node.v_threshold, v_reset=node.v_reset)


def read_lif(node: nir.LIF, name: str, reading: Reading) -> nn.Module:
    """``lif_box``."""
    _checked_taus(name, reading, tau=node.tau)
    leak = {"tau_mem": node.tau, "r": node.r, "v_leak": node.v_leak}
    return _neurons("lif_box", reading, **leak, v_th=node.v_threshold, v_reset=node.v_reset)


def read_li(node: nir.LI, name: str, reading: Reading) -> nn.Module:
    """``li_box``."""
    _checked_taus(name, reading, tau=node.tau)
    return _neurons("li_box", reading, tau_mem=node.tau, r=node.r, v_leak=node.v_leak)


def read_cuba(node: nir.CubaLIF | nir.CubaLI, name: str, reading: Reading) -> nn.Module:
    """The current first, as norse, snnTorch and SpikingJelly; or the membrane, as ``lif``."""
    _checked_taus(name, reading, tau_mem=node.tau_mem, tau_syn=node.tau_syn)
    firing = {}
    if isinstance(node, nir.CubaLIF):
        firing = {"v_th": node.v_threshold, "v_reset": node.v_reset}
    kind = "lif" if firing else "li"
    shared = {"tau_mem": node.tau_mem, "v_leak": node.v_leak} | firing
    if reading.membrane_first:
        reading.report.add(name, "latency", "the membrane takes the current of the step before")
        inner = _neurons(kind, reading, tau_syn=node.tau_syn, **shared)
        return _with_gain(inner, node, reading)
    rest = np.zeros_like(array(node.tau_syn))
    current = {"tau_mem": node.tau_syn, "r": node.w_in, "v_leak": rest}
    synapse = _neurons("li_box", reading, **current)
    return CurrentFirst(synapse, _neurons(f"{kind}_box", reading, r=node.r, **shared))


def _with_gain(inner: NeuronNode, node: Any, reading: Reading) -> nn.Module:
    r, w_in, tau_syn = (
        array(value).astype(np.float64) for value in (node.r, node.w_in, node.tau_syn)
    )
    if unit_gain(r, w_in, tau_syn, reading.dt, reading.dtype):
        return inner
    return MembraneFirst(
        inner, r=to_tensor(node.r, reading.dtype), w_in=to_tensor(node.w_in, reading.dtype)
    )


# Layers.


def read_linear(node: nir.Linear | nir.Affine, name: str, reading: Reading) -> nn.Module:
    """``Linear``, with a bias if the node has one."""
    bias = node.bias if isinstance(node, nir.Affine) else None
    out, n_in = array(node.weight).shape
    module = layer.Linear(n_in, out, bias=bias is not None, device="meta")
    said = settings_of(node.metadata)
    return _weighted(module, node.weight, bias, reading.dtype, said)


def _weighted(
    module: Any, weight: Any, bias: Any, dtype: torch.dtype, settings: Mapping[str, Any]
) -> nn.Module:
    """A layer with the arrays of a node, and with what its metadata say besides."""
    module.weight = nn.Parameter(to_tensor(weight, dtype))
    if bias is not None:
        module.bias = nn.Parameter(to_tensor(bias, dtype))
    module.step_mode = "m"
    if settings.get("spike_in") is True and isinstance(module, SpikingInput):
        module.spike_in = True
    whole_module: nn.Module = module
    return whole_module


def _read_conv(kind: Any, node: Any, name: str, reading: Reading) -> nn.Module:
    weight, groups = array(node.weight), int(node.groups)
    padding = node.padding if isinstance(node.padding, str) else whole(node.padding)
    said = settings_of(node.metadata)
    without = said.get("bias") is False and not np.any(array(node.bias))
    if np.any(np.not_equal(whole(node.stride), 1)) and padding == "same":
        raise ExchangeError(f"node {name!r}: padding 'same' goes with a stride of 1 only")
    module = kind(
        weight.shape[1] * groups,
        weight.shape[0],
        weight.shape[2:],
        stride=whole(node.stride),
        padding=padding,
        dilation=whole(node.dilation),
        groups=groups,
        bias=not without,
        device="meta",
    )
    bias = None if without else node.bias
    return _weighted(module, weight, bias, reading.dtype, said)


def read_conv1d(node: nir.Conv1d, name: str, reading: Reading) -> nn.Module:
    """``Conv1d``."""
    return _read_conv(layer.Conv1d, node, name, reading)


def read_conv2d(node: nir.Conv2d, name: str, reading: Reading) -> nn.Module:
    """``Conv2d``."""
    return _read_conv(layer.Conv2d, node, name, reading)


def _window(node: Any) -> dict[str, Any]:
    given = {field: whole(getattr(node, field)) for field in ("kernel_size", "stride", "padding")}
    return {field: (sizes[0], sizes[-1]) for field, sizes in given.items()}


def read_sum_pool(node: nir.SumPool2d, name: str, reading: Reading) -> nn.Module:
    """``SumPool2d``."""
    return layer.SumPool2d(**_window(node), step_mode="m")


def read_avg_pool(node: nir.AvgPool2d, name: str, reading: Reading) -> nn.Module:
    """``AvgPool2d``, padded zeros counted."""
    return layer.AvgPool2d(**_window(node), step_mode="m")


def read_flatten(node: nir.Flatten, name: str, reading: Reading) -> nn.Module:
    """``Flatten``, whose axes are counted with the batch."""
    first, last = (int(d) + 1 if d >= 0 else int(d) for d in (node.start_dim, node.end_dim))
    return layer.Flatten(first, last, step_mode="m")


def read_delay(node: nir.Delay, name: str, reading: Reading) -> nn.Module:
    """``Delay`` in whole steps."""
    steps = array(node.delay).astype(np.float64) / reading.dt
    counts = np.round(steps)
    if (counts < 0).any() or not np.isfinite(steps).all():
        raise ExchangeError(f"node {name!r}: a delay must be finite and at least 0 s")
    if not np.allclose(steps, counts, rtol=0, atol=1e-6):
        worst = float(array(node.delay).flat[np.abs(steps - counts).argmax()])
        reason = f"a delay of {worst:g} s is no whole number of steps of {reading.dt:g} s"
        reading.report.refuse(name, "delay_rounding", reason, "take a dt that divides the delays")
    counted: Array = counts.astype(np.int64)
    if (counted == counted.flat[0]).all():
        return layer.Delay(int(counted.flat[0]), step_mode="m")
    return layer.Delay(torch.from_numpy(counted), step_mode="m")


def read_scale(node: nir.Scale, name: str, reading: Reading) -> nn.Module:
    """``Scale``."""
    return Scale(to_tensor(node.scale, reading.dtype))


def read_threshold(node: nir.Threshold, name: str, reading: Reading) -> nn.Module:
    """``Threshold``."""
    return Threshold(to_tensor(node.threshold, reading.dtype), reading.threshold)


READERS: Mapping[type[nir.NIRNode], Callable[[Any, str, Reading], nn.Module]] = {
    nir.IF: read_if,
    nir.LIF: read_lif,
    nir.LI: read_li,
    nir.CubaLIF: read_cuba,
    nir.CubaLI: read_cuba,
    nir.Linear: read_linear,
    nir.Affine: read_linear,
    nir.Conv1d: read_conv1d,
    nir.Conv2d: read_conv2d,
    nir.SumPool2d: read_sum_pool,
    nir.AvgPool2d: read_avg_pool,
    nir.Flatten: read_flatten,
    nir.Delay: read_delay,
    nir.Scale: read_scale,
    nir.Threshold: read_threshold,
}
"""The kinds that are known here."""

NEURONS = (nir.IF, nir.LIF, nir.LI, nir.CubaLIF, nir.CubaLI)
STATEFUL = (*NEURONS, nir.Delay)
"""What has a state, and so breaks a cycle."""


def read_node(node: nir.NIRNode, name: str, reading: Reading) -> nn.Module:
    """A node as a module, by NIR's meaning.

    Raises:
        ExchangeError: a kind or a value that is not known here; the message names the node.
    """
    reader = READERS.get(type(node))
    if reader is None:
        raise ExchangeError(
            f"node {name!r} is of a kind that is not known here, {type(node).__name__}; known are "
            f"{', '.join(kind.__name__ for kind in READERS)} and NIRGraph"
        )
    if isinstance(node, NEURONS):
        _checked_values(node, name, reading)
    return reader(node, name, reading)
