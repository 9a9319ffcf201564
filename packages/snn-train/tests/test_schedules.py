"""Learning rates over a training: what each schedule says, saved and taken up again."""

import pytest
import torch
from snn_train import Dataset, DecaySchedule, Schedule, Training, fit, updates_per_epoch

DATA = Dataset(torch.eye(3).repeat(4, 1), torch.arange(3).repeat(4))


def training(schedule):
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=schedule.learning_rate)
    updates = updates_per_epoch(len(DATA.labels), schedule.batch_size)
    scheduler = schedule.scheduler(optimizer, updates)
    return Training(model, optimizer, scheduler, torch.Generator().manual_seed(0))


def rates(one, epochs):
    """The learning rate of every update of a training with three updates an epoch."""
    seen = []
    hook = one.optimizer.register_step_pre_hook(
        lambda optimizer, *_: seen.append(optimizer.param_groups[0]["lr"])
    )
    fit(one, DATA, DATA, epochs=epochs, batch_size=5)
    hook.remove()
    return seen


def test_the_published_decay_spares_the_first_two_epochs():
    schedule = DecaySchedule(epochs=5, batch_size=5, learning_rate=5e-3, decay=0.95)
    expected = [5e-3 * 0.95 ** max(0, epoch - 1) for epoch in range(5) for _ in range(3)]
    assert rates(training(schedule), 5) == pytest.approx(expected, rel=1e-12)


def test_a_decay_goes_on_where_it_was():
    schedule = DecaySchedule(epochs=4, batch_size=5, learning_rate=0.5, decay=0.5)
    first, second = training(schedule), training(schedule)
    before = rates(first, 2)
    second.load_state_dict(first.state_dict())
    assert before + rates(second, 4) == rates(training(schedule), 4)


def test_the_cosine_ends_with_the_last_update():
    one = training(Schedule(epochs=4, batch_size=5, learning_rate=0.1))
    assert one.scheduler.T_max == 12
    assert rates(one, 4)[0] == 0.1
    assert one.optimizer.param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-12)
