"""What several test files share: a small problem, and a training of a small spiking network."""

import functools

import pytest
import torch
from snn_train import (
    Dataset,
    Training,
    command,
    draw_weight_,
    events_at,
    lif_classifier,
    mean_over_time,
    seeded,
    spike_times,
)
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR


def corners(samples, seed):
    """Points of the plane in three noisy clusters; the labels are those of the clusters."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (samples,), generator=generator)
    centres = torch.tensor([[0.2, 0.2], [0.8, 0.2], [0.5, 0.8]])
    noise = 0.1 * torch.rand(samples, 2, generator=generator)
    return Dataset(centres[labels] + noise, labels)


def encode(inputs):
    """One spike per coordinate, and a bias spike."""
    values = torch.cat([inputs, inputs.new_zeros(len(inputs), 1)], 1)
    return events_at(spike_times(values, 0.0, 8e-3), 12e-3).to_grid(1e-3, dtype=inputs.dtype)


def begin(seed, updates):
    """A training of 3 inputs, 40 LIF neurons and 3 classes."""
    with seeded(seed):
        model = lif_classifier(
            encode, mean_over_time, (3, 40, 3), dt=1e-3, tau_mem=4e-3, tau_syn=4e-3
        )
        draw_weight_(model.hidden, 6.0, 6.0)
        draw_weight_(model.readout, 0.0, 20.0)
    optimizer = Adam(model.parameters(), lr=0.1)
    scheduler = CosineAnnealingLR(optimizer, T_max=updates)
    return Training(model, optimizer, scheduler, torch.Generator().manual_seed(seed))


@pytest.fixture
def problem():
    """Training and validation data of three clusters."""
    return corners(90, seed=1), corners(60, seed=2)


@pytest.fixture
def new_training():
    """``new_training(seed)`` is a training at its start, with a schedule for 30 updates."""
    return functools.partial(begin, updates=30)


@pytest.fixture
def small(monkeypatch):
    """The tasks of ``snn train`` with an eighth of their training data; the rest as it is."""
    find = command.find_task

    def find_small(*names):
        task = find(*names)

        def load():
            splits = task.load()
            rows = len(splits.train.labels) // 8
            return splits._replace(train=type(splits.train)(*(x[:rows] for x in splits.train)))

        return task._replace(load=load)

    monkeypatch.setattr(command, "find_task", find_small)
