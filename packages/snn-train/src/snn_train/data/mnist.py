"""MNIST, handwritten digits of 28 x 28 pixels, from files of the user's; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from snn_train.data.idx import read_idx
from snn_train.data.records import Dataset, Splits

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""Their names as published; with ``.gz`` where they are compressed."""

PIXELS = 28
CLASSES = 10
VALIDATION = 5000
"""The first images of the training file; Wunderlich and Pehle leave them out of the training."""


def load_mnist(folder: Path | str, validation: int = VALIDATION) -> Splits:
    """MNIST from its four IDX files, plain or compressed.

    Args:
        folder: where they are, under their published names.
        validation: how many images at the start of the training file are the validation data.

    Returns:
        for each split, inputs ``(S, 784)`` uint8 (0 to 255, rows of the image one after the other)
        and labels ``(S,)`` in 0 to 9: as published 55,000, 5,000 and 10,000.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is not as :func:`snn_train.data.idx.read_idx` expects, images are not
            of 28 x 28 pixels, there is not one label per image, a label is above 9, or nothing is
            left to train on.

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
    recognition" (1998), Proceedings of the IEEE 86(11).
    """
    folder = Path(folder)
    train = _pair(folder, *FILES[:2])
    test = _pair(folder, *FILES[2:])
    if not 0 < validation < len(train.labels):
        raise ValueError(
            f"{validation} of the {len(train.labels)} training images in {folder} are to be "
            "validation data; expected at least one, and some that are left to train on"
        )
    first, rest = slice(0, validation), slice(validation, None)
    return Splits(
        Dataset(train.inputs[rest], train.labels[rest]),
        Dataset(train.inputs[first], train.labels[first]),
        test,
    )


def _pair(folder: Path, images_name: str, labels_name: str) -> Dataset:
    images = read_idx(_path(folder, images_name), ndim=3)
    labels = read_idx(_path(folder, labels_name), ndim=1)
    if images.shape[1:] != (PIXELS, PIXELS):
        raise ValueError(
            f"{folder / images_name} has images of {tuple(images.shape[1:])} pixels; expected "
            f"{(PIXELS, PIXELS)}"
        )
    if len(images) != len(labels):
        raise ValueError(
            f"{folder / images_name} has {len(images)} images, but {labels_name} {len(labels)} "
            "labels; take both from the same set"
        )
    return Dataset(images.flatten(1), _classes(labels, folder / labels_name))


def _classes(labels: Tensor, path: Path) -> Tensor:
    if len(labels) and int(labels.max()) >= CLASSES:
        raise ValueError(f"{path} has the label {int(labels.max())}; expected 0 to {CLASSES - 1}")
    return labels.to(torch.int64)


def _path(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"{folder} has neither {name} nor {name}.gz; put the four files of MNIST there: "
        f"{', '.join(FILES)}"
    )
