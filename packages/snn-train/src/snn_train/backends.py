"""The backend of a run by its name: what auto takes now, or what a checkpoint was trained on.

Two backends may differ in the last digit of a sum, so a run that is to go on to the bit keeps the
name of its own: packages that are installed later change what auto takes.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import snn_core
from snn_core.choosing import candidates
from snn_core.errors import BackendWarning, Unsupported

from snn_train.checkpoint import load_checkpoint
from snn_train.runs import CHECKPOINT, Run, build
from snn_train.tasks.record import Task


def fastest_for(run: Run) -> str:
    """The name of the fastest installed backend that runs all layers of a run; its own is ignored.

    Warns:
        BackendWarning: once, with the reasons of faster ones that cannot.

    Raises:
        Unsupported: none can; the message has every reason.
        ValueError: for settings that make no network.

    >>> from snn_train.tasks.table import find_task
    >>> fastest_for(Run(find_task("yinyang"), seed=0)) in snn_core.names("backend")
    True
    """
    reasons: list[str] = []
    for one in candidates("auto"):
        if one.devices is not None and run.device not in one.devices:
            continue
        try:
            build(run._replace(backend=one.name))
        except (LookupError, Unsupported) as reason:
            reasons.append(str(reason))
            continue
        if reasons:
            message = f"{'; '.join(reasons)}; running on {one.name!r}"
            warnings.warn(message, BackendWarning, stacklevel=2)
        return one.name
    raise Unsupported("; ".join(reasons) or "no backend is left to choose from; run `snn doctor`")


def own_backend(task: Task, asked: str) -> str:
    """The backend that a task's gradient comes from, else the one that was asked for.

    Raises:
        ValueError: another one was asked for than the gradient comes from.

    >>> from snn_train.tasks.table import find_task
    >>> own_backend(find_task("yinyang"), "eager")
    'eager'
    """
    if asked not in ("auto", task.backend) and task.backend != "auto":
        raise ValueError(
            f"the gradient {task.gradient!r} comes from backend {task.backend!r}, not from "
            f"{asked!r}; leave --backend out"
        )
    return asked if task.backend == "auto" else task.backend


def begun_on(folder: Path) -> str:
    """The name of the backend that the checkpoint in a folder was trained on.

    Raises:
        FileNotFoundError: without a checkpoint.
        ValueError: if it is damaged, or that backend is not installed here.
    """
    path = folder / CHECKPOINT
    name: Any = load_checkpoint(path).run.get("backend")
    try:
        snn_core.backend(name)
    except (LookupError, ImportError, TypeError) as error:
        raise ValueError(
            f"{path} was trained on backend {name!r} and goes on to the bit on no other, but here: "
            f"{error}\n  Install it, or train anew with another --out"
        ) from error
    return str(name)
