"""Backend ``numba``: one compiled kernel per layer and direction, on the CPU.

It is called so for what its users know; its kernels are LLVM code that llvmlite, the compiler
library under Numba, turns into machine code.
"""

from __future__ import annotations

from snn_core.types import Backend, Output, Problem

from snn_fused.running import execute, refusal


def supports(problem: Problem) -> str | None:
    """float32 and float64 on the CPU, whatever the neuron, if its step is pointwise."""
    return refusal(problem, "cpu", "'triton' or 'eager'")


def run(problem: Problem) -> Output:
    """Compile kernels at the first call of a kind, launch them, forward and backward."""
    return execute(problem)


NUMBA = Backend("numba", 10, supports, run, devices=("cpu",))
