"""Torch's random numbers from a given seed, for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Torch draws from this seed inside the block; its random state is put back afterwards.

    For what takes no generator: the initial weights of a layer, dropout.

    Args:
        seed: the seed.
        device: a device besides the CPU whose random state is put back too.

    >>> with seeded(1):
    ...     first = torch.rand(2)
    >>> with seeded(1):
    ...     second = torch.rand(2)
    >>> torch.equal(first, second)
    True
    """
    devices = [] if device is None or device.type == "cpu" else [device]
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
