"""Layers, time first: those of torch, and what only networks with time have.

SpikingJelly's names, with its arguments in its order. Each takes one step ``(B, *)`` in step mode
``'s'``, all steps ``(T, B, *)`` in ``'m'``.
"""

from snn_nodes.layer.containers import SeqToANNContainer
from snn_nodes.layer.conv import Conv1d, Conv2d
from snn_nodes.layer.delay import Delay
from snn_nodes.layer.dropout import Dropout, Dropout2d
from snn_nodes.layer.flattening import Flatten
from snn_nodes.layer.linear import Linear
from snn_nodes.layer.norms import BatchNorm1d, BatchNorm2d, GroupNorm
from snn_nodes.layer.pooling import (
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    MaxPool1d,
    MaxPool2d,
    SumPool2d,
)
from snn_nodes.layer.recurrent import Recurrent
from snn_nodes.layer.sequential import Sequential
from snn_nodes.layer.sparse import SparseSynapse

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "Delay",
    "Dropout",
    "Dropout2d",
    "Flatten",
    "GroupNorm",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "Recurrent",
    "SeqToANNContainer",
    "Sequential",
    "SparseSynapse",
    "SumPool2d",
]
