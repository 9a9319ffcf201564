"""The plugin of snn-fused: the backends that it registers."""

from __future__ import annotations

from snn_core.hookspecs import Entry, hookimpl


@hookimpl
def snn_backends() -> list[Entry]:
    """Backends that compile a neuron's step."""
    return [
        Entry(
            "numba",
            "snn_fused.cpu.backend:NUMBA",
            "any pointwise neuron as compiled kernels on the CPU, sparse spikes as events",
            aliases=("llvm",),
        ),
        Entry(
            "triton",
            "snn_fused.gpu.backend:TRITON",
            "any pointwise neuron as compiled kernels on CUDA devices",
            needs=("triton",),
            install="snn-fused[triton]",
        ),
    ]
