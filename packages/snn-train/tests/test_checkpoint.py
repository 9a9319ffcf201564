"""Checkpoints: whole or not at all, and nothing in them is executed."""

import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from snn_train import Checkpoint, load_checkpoint, save_checkpoint
from snn_train.checkpoint import differences, require_same_run

SAVED = Checkpoint(
    {"task": "a", "settings": {"n": 3}}, {"weight": torch.arange(4000.0), "history": [[1.0, 0.5]]}
)


@pytest.fixture
def path(tmp_path):
    save_checkpoint(tmp_path / "checkpoint.pt", SAVED)
    return tmp_path / "checkpoint.pt"


def test_what_is_saved_is_loaded(path):
    loaded = load_checkpoint(path)
    assert loaded.run == SAVED.run
    assert torch.equal(loaded.training["weight"], SAVED.training["weight"])
    assert loaded.training["history"] == SAVED.training["history"]
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


def test_a_failed_save_leaves_the_old_file_and_no_other(path):
    before = path.read_bytes()
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        save_checkpoint(path, Checkpoint({"function": lambda: None}, {}))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


def test_the_old_file_is_replaced_not_overwritten(path):
    before = path.read_bytes()
    with path.open("rb") as reader:
        save_checkpoint(path, Checkpoint({}, {}))
        assert reader.read() == before
    assert load_checkpoint(path) == ({}, {})


def cut(content):
    return content[: len(content) // 2]


def flip_a_weight(content):
    where = content.index(torch.tensor([1000.0, 1001.0]).numpy().tobytes())
    return content[:where] + bytes([content[where] ^ 1]) + content[where + 1 :]


@pytest.mark.parametrize("damage", [cut, flip_a_weight, lambda _: b"", lambda _: b"not a file"])
def test_a_damaged_file_is_refused(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"checkpoint.pt cannot be read .*damaged.*delete it"):
        load_checkpoint(path)


class Attack:
    """Writes a file when it is unpickled without care."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_code_in_a_file_is_refused_and_not_run(tmp_path):
    proof, path = tmp_path / "proof", tmp_path / "checkpoint.pt"
    torch.save({"format": "snn-train checkpoint 1", "run": Attack(proof)}, path)
    assert zipfile.is_zipfile(path)
    with pytest.raises(ValueError, match=r"cannot be read as a checkpoint \(UnpicklingError"):
        load_checkpoint(path)
    assert not proof.exists()
    torch.load(path, weights_only=False)  # the attack is real
    assert proof.exists()


@pytest.mark.parametrize(
    ("content", "given"), [({"format": "other 7"}, "'other 7'"), ([1], "'list'"), ({}, "None")]
)
def test_another_kind_of_file_is_refused(tmp_path, content, given):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(
        ValueError, match=f"expected the format 'snn-train checkpoint 1', got {given}"
    ):
        load_checkpoint(tmp_path / "a.pt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*a.pt; train without --resume"):
        load_checkpoint(tmp_path / "a.pt")


def test_differences_are_found_at_any_depth():
    one = {"a": 1, "b": {"c": 2, "d": 3}, "e": 4}
    other = {"a": 1, "b": {"c": 5, "d": 3}, "f": 6}
    assert differences(one, other) == [
        "b.c is 2 there, 5 now",
        "e is 4 there, missing now",
        "f is missing there, 6 now",
    ]
    assert differences(one, one) == []


def test_a_checkpoint_of_another_run_is_refused():
    require_same_run(Path("a.pt"), {"seed": 1}, {"seed": 1})
    expected = r"a.pt belongs to another training: seed is 1 there, 2 now. .*another --out"
    with pytest.raises(ValueError, match=expected):
        require_same_run(Path("a.pt"), {"seed": 1}, {"seed": 2})
