"""What the tests of the recorder share: a node by hand, and a node run in both modes."""

from __future__ import annotations

import torch


def by_hand(x, decay=0.5):
    """LIF, tau = 2, decayed input: v <- v + (x - v)/2, fires at 1, is reset to 0."""
    v = torch.zeros_like(x[0])
    spikes, membranes = [], []
    for step in x:
        v = v + (step - v) * decay
        z = v >= 1
        v = torch.where(z, 0.0, v)
        spikes.append(z)
        membranes.append(v)
    return torch.stack(spikes), torch.stack(membranes)


def run(node, x, mode):
    if mode == "s":
        return torch.stack([node(step) for step in x])
    node.step_mode = "s" if mode == "parallel" else "m"
    node.parallel_optim, node.T = mode == "parallel", len(x)
    return node(x.flatten(0, 1)).unflatten(0, x.shape[:2]) if mode == "parallel" else node(x)
