"""An epoch of Yin-Yang in the loop beside the same epoch in simulation with the fused backend.

    python benchmarks/hardware/epoch.py [--pairs 15] [--threads 1]

Both train in one process and take turns, epoch by epoch; the figure is the median of the ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import NamedTuple

import torch
from snn_train.loop import Data, Training, fit
from snn_train.runs import Run, begin, load_data
from snn_train.tasks.record import Task
from snn_train.tasks.table import find_task

EPOCHS = 10_000
"""More than are run: so many the schedules last."""


class Runner(NamedTuple):
    """A training under way."""

    task: Task
    training: Training
    train: Data
    validation: Data

    @classmethod
    def of(cls, gradient: str, backend: str) -> Runner:
        """The recipe of a gradient."""
        task = find_task("yinyang", gradient)
        task = task._replace(schedule=task.schedule._replace(epochs=EPOCHS))
        run = Run(task, seed=0, backend=backend)
        data = load_data(run)
        few = type(data.validation)(data.validation.inputs[:1], data.validation.labels[:1])
        return cls(task, begin(run, len(data.train.labels)), data.train, few)

    def epoch(self) -> float:
        """Seconds of the next epoch, validated on one sample."""
        begun, done = time.perf_counter(), len(self.training.history)
        fit(
            self.training,
            self.train,
            self.validation,
            epochs=done + 1,
            batch_size=self.task.schedule.batch_size,
            loss=self.task.loss(self.task.settings),
            decide=self.task.decide,
        )
        return time.perf_counter() - begun


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    simulated, on_chip = Runner.of("surrogate", "numba"), Runner.of("chip", "bss2")
    simulated.epoch(), on_chip.epoch()
    pairs = [(simulated.epoch(), on_chip.epoch()) for _ in range(options.pairs)]
    for name, times in zip(("simulation", "in the loop"), zip(*pairs, strict=True), strict=True):
        print(f"{name}: {statistics.median(times) * 1e3:.0f} ms an epoch of 5000 samples")
    ratios = sorted(b / a for a, b in pairs)
    print(
        f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
        f"{options.threads} threads, {options.pairs} pairs"
    )


if __name__ == "__main__":
    main()
