"""Backend ``numba``: one compiled kernel per layer and direction, on the CPU.

It is called so for what its users know; its kernels are LLVM code that llvmlite, the compiler
library under Numba, turns into machine code.
"""

from __future__ import annotations

from snn_core.types import Backend, Output, Problem

from snn_fused.posing import declined, neuron_state
from snn_fused.running import execute, reason_of


def supports(problem: Problem) -> str | None:
    """float32 and float64 on the CPU, whatever the neuron, if its step is pointwise."""
    device = neuron_state(problem)[0].device.type
    if device != "cpu":
        return f"it runs on the CPU, the layer is on {device}; use backend 'triton' or 'eager'"
    return declined(problem) or reason_of(problem)


def run(problem: Problem) -> Output:
    """Compile kernels at the first call of a kind, launch them, forward and backward."""
    return execute(problem)


NUMBA = Backend("numba", 10, supports, run, devices=("cpu",))
