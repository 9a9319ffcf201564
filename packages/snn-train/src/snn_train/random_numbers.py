"""Torch's random numbers from a given seed, for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def seeded(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Torch draws from this seed inside the block; its random state is put back afterwards.

    The state of the CPU and of the device, if another one is given; ``torch.manual_seed`` seeds
    every GPU of the machine, and those that were not named keep that seed.

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
    device = torch.device(device)
    devices = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices=devices, device_type=device.type):
        torch.manual_seed(seed)
        yield
