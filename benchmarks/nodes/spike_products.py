"""Linear and Conv2d of spikes beside torch's: pairs of runs in turn, medians of their ratios.

    python run.py python benchmarks/nodes/spike_products.py
    python run.py python benchmarks/nodes/spike_products.py --only Linear --pairs 9

torch's layer gets a float tensor that exists already. Ours gets a SpikeTensor that nobody has
counted yet ("spikes"), or the same float tensor with spike_in=True ("floats"). A ratio is torch's
time over ours. The backward pass goes to the weight and the bias; both ways are checked to agree.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from snn_nodes import layer
from snn_nodes.spikes import SpikeTensor
from torch import Tensor, nn

ACTIVITIES = (0.0, 0.01, 0.03, 0.1, 0.2, 0.5, 1.0)
LINEAR = ((12800, 784, 512), (3200, 784, 512), (12800, 512, 128), (640, 784, 512))
CONV = ((64, 128, 128, 16), (64, 256, 256, 8), (32, 64, 64, 32), (32, 2, 32, 64))
SECONDS = 4.0  # for one comparison, if it has had the least number of rounds
LEAST = 5


def main() -> None:
    arguments = parsed()
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, float32")
    print("torch's time over ours; ms are torch's")
    for kind, shapes in (("Linear", LINEAR), ("Conv2d", CONV)):
        if arguments.only in (None, kind):
            for shape in shapes:
                table(kind, shape, arguments.pairs)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["Linear", "Conv2d"])
    parser.add_argument("--pairs", type=int, default=15)
    return parser.parse_args()


def table(kind: str, shape: tuple[int, ...], pairs: int) -> None:
    theirs, ours, size = layers(kind, shape)
    print(f"\n{kind} {shape}")
    print(f"{'':>8}  {'forward':^26}  {'forward and backward':^26}")
    print(f"{'active':>8}" + f"  {'torch':>8} {'spikes':>8} {'floats':>8}" * 2)
    for activity in ACTIVITIES:
        cells = row(theirs, ours, drawn(size, activity), pairs)
        shown = (f"  {ms:8.2f} {spikes:8.2f} {floats:8.2f}" for ms, spikes, floats in cells)
        print(f"{100 * activity:6.0f} %" + "".join(shown), flush=True)
    spikes = SpikeTensor(drawn(size, 0.1))
    stored = f"spikes {spikes.nbytes}, packed {spikes.packed().nbytes} bytes"
    print(f"storage: floats {spikes.to_dense().nbytes}, {stored}")


def row(
    theirs: nn.Module, ours: nn.Module, elem: Tensor, pairs: int
) -> Iterator[tuple[float, float, float]]:
    """Of the forward pass and of both: torch's milliseconds, and its time over ours."""
    floats = elem.float()
    grad = torch.randn(theirs(floats).shape, generator=torch.Generator().manual_seed(1))
    agree(theirs, ours, elem, grad)
    for run in (forward, functools.partial(backward, grad=grad)):
        yield compared(
            functools.partial(run, theirs, floats),
            lambda run=run: run(ours, SpikeTensor(elem)),
            functools.partial(run, ours, floats),
            pairs,
        )


def layers(kind: str, shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module, tuple[int, ...]]:
    """torch's layer, ours with the same weights, and the size of the input."""
    torch.manual_seed(0)
    if kind == "Linear":
        rows, n_in, n_out = shape
        theirs, size = nn.Linear(n_in, n_out), (rows, n_in)
        ours: nn.Module = layer.Linear(n_in, n_out, spike_in=True)
    else:
        batch, n_in, n_out, side = shape
        theirs, size = nn.Conv2d(n_in, n_out, 3, padding=1), (batch, n_in, side, side)
        ours = layer.Conv2d(n_in, n_out, 3, padding=1, spike_in=True)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours, size


def drawn(size: tuple[int, ...], activity: float) -> Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(0)) < activity


def forward(module: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return module(x)


def backward(module: nn.Module, x: Tensor, grad: Tensor) -> Tensor:
    module.zero_grad()
    out = module(x)
    out.backward(grad)
    return out


def agree(theirs: nn.Module, ours: nn.Module, elem: Tensor, grad: Tensor) -> None:
    expected = backward(theirs, elem.float(), grad)
    for x in (SpikeTensor(elem), elem.float()):
        out = backward(ours, x, grad)
        torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, rtol=1e-3, atol=1e-2)


def compared(
    torchs: Callable[[], Tensor],
    spikes: Callable[[], Tensor],
    floats: Callable[[], Tensor],
    pairs: int,
) -> tuple[float, float, float]:
    """torch's milliseconds, and its time over that of the other two: medians."""
    runs = (torchs, spikes, floats)
    for run in runs:
        run()
    end = time.perf_counter() + SECONDS
    times: list[list[float]] = []
    while len(times) < pairs and (len(times) < LEAST or time.perf_counter() < end):
        times.append([timed(run) for run in runs])
    base, *ratios = (
        statistics.median(column)
        for column in zip(*((a, a / b, a / c) for a, b, c in times), strict=True)
    )
    return 1e3 * base, ratios[0], ratios[1]


def timed(run: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
