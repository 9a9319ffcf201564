"""Spike trains as a data set: checked once, cut by rows, trained on."""

import pytest
import torch
from snn_core import Events
from snn_train import EventDataset, SpikeTrains, Training, evaluate, events_at, fit
from torch import nn
from torch.optim.lr_scheduler import ConstantLR


@pytest.fixture
def trains():
    times = torch.rand(9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return SpikeTrains(events_at(times, 1.0))


@pytest.mark.parametrize("rows", [slice(2, 5), torch.tensor([3, 0, 3])])
def test_rows_of_trains_are_rows_of_their_events(trains, rows):
    part = trains[rows]
    assert len(part) == 3
    assert part.shape == (3, 4)
    assert torch.equal(part.events.times, trains.events.times[rows])
    assert torch.equal(part.events.index, trains.events.index[rows])
    assert part.events[2:] == ((4,), 1.0)


def test_events_that_are_not_well_formed_are_refused():
    with pytest.raises(ValueError, match=r"an event at 2.0 s is outside \[0, 1.0\) s"):
        SpikeTrains(Events(torch.tensor([[2.0]]), torch.tensor([[0]]), (1,), 1.0))


def test_an_event_data_set_moves_as_a_whole(trains):
    moved = EventDataset(trains, torch.zeros(9, dtype=torch.int64)).to("meta")
    assert moved.inputs.device.type == moved.labels.device.type == "meta"
    assert len(moved.inputs) == 9


class LastTime(nn.Linear):
    """Scores from the spike times alone; it remembers what it was trained on."""

    def __init__(self):
        super().__init__(4, 2, dtype=torch.float64)
        self.batches = []

    def forward(self, inputs):
        if self.training:
            self.batches.append(inputs.events.times)
        return super().forward(inputs.events.times)


def test_each_epoch_sees_each_train_once(trains):
    torch.manual_seed(0)
    model, data = LastTime(), EventDataset(trains, torch.arange(9) % 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = ConstantLR(optimizer, factor=1.0)
    training = Training(model, optimizer, scheduler, torch.Generator().manual_seed(0))
    fit(training, data, data, epochs=1, batch_size=4)
    assert [len(batch) for batch in model.batches] == [4, 4, 1]
    assert sorted(torch.cat(model.batches).tolist()) == sorted(trains.events.times.tolist())
    assert evaluate(model, data).loss == training.history[0].validation.loss


def test_data_without_a_label_per_train_are_refused(trains):
    with pytest.raises(ValueError, match=r"got inputs \(9, 4\) and labels \(3,\)"):
        evaluate(LastTime(), EventDataset(trains, torch.arange(3)))
