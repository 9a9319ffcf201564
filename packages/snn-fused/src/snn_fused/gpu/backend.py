"""Backend ``triton``: one compiled kernel per layer and direction, on CUDA devices."""

from __future__ import annotations

from snn_core.types import Backend, Output, Problem

from snn_fused.running import execute, refusal


def supports(problem: Problem) -> str | None:
    """float32 and float64 on a CUDA device, whatever the neuron, if its step is pointwise."""
    return refusal(problem, "cuda", "'numba'")


def run(problem: Problem) -> Output:
    """Compile kernels at the first call of a kind, launch them, forward and backward."""
    return execute(problem)


TRITON = Backend("triton", 20, supports, run, devices=("cuda",))
