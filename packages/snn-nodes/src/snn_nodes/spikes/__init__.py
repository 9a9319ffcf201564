"""Spikes that take a byte each or a bit, and products that add weight rows where few are set."""

from snn_nodes.spikes.linear import spike_linear
from snn_nodes.spikes.tensor import PackedSpikes, SpikeTensor, dense

__all__ = ["PackedSpikes", "SpikeTensor", "dense", "spike_linear"]
