"""What integrate costs beyond a bare loop: pairs of runs in turn, medians of their ratios.

    python run.py python benchmarks/overhead.py

The bare loop is what one writes by hand for a LIF layer; both give the same spikes and gradients
to the bit, so the ratio is the price of checks, records and the registry alone.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import snn_core as snn
import torch
from torch import Tensor

SHAPES = [(100, 32, 128), (1000, 1, 128), (100, 128, 512), (20, 64, 1024)]
PAIRS = 15
DT, TAU_MEM, TAU_SYN = 1e-3, 10e-3, 5e-3


def bare(x: Tensor) -> Tensor:
    threshold = snn.threshold("super_spike")
    v = i = torch.zeros_like(x[0])
    spikes = []
    for row in x.unbind(0):
        v, i = v + DT / TAU_MEM * (i + (0.0 - v)), i * (1 - DT / TAU_SYN) + row
        z = threshold(v - 1.0)
        v = torch.where(z > 0.5, 0.0, v)
        spikes.append(z)
    return torch.stack(spikes)


def integrated(x: Tensor) -> Tensor:
    return snn.integrate("lif", x, dt=DT, backend="eager").output


def timed(run: Callable[[Tensor], Tensor], x: Tensor) -> float:
    start = time.perf_counter()
    run(x).sum().backward()
    x.grad = None
    return time.perf_counter() - start


def agree(x: Tensor) -> None:
    grads = []
    for run in (bare, integrated):
        out = run(x)
        grads.append((out, *torch.autograd.grad(out.sum(), x)))
    if not all(torch.equal(a, b) for a, b in zip(*grads, strict=True)):
        raise SystemExit("the bare loop and integrate differ; their times mean nothing")


def main() -> None:
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, medians of {PAIRS} pairs")
    print(f"{'(T, B, N)':>16}  {'bare loop':>10}  {'integrate':>10}  {'ratio':>5}")
    for shape in SHAPES:
        draw = torch.Generator().manual_seed(0)
        x = torch.rand(shape, generator=draw).requires_grad_()
        agree(x)
        pairs = [(timed(bare, x), timed(integrated, x)) for _ in range(PAIRS)]
        loop, ours = (1e3 * statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"{shape!s:>16}  {loop:7.1f} ms  {ours:7.1f} ms  {ratio:5.2f}")


if __name__ == "__main__":
    main()
