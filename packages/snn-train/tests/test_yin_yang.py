"""The Yin-Yang data against the published arrays."""

import hashlib
import math

import pytest
import torch
from snn_train import load_yin_yang, yin_yang
from snn_train.data.yinyang import yin_yang_class

# size, seed, class counts, first labels, first x and y, SHA-256 of the samples
PUBLISHED = {
    "train": (
        (5000, 42),
        [1681, 1702, 1617],
        [2, 1, 2, 1, 1, 1, 0, 2, 2, 0],
        (0.6803075385877797, 0.450499251969543),
        "f5a4054d56f2a058",
    ),
    "validation": (
        (1000, 41),
        [316, 336, 348],
        [0, 1, 0, 0, 2, 1, 1, 1, 1, 2],
        (0.6805727261759029, 0.3209733938933629),
        "5eac358bdf212276",
    ),
    "test": (
        (1000, 40),
        [350, 316, 334],
        [2, 2, 1, 1, 1, 2, 2, 0, 2, 2],
        (0.23409664559563403, 0.4017249751828972),
        "7bab3ed668ed4992",
    ),
}


@pytest.fixture(scope="module")
def splits():
    return load_yin_yang()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_split_equals_the_published_one_to_the_bit(splits, name):
    (size, seed), counts, first_labels, first_point, digest = PUBLISHED[name]
    data = getattr(splits, name)
    samples = data.inputs.numpy().astype("<f8")
    assert hashlib.sha256(samples.tobytes()).hexdigest()[:16] == digest
    assert data.labels.bincount().tolist() == counts
    assert data.labels[:10].tolist() == first_labels
    assert tuple(data.inputs[0, :2].tolist()) == first_point
    assert data.labels.dtype == torch.int64
    again = yin_yang(size, seed)
    assert torch.equal(again.inputs, data.inputs)
    assert torch.equal(again.labels, data.labels)


def test_every_sample_lies_in_the_symbol_and_has_its_complement(splits):
    x, y = splits.train.inputs[:, 0], splits.train.inputs[:, 1]
    assert bool((torch.hypot(x - 0.5, y - 0.5) <= 0.5).all())
    assert torch.equal(splits.train.inputs[:, 2:], 1 - splits.train.inputs[:, :2])


def test_turning_the_symbol_by_half_a_turn_exchanges_the_halves():
    for step in range(1, 200):
        angle, radius = 0.1 * step, 0.49 * math.sqrt(step / 200)
        x, y = radius * math.cos(angle), radius * math.sin(angle)
        here = yin_yang_class(0.5 + x, 0.5 + y)
        there = yin_yang_class(0.5 - x, 0.5 - y)
        assert there == {0: 1, 1: 0, 2: 2}[here]


def test_the_areas_of_the_classes_are_those_of_the_symbol():
    side = 400
    cells = [
        ((i + 0.5) / side, (j + 0.5) / side)
        for i in range(side)
        for j in range(side)
        if math.hypot((i + 0.5) / side - 0.5, (j + 0.5) / side - 0.5) <= 0.5
    ]
    classes = torch.tensor([yin_yang_class(x, y) for x, y in cells]).bincount() / side**2
    dots = 2 * math.pi * 0.1**2
    halves = (math.pi * 0.5**2 - dots) / 2
    assert classes.tolist() == pytest.approx([halves, halves, dots], abs=2e-3)


@pytest.mark.parametrize("r_small", [0.25, 0.3, 0.0, -0.1])
def test_radii_that_make_no_symbol_are_refused(r_small):
    expected = rf"0 < 2 r_small < r_big, got r_small={r_small}, r_big=0\.5; the published ones"
    with pytest.raises(ValueError, match=expected):
        yin_yang(10, seed=0, r_small=r_small)


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        yin_yang(0, seed=0)
