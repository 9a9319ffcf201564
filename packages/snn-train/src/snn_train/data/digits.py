"""Handwritten digits, 8 x 8 pixels, that ship with scikit-learn; nothing is downloaded."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets  # type: ignore[import-untyped]

from snn_train.data.records import Dataset, Splits

SPLIT_SEED = 0
"""Fixed, so that every run, whatever its seed, is trained and tested on the same images."""

GREY_LEVELS = 16


def _split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # Images are shuffled, sorted by class, and dealt out in fives: three for training, one for
    # validation, one for the test. So each class has its share of each split to within 1.2 images.
    order = np.random.RandomState(SPLIT_SEED).permutation(len(labels))
    dealt = order[np.argsort(labels[order], kind="stable")]
    turn = np.arange(len(labels)) % 5
    return dealt[turn < 3], dealt[turn == 3], dealt[turn == 4]


def load_digits() -> Splits:
    """The 1797 digits of scikit-learn in a fixed stratified split of 1079, 359 and 359.

    Returns:
        for each split, inputs ``(S, 64)`` float32 in [0, 1] (grey level / 16, rows of the image
        one after the other) and labels ``(S,)`` in 0 to 9. The split does not depend on the seed
        of a training.

    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository (1998), its test set.

    >>> [tuple(split.inputs.shape) for split in load_digits()]
    [(1079, 64), (359, 64), (359, 64)]
    """
    pixels, labels = datasets.load_digits(return_X_y=True)
    inputs = torch.from_numpy(pixels / GREY_LEVELS).to(torch.float32)
    classes = torch.from_numpy(labels.astype(np.int64))
    train, validation, test = (torch.from_numpy(rows) for rows in _split(labels))
    return Splits(
        Dataset(inputs[train], classes[train]),
        Dataset(inputs[validation], classes[validation]),
        Dataset(inputs[test], classes[test]),
    )
