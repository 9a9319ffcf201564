"""Losses on first spike times, spike times and membranes, with exact gradients throughout."""

from snn_eventprop.losses.spike_time import spike_time_mse
from snn_eventprop.losses.ttfs import ttfs_cross_entropy
from snn_eventprop.losses.voltage import (
    integral_cross_entropy,
    maximum_cross_entropy,
    sample_cross_entropy,
)

__all__ = [
    "integral_cross_entropy",
    "maximum_cross_entropy",
    "sample_cross_entropy",
    "spike_time_mse",
    "ttfs_cross_entropy",
]
