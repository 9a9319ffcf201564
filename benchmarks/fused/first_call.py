"""The first forward and backward of a new process, in seconds: with and without the imports.

    python first_call.py auto layer

Prints one JSON line; the kernels lie in the folder that SNN_FUSED_CACHE names.
"""

from __future__ import annotations

import json
import sys
import time

START = time.perf_counter()

import torch  # noqa: E402  (its import is timed)
from ours import Net, layer  # noqa: E402
from work import N_IN, THREADS, batch  # noqa: E402


def first_layer(backend: str) -> None:
    x = torch.rand(100, 32, 128, requires_grad=True)
    torch.autograd.grad(layer("lif", backend)(x).sum(), x)


def first_step(backend: str) -> None:
    x, labels = batch((100, 64, N_IN))
    net = Net(backend, recurrent=False)
    loss = torch.nn.functional.cross_entropy(net.run(x)[1].max(0).values, labels)
    torch.autograd.grad(loss, list(net.parameters()))


def main(backend: str, work: str) -> None:
    torch.set_num_threads(THREADS)
    begin = time.perf_counter()
    {"layer": first_layer, "feed-forward": first_step}[work](backend)
    end = time.perf_counter()
    print(json.dumps({"call": end - begin, "with imports": end - START}))


if __name__ == "__main__":
    main(*sys.argv[1:])
