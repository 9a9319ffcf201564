"""``snn train TASK``: train a network on a task, and leave its checkpoint and pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from snn_core import Unsupported
from tqdm import tqdm  # type: ignore[import-untyped]

from snn_train.backends import begun_on, fastest_for, own_backend
from snn_train.loop import Data, Training, evaluate, fit
from snn_train.network import Classifier
from snn_train.runs import (
    CHECKPOINT,
    Run,
    RunData,
    begin,
    claim_folder,
    default_folder,
    load_data,
    save_progress,
    take_up,
    write_metrics,
    write_pictures,
)
from snn_train.tasks.folders import reading
from snn_train.tasks.record import Task
from snn_train.tasks.table import TASKS, find_task

DEVICES = ("cpu", "cuda")

REFUSED = 2
INTERRUPTED = 130

# A terminal shows only the last redraw of the bar; a file or a pipe keeps every one.
REDRAW_SECONDS_TERMINAL = 0.1
REDRAW_SECONDS_FILE = 10.0


def main(argv: Sequence[str]) -> int:
    """Run the command.

    Args:
        argv: the line after ``snn train``.

    Returns:
        0; 2 if the line cannot be carried out; 130 if interrupted.

    Raises:
        UnknownName, MissingNeed: for a task, a gradient or a backend; ``snn`` prints them.
    """
    options = _parser().parse_args(argv)
    if options.task is None:
        print(_listing())
        return 0
    try:
        task = _task(options)
        folder = options.out or default_folder(task, options.seed)
        run = _run(options, task, folder)
        data = load_data(run)
        training = _prepare(run, data.train, folder, resume=options.resume)
    except (ValueError, OSError) as error:
        return _refuse(error)
    try:
        _train(run, training, data, folder, quiet=options.quiet)
        _finish(run, training, data, folder, quiet=options.quiet)
    except (Unsupported, FloatingPointError, OSError) as error:
        return _refuse(error)
    except KeyboardInterrupt:
        return _interrupted(len(training.history))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "snn train",
        description="Train a spiking network on a task. Without a task: list them.",
        epilog="The last line printed is the accuracy on the test data, which are used only there.",
    )
    parser.add_argument("task", nargs="?", metavar="TASK", help="what to train")
    parser.add_argument(
        "--backend",
        default="auto",
        help="runs the layers (default: auto, the fastest that can; with --resume the run's own)",
    )
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="default: cpu")
    parser.add_argument(
        "--gradient", help="how gradients are found (default: the task's first, see the list)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the data, for a task that reads files"
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="default: 0")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the run (default: in runs/)"
    )
    parser.add_argument(
        "--epochs", type=_positive, metavar="N", help="passes over the data (default: the task's)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint in the folder"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but the last line")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(
            f"must be a whole number from 0 to 2**63 - 1, got {text!r}"
        )
    return int(text)


def _listing() -> str:
    width = max(len(entry.name) for entry in TASKS)
    rows = []
    for one in TASKS:
        rows.append(f"  {one.name:{width}}  {one.summary}")
        rows.append(f"  {'':{width}}  --gradient {' or '.join(one.gradients)}")
    return "\n".join(["tasks:", *rows, "", f"for instance: snn train {TASKS[0].name}"])


def _task(options: argparse.Namespace) -> Task:
    task = reading(find_task(options.task, options.gradient), options.data)
    if options.epochs is None:
        return task
    return task._replace(schedule=task.schedule._replace(epochs=options.epochs))


def _run(options: argparse.Namespace, task: Task, folder: Path) -> Run:
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device 'cuda' is not available to torch {torch.__version__} here: use --device cpu, "
            "or install the build of torch for your GPU"
        )
    run = Run(task, options.seed, own_backend(task, options.backend), options.device)
    if run.backend != "auto":
        return run
    return run._replace(backend=begun_on(folder) if options.resume else fastest_for(run))


def _prepare(run: Run, train: Data, folder: Path, *, resume: bool) -> Training[Classifier]:
    if resume:
        return take_up(run, len(train.labels), folder)
    training = begin(run, len(train.labels))
    claim_folder(run, folder)
    return training


def _train(run: Run, training: Training[Any], data: RunData, folder: Path, *, quiet: bool) -> None:
    schedule = run.task.schedule
    terminal = sys.stderr.isatty()
    with tqdm(
        desc=run.title,
        total=schedule.epochs,
        initial=len(training.history),
        unit="epoch",
        disable=quiet,
        dynamic_ncols=terminal,
        mininterval=REDRAW_SECONDS_TERMINAL if terminal else REDRAW_SECONDS_FILE,
    ) as bar:

        def on_epoch(training: Training[Any]) -> None:
            save_progress(run, training, folder)
            last = training.history[-1]
            bar.set_postfix_str(
                f"loss {last.train.loss:.3f}, validation {100 * last.validation.accuracy:.1f} %",
                refresh=False,
            )
            bar.update()

        fit(
            training,
            data.train,
            data.validation,
            epochs=schedule.epochs,
            batch_size=schedule.batch_size,
            loss=run.task.loss(run.task.settings),
            decide=run.task.decide,
            on_epoch=on_epoch,
        )


def _finish(
    run: Run,
    training: Training[Classifier],
    data: RunData,
    folder: Path,
    *,
    quiet: bool,
) -> None:
    """Measure the test, once; write what there is to look at; say where it lies."""
    task = run.task
    test = evaluate(training.model, data.test, task.loss(task.settings), decide=task.decide)
    files = [
        folder / CHECKPOINT,
        write_metrics(run, training, test, folder),
        *write_pictures(run, training, data.validation, folder),
    ]
    if not quiet:
        print("written:", *(f"  {path}" for path in files), sep="\n")
    print(f"test accuracy {100 * test.accuracy:.1f} %")


def _refuse(error: Exception) -> int:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    return REFUSED


def _interrupted(epochs: int) -> int:
    advice = "the same command with --resume goes on" if epochs else "nothing is saved yet"
    unit = "epoch" if epochs == 1 else "epochs"
    print(f"interrupted after {epochs} {unit}; {advice}", file=sys.stderr)
    return INTERRUPTED
