"""Running a neuron over reference-style input: summed parts, recorded traces, all its variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from snn_core.integration import integrate
from snn_core.thresholds import HEAVISIDE, Threshold
from snn_core.types import Backend, Neuron
from torch import Tensor

from snn_neurons.functional.observables import HardwareObservables, align, summed


class CuBaIntegration(NamedTuple):
    """What the Euler integrations return, each ``(T_out, B, *N)``.

    Args:
        spikes: 0 or 1; zeros of a neuron that does not fire.
        membrane: in volts; the reset at a spike.
        adaptation: the adaptation current; zeros of a neuron that does not adapt.
        current: the synaptic current.
    """

    spikes: Tensor
    membrane: Tensor
    adaptation: Tensor
    current: Tensor


def run(
    neuron: Neuron,
    params: Any,
    input: Tensor | Sequence[Tensor],
    hw: HardwareObservables,
    *,
    dt: float,
    spike: Threshold | None,
    backend: str | Backend = "auto",
) -> CuBaIntegration:
    """Run a current-based neuron over time and return its variables.

    Args:
        neuron, params, dt, backend: as for ``integrate``; State has v, i and perhaps w.
        input: ``(T, B, *N)`` or several to be summed.
        hw: recorded traces.
        spike: the threshold; None for a neuron that does not fire.
    """
    x, observed = align(summed(input), hw, neuron.observes)
    out = integrate(
        neuron,
        x,
        params=params,
        dt=dt,
        threshold=HEAVISIDE if spike is None else spike,
        record=[name for name in ("v", "i", "w") if name in neuron.State._fields],
        observed=observed,
        backend=backend,
    )
    v, i, w = out.traces.v, out.traces.i, out.traces._asdict().get("w")
    return CuBaIntegration(
        spikes=torch.zeros_like(v) if spike is None else out.output,
        membrane=v,
        adaptation=torch.zeros_like(v) if w is None else w,
        current=i,
    )
