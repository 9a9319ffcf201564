"""Comparison of gradients: leaf by leaf, relative to the largest entry of the leaf."""

from __future__ import annotations

import torch
from snn_core import Events
from torch import Tensor

from .nets import Net, real


def assert_close(
    given: dict[str, Tensor],
    expected: dict[str, Tensor],
    rtol: float,
    noise: dict[str, float] | None = None,
) -> None:
    """Each leaf within rtol of its largest entry, and noise; a gradient that is zero is zero."""
    assert set(given) == set(expected)
    wrong = {}
    for name, value in expected.items():
        assert given[name].shape == value.shape, name
        assert bool(given[name].isfinite().all()), f"{name}: {given[name]}"
        if value.numel() == 0:
            continue
        scale = value.abs().max().item()
        error = (given[name] - value).abs().max().item()
        if error > rtol * scale + (noise or {}).get(name, 0.0):
            wrong[name] = f"{error / (scale or 1.0):.1e} of {scale:.2e}"
    assert not wrong, wrong


def order(events: Events) -> list[list[int]]:
    """Which neuron fires first, second, ... in each sample."""
    return [row[mask].tolist() for row, mask in zip(events.index, real(events), strict=True)]


def sequence(net: Net) -> list[list[int]]:
    """``order`` of what the package finds."""
    with torch.no_grad():
        return order(net.run().output)


def central_differences(net: Net, loss, eps: float = 1e-6) -> tuple[dict, dict]:
    """The derivative of ``loss(net.run())`` by every entry of every leaf, and its noise by leaf.

    Both sides must have the spikes of the net itself, neuron by neuron: else the loss has a jump
    between them, which no gradient sees, and the test is not what it says. The noise is what the
    rounding of a loss of the order of 1 becomes when it is divided by the step.
    """
    expected, found, noise = sequence(net), {}, {}

    def at(name: str, leaf: Tensor, entry: int, step: float) -> float:
        moved = leaf.clone()
        moved.view(-1)[entry] += step
        with torch.no_grad():
            out = net.replace(**{name: moved}).run()
            assert order(out.output) == expected, f"{name}[{entry}] changes the spikes"
            return loss(out).item()

    for name, leaf in net.leaves.items():
        # relative to the size of what is moved: volts, or the shortest of the time constants
        step = eps * (1.0 if is_voltage(name) else 5e-3)
        slopes = [
            (at(name, leaf, k, step) - at(name, leaf, k, -step)) / (2 * step)
            for k in range(leaf.numel())
        ]
        found[name] = torch.tensor(slopes, dtype=leaf.dtype).reshape(leaf.shape)
        noise[name] = 1e-15 / step
    return found, noise


def is_voltage(name: str) -> bool:
    return name in ("weight", "recurrent_weight", "v", "i") or name.startswith("v_")
