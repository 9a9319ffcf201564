"""A run: one task trained from one seed, in one folder, and the files that it leaves there."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any, NamedTuple

import snn_core
import torch
from snn_core.registry import default_registry

import snn_train
from snn_train.checkpoint import Checkpoint, load_checkpoint, require_same_run, save_checkpoint
from snn_train.decisions import UNDECIDED
from snn_train.drawing import MEMBRANE, OUTPUT, RASTER
from snn_train.loop import Data, Score, Training, updates_per_epoch
from snn_train.network import Classifier
from snn_train.pictures import learning_curve_figure
from snn_train.random_numbers import seeded
from snn_train.tasks.record import Task

CHECKPOINT = "checkpoint.pt"
METRICS = "metrics.json"
LEARNING_CURVE = "learning_curve.png"
PICTURES = (LEARNING_CURVE, RASTER, MEMBRANE, OUTPUT)
DOTS_PER_INCH = 150


class Run(NamedTuple):
    """What is trained; two runs that are equal give the same weights.

    Args:
        task: with the schedule and settings of this run.
        seed: of the initial weights, the order of the samples and everything else at random.
        backend: name of the backend of the layers; not "auto", which may be another one tomorrow.
        device: of the network, its weights and its data: ``"cpu"`` or ``"cuda"``.

    >>> from snn_train.tasks.table import find_task
    >>> run = Run(find_task("yinyang"), seed=3)
    >>> run.title, run.description()["settings"]["n_hidden"]
    ('yinyang, seed 3', 120)
    """

    task: Task
    seed: int
    backend: str = "eager"
    device: str = "cpu"

    @property
    def title(self) -> str:
        """For pictures."""
        return f"{_full_name(self.task)}, seed {self.seed}"

    def description(self) -> dict[str, Any]:
        """Everything that decides the result, as nested dicts of strings and numbers."""
        return {
            "task": self.task.name,
            "seed": self.seed,
            "gradient": self.task.gradient,
            "backend": self.backend,
            "device": self.device,
            "schedule": self.task.schedule._asdict(),
            "settings": self.task.settings._asdict(),
        }


def _full_name(task: Task) -> str:
    return task.name if task.gradient == "surrogate" else f"{task.name}-{task.gradient}"


def default_folder(task: Task, seed: int) -> Path:
    """Where a run goes if its user does not say.

    >>> from snn_train.tasks.table import find_task
    >>> default_folder(find_task("yinyang"), seed=3).name
    'yinyang-seed3'
    """
    return Path("runs") / f"{_full_name(task)}-seed{seed}"


class RunData(NamedTuple):
    """The three parts of the data of a run, as its network takes them, on its device."""

    train: Data
    validation: Data
    test: Data


def load_data(run: Run) -> RunData:
    """Load the data of a run, and encode what is the same in every epoch.

    >>> from snn_train.tasks.table import find_task
    >>> len(load_data(Run(find_task("digits"), seed=0)).test.labels)
    359
    """
    task = run.task
    return RunData(*(task.prepare(part, task.settings).to(run.device) for part in task.load()))


def build(run: Run) -> Classifier:
    """The network of a run with its initial weights, on its device.

    Raises:
        UnknownName, AmbiguousName, MissingNeed: for the backend.
        Unsupported: the backend cannot run these layers.
        ValueError: for settings that make no network.

    >>> from snn_train.tasks.table import find_task
    >>> tuple(build(Run(find_task("yinyang"), seed=0)).hidden.weight.shape)
    (120, 5)
    """
    with seeded(run.seed, run.device), torch.device(run.device):
        model: Classifier = run.task.network(run.task.settings, run.backend)
        return model


def begin(run: Run, samples: int) -> Training[Classifier]:
    """A training at its start, with the optimiser and the schedule of its task.

    Args:
        run: what to train.
        samples: number of training samples.

    Raises:
        UnknownName, AmbiguousName, MissingNeed, Unsupported, ValueError: as :func:`build`.

    >>> from snn_train.tasks.table import find_task
    >>> training = begin(Run(find_task("yinyang"), seed=0), samples=5000)
    >>> tuple(training.model.hidden.weight.shape), training.scheduler.T_max
    ((120, 5), 2000)
    """
    schedule = run.task.schedule
    model = build(run)
    optimizer = run.task.optimizer(model.parameters(), lr=schedule.learning_rate)
    updates = updates_per_epoch(samples, schedule.batch_size)
    scheduler = schedule.scheduler(optimizer, updates)
    return Training(model, optimizer, scheduler, torch.Generator().manual_seed(run.seed))


def take_up(run: Run, samples: int, folder: Path) -> Training[Classifier]:
    """The training that stopped in this folder, to go on to the bit as if it had not.

    Args:
        run: what was trained; it must be what the checkpoint says.
        samples: number of training samples.
        folder: where the checkpoint is.

    Raises:
        FileNotFoundError: without a checkpoint.
        ValueError: if it is damaged, or belongs to another run.
    """
    path = folder / CHECKPOINT
    checkpoint = load_checkpoint(path)
    require_same_run(path, checkpoint.run, run.description())
    training = begin(run, samples)
    training.load_state_dict(checkpoint.training)
    return training


def claim_folder(run: Run, folder: Path) -> None:
    """Make the folder for a run that starts anew; one with another or unfinished run is left alone.

    What a finished run of the same description left there is deleted: it will be made again.

    Raises:
        ValueError: if the checkpoint there belongs to another run, is not finished, or cannot be
            read.
        OSError: if the folder cannot be made.
    """
    path = folder / CHECKPOINT
    if path.exists():
        found = load_checkpoint(path)
        require_same_run(path, found.run, run.description())
        done, total = len(found.training.get("history", ())), run.task.schedule.epochs
        if done < total:
            raise ValueError(
                f"{path} holds a training that is not finished, {done} of {total} epochs: go on "
                f"with --resume, choose another --out, or delete that folder"
            )
        for name in (CHECKPOINT, METRICS, *PICTURES):
            (folder / name).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)


def save_progress(run: Run, training: Training[Any], folder: Path) -> None:
    """Write the checkpoint; :func:`take_up` reads it."""
    save_checkpoint(folder / CHECKPOINT, Checkpoint(run.description(), training.state_dict()))


def write_metrics(run: Run, training: Training[Any], test: Score, folder: Path) -> Path:
    """Write ``metrics.json``: run, versions, history, and the test measured at the end."""
    backend = default_registry().find("backend", run.backend)
    metrics = {
        **run.description(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "snn-core": snn_core.__version__,
            "snn-train": snn_train.__version__,
            backend.distribution: backend.version,
        },
        "history": [
            {"epoch": number, "train": row.train._asdict(), "validation": row.validation._asdict()}
            for number, row in enumerate(training.history, start=1)
        ],
        "test": test._asdict(),
    }
    path = folder / METRICS
    path.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return path


def write_pictures(run: Run, training: Training[Any], sample: Data, folder: Path) -> list[Path]:
    """Draw the learning curve, and what the network does with one sample.

    Args:
        run: what was trained.
        training: at its end.
        sample: whose first row is shown.
        folder: where the files go.
    """
    model, task = training.model, run.task
    with torch.no_grad(), seeded(run.seed):
        activity = model.activity(sample.inputs[:1])
    label, guess = int(sample.labels[0]), int(task.decide(activity.scores)[0])
    read = "no class" if guess == UNDECIDED else str(guess)
    title = f"{run.title}: a sample of class {label}, read as {read}"
    figures = {
        LEARNING_CURVE: learning_curve_figure(training.history, run.title),
        **task.draw(activity, model, task.settings, label, title),
    }
    for name, figure in figures.items():
        figure.savefig(folder / name, dpi=DOTS_PER_INCH)
    return [folder / name for name in figures]
