"""Random input and parameters, the same in every run."""

import pytest
import torch
from snn_eventprop.functional import EventPropParams


@pytest.fixture
def source():
    return torch.Generator().manual_seed(11)


@pytest.fixture
def drive(source):
    """Stacked input with some strong rows, some silent: drive(T, B, *N, dtype=...)."""

    def make(*shape, dtype=torch.float64, strength=2.0):
        x = strength * torch.randn(shape, generator=source, dtype=dtype)
        x = x * (torch.rand(shape, generator=source) < 0.4)
        return torch.stack((x, torch.zeros_like(x)))

    return make


@pytest.fixture
def uneven(source):
    """Parameters that differ from neuron to neuron: uneven(N, dtype)."""

    def make(n, dtype=torch.float64):
        def between(low, high):
            return low + (high - low) * torch.rand(n, generator=source, dtype=dtype)

        return EventPropParams(
            leak=between(-0.3, 0.4),
            reset=between(-0.5, 0.2),
            threshold=between(0.8, 1.2),
            tau_syn=between(4e-6, 8e-6),
            tau_mem=between(6e-6, 15e-6),
        )

    return make
