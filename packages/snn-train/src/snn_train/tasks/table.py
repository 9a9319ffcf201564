"""The tasks by name; importing this imports none of them."""

from __future__ import annotations

import difflib
from importlib import import_module

from snn_core import Entry, UnknownName

from snn_train.tasks.record import Task

TASKS = (
    Entry(
        "digits", "snn_train.tasks.digits:DIGITS", "handwritten digits, 8 x 8 pixels, 10 classes"
    ),
    Entry(
        "yinyang", "snn_train.tasks.yinyang:YIN_YANG", "points of the Yin-Yang symbol, 3 classes"
    ),
)


def find_task(name: str) -> Task:
    """The task of this name.

    Raises:
        UnknownName: with the nearest name and all there are.

    >>> find_task("digits").schedule.batch_size
    128
    """
    targets = {entry.name: entry.target for entry in TASKS}
    if name not in targets:
        near = difflib.get_close_matches(name.lower(), targets, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UnknownName(f"unknown task {name!r}{hint}\n  there are: {', '.join(targets)}")
    module, attribute = targets[name].split(":")
    task: Task = getattr(import_module(module), attribute)
    return task
