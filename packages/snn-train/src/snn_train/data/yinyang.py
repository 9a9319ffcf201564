"""The Yin-Yang data set, generated sample by sample as published."""

from __future__ import annotations

import math

import numpy as np
import torch

from snn_train.data.records import Dataset, Splits

TRAIN = (5000, 42)
VALIDATION = (1000, 41)
TEST = (1000, 40)
"""Size and seed of each published split."""


def yin_yang_class(x: float, y: float, r_small: float = 0.1, r_big: float = 0.5) -> int:
    """The class of a point of the plane: 0 and 1 the two halves, 2 the two dots.

    The symbol has its centre at ``(R, R)`` and the radius ``R = r_big``; its dots lie at
    ``(R/2, R)`` and ``(3R/2, R)`` and have the radius ``r_small``.

    Source: Kriener, Göltz and Petrovici, "The Yin-Yang dataset" (2022), arXiv:2102.08211, section 2
    and the generator published with it.

    >>> yin_yang_class(0.25, 0.5), yin_yang_class(0.5, 0.9), yin_yang_class(0.5, 0.1)
    (2, 1, 0)
    """
    right = math.sqrt((x - 1.5 * r_big) ** 2 + (y - r_big) ** 2)
    left = math.sqrt((x - 0.5 * r_big) ** 2 + (y - r_big) ** 2)
    if right < r_small or left < r_small:
        return 2
    in_left_lobe = r_small < left <= 0.5 * r_big
    in_upper_half = y > r_big and right > 0.5 * r_big
    return 1 if right <= r_small or in_left_lobe or in_upper_half else 0


def _draw(goal: int, rng: np.random.RandomState, r_small: float, r_big: float) -> list[float]:
    # Two numbers per trial and no more: the published arrays depend on the order of the draws.
    while True:
        x, y = (float(value) for value in rng.rand(2) * 2.0 * r_big)
        inside = math.sqrt((x - r_big) ** 2 + (y - r_big) ** 2) <= r_big
        if inside and yin_yang_class(x, y, r_small, r_big) == goal:
            return [x, y, 1.0 - x, 1.0 - y]


def yin_yang(size: int, seed: int, *, r_small: float = 0.1, r_big: float = 0.5) -> Dataset:
    """Samples of the Yin-Yang data set, bit for bit those of the published generator.

    Each sample draws a class, then points of the square until one lies in the symbol and has that
    class; its features are ``[x, y, 1 - x, 1 - y]``.

    Args:
        size: number of samples S.
        seed: of ``numpy.random.RandomState``, whose stream is frozen.
        r_small: radius of the dots.
        r_big: radius of the symbol.

    Returns:
        inputs ``(S, 4)`` float64, in [0, 1] for the published radii, labels ``(S,)`` in 0, 1, 2.

    Raises:
        ValueError: if size is not positive, or the radii do not satisfy ``0 < 2 r_small < r_big``
            (the dots would overlap the border, or hold no point).

    Source: as :func:`yin_yang_class`.

    >>> data = yin_yang(3, seed=42)
    >>> data.labels.tolist(), data.inputs[0, 0].item()
    ([2, 1, 2], 0.6803075385877797)
    """
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if not 0.0 < 2.0 * r_small < r_big:
        raise ValueError(
            f"the radii must satisfy 0 < 2 r_small < r_big, got r_small={r_small}, r_big={r_big}; "
            "the published ones are r_small=0.1, r_big=0.5"
        )
    rng = np.random.RandomState(seed)
    samples, labels = [], []
    for _ in range(size):
        goal = int(rng.randint(3))
        samples.append(_draw(goal, rng, r_small, r_big))
        labels.append(goal)
    return Dataset(torch.tensor(samples, dtype=torch.float64), torch.tensor(labels))


def load_yin_yang() -> Splits:
    """The published splits: 5000 train (seed 42), 1000 validation (41), 1000 test (40).

    Returns:
        three data sets, each as :func:`yin_yang` gives it.

    >>> [len(split.labels) for split in load_yin_yang()]
    [5000, 1000, 1000]
    """
    return Splits(yin_yang(*TRAIN), yin_yang(*VALIDATION), yin_yang(*TEST))
