"""Checkpoints: what a training is and where it stands, in one file that runs no code."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch

FORMAT = "snn-train checkpoint 1"


class Checkpoint(NamedTuple):
    """One saved training.

    Args:
        run: what it is: task, seed, settings; nested dicts of strings and numbers.
        training: where it stands: :meth:`snn_train.Training.state_dict`.
    """

    run: dict[str, Any]
    training: dict[str, Any]


def save_checkpoint(path: Path | str, checkpoint: Checkpoint) -> None:
    """Write the file, or leave the old one as it was: it is replaced in one move.

    Args:
        path: in a folder that exists.
        checkpoint: tensors, numbers, strings, lists and dicts only.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(Path(folder) / "a.pt", Checkpoint({"seed": 1}, {"epoch": 2}))
    ...     load_checkpoint(Path(folder) / "a.pt")
    Checkpoint(run={'seed': 1}, training={'epoch': 2})
    """
    # In the same folder, because a move from one file system to another is not atomic.
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            torch.save({"format": FORMAT, **checkpoint._asdict()}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint, executing nothing that is in it.

    Tensors come to the CPU; ``load_state_dict`` moves them to the model.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or no checkpoint of this package and version.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}; train without --resume first")
    try:
        _check_sums(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    # Damage may show as almost anything: zip, unpickling, end of file, key or type errors.
    except Exception as error:
        first_line = (str(error).splitlines() or ["no message"])[0]
        raise ValueError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}: {first_line}); "
            "it is damaged or another kind of file: delete it, or choose another folder"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        given = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise ValueError(
            f"{path} is no checkpoint of this version of snn-train: expected the format "
            f"{FORMAT!r}, got {given!r}; delete it, or choose another folder"
        )
    run, training = content.get("run"), content.get("training")
    if not isinstance(run, dict) or not isinstance(training, dict):
        raise ValueError(f"{path} lacks what was run or where it stands; delete it and train anew")
    return Checkpoint(run, training)


def _check_sums(path: Path) -> None:
    # torch writes the checksums of a zip archive and does not look at them when it reads.
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")


def differences(found: dict[str, Any], expected: dict[str, Any], prefix: str = "") -> list[str]:
    """What two nested dicts of settings do not share, one line for each.

    >>> differences({"seed": 1, "net": {"n": 4}}, {"seed": 2, "net": {"n": 4}})
    ['seed is 1 there, 2 now']
    """
    lines = []
    for key in sorted({*found, *expected}):
        there, now = (side.get(key, "missing") for side in (found, expected))
        if isinstance(there, dict) and isinstance(now, dict):
            lines += differences(there, now, f"{prefix}{key}.")
        elif there != now:
            lines.append(f"{prefix}{key} is {there} there, {now} now")
    return lines


def require_same_run(path: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Refuse a checkpoint of another task, seed or settings.

    Raises:
        ValueError: names every difference and how to mend it.

    >>> require_same_run(Path("a.pt"), {"seed": 1}, {"seed": 1})
    """
    lines = differences(found, expected)
    if lines:
        raise ValueError(
            f"{path} belongs to another training: {'; '.join(lines)}. "
            "A training goes on to the bit as it began, so nothing of this may change. "
            "Give the same options, choose another --out, or delete that folder"
        )
