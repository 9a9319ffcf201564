"""Decisions: which class, and none where nothing fired; counted as they say."""

import math

import torch
from snn_train import Dataset, Training, earliest, evaluate, fit, most_likely
from torch import nn
from torch.optim.lr_scheduler import ConstantLR

TIMES = torch.tensor([[3.0, 1.0, 2.0], [math.inf, math.inf, 4.0], [math.inf] * 3])


def test_the_first_to_fire_wins_and_silence_is_no_class():
    assert earliest(TIMES).tolist() == [1, 2, -1]
    assert most_likely(-TIMES[:2]).tolist() == [1, 2]


def test_silence_is_an_error_whatever_the_label():
    for label in range(3):
        data = Dataset(TIMES[2:], torch.tensor([label]))
        score = evaluate(
            nn.Identity(), data, lambda times, labels: times.new_zeros(()), decide=earliest
        )
        assert score.accuracy == 0.0


class Times(nn.Linear):
    """Positive numbers, as spike times are; it remembers them."""

    def forward(self, inputs):
        self.seen = super().forward(inputs).exp()
        return self.seen


def test_a_training_counts_by_its_decision():
    torch.manual_seed(0)
    model = Times(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    scheduler = ConstantLR(optimizer, factor=1.0)
    training = Training(model, optimizer, scheduler, torch.Generator().manual_seed(0))
    data = Dataset(torch.rand(50, 4), torch.randint(3, (50,)))
    expected = (model(data.inputs).argmin(1) == data.labels).double().mean().item()
    history = fit(
        training,
        data,
        data,
        epochs=1,
        batch_size=7,
        loss=lambda times, labels: times.mean(),
        decide=earliest,
    )
    assert history[0].train.accuracy == history[0].validation.accuracy == expected
