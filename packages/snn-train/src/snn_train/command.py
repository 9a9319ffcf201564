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

from snn_train.backends import begun_on, fastest_for
from snn_train.data.records import Dataset, Splits
from snn_train.loop import Training, evaluate, fit
from snn_train.network import SpikingClassifier
from snn_train.runs import (
    CHECKPOINT,
    Run,
    begin,
    claim_folder,
    save_progress,
    take_up,
    write_metrics,
    write_pictures,
)
from snn_train.tasks.record import Task
from snn_train.tasks.table import TASKS, find_task

GRADIENTS = ("surrogate",)
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
        UnknownName, MissingNeed: for a task or backend; ``snn`` prints them.
    """
    options = _parser().parse_args(argv)
    if options.task is None:
        print(_listing())
        return 0
    try:
        task = _task(options)
        folder = options.out or Path("runs") / f"{task.name}-seed{options.seed}"
        run = _run(options, task, folder)
        data = task.load().to(run.device)
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
        "--gradient", default="surrogate", help=f"one of: {', '.join(GRADIENTS)} (the default)"
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="default: 0")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the run (default: runs/TASK-seedN)"
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
    rows = [f"  {entry.name:{width}}  {entry.summary}" for entry in TASKS]
    return "\n".join(["tasks:", *rows, "", f"for instance: snn train {TASKS[0].name}"])


def _task(options: argparse.Namespace) -> Task:
    task = find_task(options.task)
    if options.epochs is None:
        return task
    return task._replace(schedule=task.schedule._replace(epochs=options.epochs))


def _run(options: argparse.Namespace, task: Task, folder: Path) -> Run:
    if options.gradient not in GRADIENTS:
        raise ValueError(
            f"unknown gradient {options.gradient!r}; there is: {', '.join(GRADIENTS)} "
            "(eventprop will come with the package snn-eventprop)"
        )
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device 'cuda' is not available to torch {torch.__version__} here: use --device cpu, "
            "or install the build of torch for your GPU"
        )
    run = Run(task, options.seed, options.gradient, options.backend, options.device)
    if options.backend != "auto":
        return run
    return run._replace(backend=begun_on(folder) if options.resume else fastest_for(run))


def _prepare(
    run: Run, train: Dataset, folder: Path, *, resume: bool
) -> Training[SpikingClassifier]:
    if resume:
        return take_up(run, len(train.labels), folder)
    training = begin(run, len(train.labels))
    claim_folder(run, folder)
    return training


def _train(run: Run, training: Training[Any], data: Splits, folder: Path, *, quiet: bool) -> None:
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
            on_epoch=on_epoch,
        )


def _finish(
    run: Run,
    training: Training[SpikingClassifier],
    data: Splits,
    folder: Path,
    *,
    quiet: bool,
) -> None:
    """Measure the test, once; write what there is to look at; say where it lies."""
    test = evaluate(training.model, data.test)
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
