"""Tasks whose data lie in a folder of the user's: bound to it, or told that it is missing."""

from __future__ import annotations

import functools
from pathlib import Path

from snn_train.tasks.record import Task


def reading(task: Task, folder: Path | None) -> Task:
    """The task with data that load without arguments, from this folder if it reads one.

    Raises:
        ValueError: the task needs a folder and got none, or got one that it does not read.

    >>> from snn_train.tasks.table import find_task
    >>> reading(find_task("digits"), None).name
    'digits'
    """
    if folder is not None and not task.folder:
        raise ValueError(f"task {task.name!r} has its data with it and reads no folder: {folder}")
    if not task.folder:
        return task
    if folder is None:
        raise ValueError(
            f"task {task.name!r} reads {task.folder} from a folder and downloads nothing; "
            "say where they are: --data DIR"
        )
    return task._replace(load=functools.partial(task.load, folder))
