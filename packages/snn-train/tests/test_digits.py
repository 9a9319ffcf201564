"""The digits: nothing lost, nothing shared, the same split always."""

import hashlib

import torch
from sklearn import datasets
from snn_train import load_digits

SPLIT_SHA256 = "d2fda6c4a418d760"


def test_the_splits_hold_every_image_once():
    pixels, labels = datasets.load_digits(return_X_y=True)
    splits = load_digits()
    rows = sorted(
        (*(16 * image).tolist(), label)
        for part in splits
        for image, label in zip(part.inputs, part.labels.tolist(), strict=True)
    )
    assert rows == sorted((*image, label) for image, label in zip(pixels, labels, strict=True))
    assert sum(int((16 * part.inputs).sum()) for part in splits) == 561718
    assert [len(part.labels) for part in splits] == [1079, 359, 359]


def test_each_class_has_its_share_of_each_split():
    splits = load_digits()
    total = torch.tensor([178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    counts = [part.labels.bincount() for part in splits]
    assert torch.equal(sum(counts), total)
    for count, share, bound in zip(counts, (0.6, 0.2, 0.2), (1.2, 0.8, 0.8), strict=True):
        # dealing out in fives misses a share of three by 1.2 images at most, one of one by 0.8
        assert bool(((count - share * total.double()).abs() < bound + 1e-9).all())


def test_the_split_never_changes():
    torch.manual_seed(1)
    digest = hashlib.sha256()
    for part in load_digits():
        digest.update((16 * part.inputs).to(torch.uint8).numpy().tobytes())
        digest.update(part.labels.to(torch.uint8).numpy().tobytes())
    assert digest.hexdigest()[:16] == SPLIT_SHA256


def test_types_and_range():
    train = load_digits().train
    assert train.inputs.dtype == torch.float32
    assert train.labels.dtype == torch.int64
    assert train.inputs.aminmax() == (torch.tensor(0.0), torch.tensor(1.0))
