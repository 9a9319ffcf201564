"""MNIST from files that this test makes: read as published, refused where they are not."""

import gzip

import numpy as np
import pytest
import torch
from snn_train import find_task, load_mnist, seeded
from snn_train.data.idx import read_idx
from snn_train.data.mnist import FILES
from snn_train.tasks.folders import reading
from snn_train.tasks.mnist import LatencyEncoder, Settings


def idx(values):
    """The bytes of an IDX file."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()


def write(folder, samples=(40, 10), pack=lambda content: content, suffix=""):
    """Random images whose class shows in a bright row; returns the arrays by file name."""
    draw, arrays = np.random.RandomState(0), {}
    for count, images, labels in zip(samples, FILES[::2], FILES[1::2], strict=True):
        arrays[labels] = np.arange(count) % 10
        arrays[images] = draw.randint(0, 60, (count, 28, 28))
        for row, label in zip(arrays[images], arrays[labels], strict=True):
            row[2 * label : 2 * label + 3] = 255
    folder.mkdir(exist_ok=True)
    for name, values in arrays.items():
        (folder / f"{name}{suffix}").write_bytes(pack(idx(values)))
    return arrays


@pytest.mark.parametrize(("pack", "suffix"), [(bytes, ""), (gzip.compress, ".gz")])
def test_files_are_read_as_they_were_written(tmp_path, pack, suffix):
    arrays = write(tmp_path, pack=pack, suffix=suffix)
    splits = load_mnist(tmp_path, validation=15)
    assert [len(part.labels) for part in splits] == [25, 15, 10]
    images = torch.from_numpy(arrays[FILES[0]].astype(np.uint8)).flatten(1)
    assert torch.equal(torch.cat([splits.validation.inputs, splits.train.inputs]), images)
    assert splits.validation.labels.tolist() == arrays[FILES[1]][:15].tolist()
    assert splits.test.labels.tolist() == arrays[FILES[3]].tolist()
    assert splits.test.inputs.dtype == torch.uint8
    assert splits.test.labels.dtype == torch.int64


def test_a_missing_file_is_named(tmp_path):
    write(tmp_path)
    (tmp_path / FILES[3]).unlink()
    with pytest.raises(FileNotFoundError, match=f"neither {FILES[3]} nor {FILES[3]}.gz"):
        load_mnist(tmp_path, validation=5)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        (
            FILES[0],
            lambda content: content[:-1],
            "40 x 28 x 28 values, but holds 31359;",
        ),
        (FILES[0], lambda content: content + b"x", "but holds 31361"),
        (FILES[0], lambda content: content[:10], "but holds 0"),
        (FILES[0], lambda content: b"", "got nothing; take the file as published"),
        (
            FILES[1],
            lambda content: b"\0\0\x0b\1" + content[4:],
            "expected 00 00 08 01, got 00 00 0b",
        ),
        (FILES[1], lambda content: idx(np.arange(40).reshape(4, 10)), "bytes in 1 dimensions"),
        (FILES[1], lambda content: idx(np.arange(39) % 10), "40 images, but .* 39 labels"),
        (FILES[1], lambda content: idx(np.arange(40) % 11), "has the label 10; expected 0 to 9"),
        (FILES[2], lambda content: idx(np.zeros((10, 28, 27))), r"images of \(28, 27\) pixels"),
        (FILES[2], lambda content: gzip.compress(content)[:-9], "cannot be decompressed"),
        (FILES[2], lambda content: b"\x1f\x8bno", "cannot be decompressed"),
    ],
)
def test_a_file_that_is_not_as_published_is_refused(tmp_path, name, damage, message):
    write(tmp_path)
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(ValueError, match=message) as caught:
        load_mnist(tmp_path, validation=5)
    assert name in str(caught.value)


@pytest.mark.parametrize("validation", [0, 40, 5000])
def test_something_must_be_left_to_train_on(tmp_path, validation):
    write(tmp_path)
    with pytest.raises(ValueError, match=f"{validation} of the 40 training images"):
        load_mnist(tmp_path, validation)


def test_values_lie_with_the_last_index_fastest(tmp_path):
    values = np.arange(24).reshape(2, 3, 4)
    (tmp_path / "a").write_bytes(idx(values))
    assert read_idx(tmp_path / "a", ndim=3).tolist() == values.tolist()


def test_the_task_says_which_files_it_reads():
    with pytest.raises(ValueError, match=r"'mnist' reads the four IDX files of MNIST .*--data DIR"):
        reading(find_task("mnist"), None)


def test_the_encoder_is_the_published_latency_code():
    encoder = LatencyEncoder(Settings())
    pixels = torch.tensor([[0, 1, 2, 255, 51], [0, 0, 0, 0, 128]], dtype=torch.uint8)
    events = encoder.eval()(pixels)
    assert events.shape == (5,)
    assert events.index.tolist() == [[3, 4, 2], [4, -1, -1]]
    expected = [(1 - level / 255) * 20e-3 for level in (255, 51, 2)]
    assert events.times[0].tolist() == pytest.approx(expected, rel=1e-14)
    assert events.times[1, 1:].tolist() == [torch.inf, torch.inf]


def test_a_fifth_of_the_input_spikes_is_left_out_in_training_only():
    encoder = LatencyEncoder(Settings())
    pixels = torch.full((100, 784), 200, dtype=torch.uint8)
    with seeded(1):
        kept = encoder.train()(pixels).times.isfinite().sum().item() / 78400
    assert kept == pytest.approx(0.8, abs=4 * (0.2 * 0.8 / 78400) ** 0.5)
    assert bool(encoder.eval()(pixels).times.isfinite().all())
