"""What the tests of diagnose share: a network, and a layer of what was found."""

from __future__ import annotations

import torch
from snn_nodes.layer import Sequential
from torch import nn

N = 6


def network(*nodes, gain=6.0, features=N):
    """Layers of positive and negative weights of a size that keeps neurons at work."""
    torch.manual_seed(0)
    layers = []
    for node in nodes:
        linear = nn.Linear(features, features)
        with torch.no_grad():
            linear.weight.copy_(gain * torch.rand(features, features) / features)
            linear.bias.fill_(0.2)
        layers += [linear, node]
    return Sequential(*layers)


def layer(found, name):
    return next(row for row in found.layers if row.name == name)
