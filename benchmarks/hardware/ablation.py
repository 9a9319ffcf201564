"""Yin-Yang on emulated chips: in the loop, moved there, from chip to chip, one effect at a time.

    python benchmarks/hardware/ablation.py                     the whole table, about half an hour
    python benchmarks/hardware/ablation.py --chips 1 --part loop --gradient chip

Test accuracies in per cent, mean and standard deviation over chips; chip k has seed k, and so have
the weights and the order of the samples. Nothing is chosen on the test set.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from snn_hardware import Chip, Effects
from snn_train.loop import Data, Training, evaluate, fit, updates_per_epoch
from snn_train.random_numbers import seeded
from snn_train.tasks import yinyang_chip, yinyang_chip_exact
from snn_train.tasks.record import Task
from snn_train.tasks.table import find_task

NUMBERS = {"synapse_saturation": 300.0, "membrane_noise": 2.0, "residual_state": True}
"""Effects that are off by default, and what they are here; all are assumptions."""

ON_ANOTHER_CHIP = 10
"""Updates of a network that was trained on one chip, on the next."""


class Recipe(NamedTuple):
    """How Yin-Yang is trained with a chip in the loop, and the same without one."""

    on_chip: Task
    in_simulation: Task
    network_on: Callable[[Chip, Any], Any]
    params: Callable[[], Any]


def recipe(gradient: str) -> Recipe:
    """The recipe of a gradient: "chip" or "chip_eventprop"."""
    if gradient == "chip":
        home = yinyang_chip
        simulated = find_task("yinyang", "surrogate")
    else:
        home = yinyang_chip_exact
        simulated = find_task("yinyang", "eventprop_exact")
        simulated = simulated._replace(settings=yinyang_chip_exact.NETWORK)
    on_chip = find_task("yinyang", gradient)
    simulated = simulated._replace(schedule=on_chip.schedule)
    return Recipe(on_chip, simulated, home.network_on, home.params)


class Splits(NamedTuple):
    """The data of a recipe, encoded."""

    train: Data
    validation: Data
    test: Data


@functools.cache
def data_of(gradient: str) -> Splits:
    """The data as the networks of a recipe take them."""
    task = recipe(gradient).on_chip
    return Splits(*(task.prepare(part, task.settings) for part in task.load()))


def chip_of(way: Recipe, number: int, effects: Effects) -> Chip:
    """A calibrated chip."""
    settings = way.on_chip.settings._replace(chip=number)
    return yinyang_chip.calibrated(settings, way.params(), effects=effects)


def network_of(way: Recipe, seed: int, chip: Chip | None) -> Any:
    """A network with the weights of a seed, on a chip or in simulation."""
    with seeded(seed, "cpu"):
        if chip is None:
            backend = way.in_simulation.backend
            return way.in_simulation.network(way.in_simulation.settings, backend)
        return way.network_on(chip, way.on_chip.settings)


def trained(way: Recipe, gradient: str, network: Any, seed: int, epochs: int) -> Any:
    """A network after the training of its recipe."""
    task, data = way.on_chip, data_of(gradient)
    schedule = task.schedule._replace(epochs=epochs)
    optimizer = task.optimizer(network.parameters(), lr=schedule.learning_rate)
    updates = updates_per_epoch(len(data.train.labels), schedule.batch_size)
    scheduler = schedule.scheduler(optimizer, updates)
    training = Training(network, optimizer, scheduler, torch.Generator().manual_seed(seed))
    fit(
        training,
        data.train,
        data.validation,
        epochs=epochs,
        batch_size=schedule.batch_size,
        loss=task.loss(task.settings),
        decide=task.decide,
    )
    return network


def retrained(way: Recipe, gradient: str, network: Any, seed: int) -> None:
    """A few updates more, at the rate with which the training began."""
    task, data = way.on_chip, data_of(gradient).train
    optimizer = task.optimizer(network.parameters(), lr=task.schedule.learning_rate)
    order = torch.randperm(len(data.labels), generator=torch.Generator().manual_seed(seed))
    loss = task.loss(task.settings)
    for rows in order.split(task.schedule.batch_size)[:ON_ANOTHER_CHIP]:
        optimizer.zero_grad()
        torch.autograd.backward(loss(network(data.inputs[rows]), data.labels[rows]))
        optimizer.step()


def accuracy(way: Recipe, gradient: str, network: Any) -> float:
    """Of the test set, in per cent."""
    task, data = way.on_chip, data_of(gradient)
    score = evaluate(network, data.test, task.loss(task.settings), decide=task.decide)
    return 100 * score.accuracy


def membranes_too(way: Recipe, chips: list[Chip], epochs: int) -> Iterator[float]:
    """Accuracies of networks whose model takes the measured membranes besides the spikes."""
    settings = way.on_chip.settings._replace(inject="vz")
    way = way._replace(on_chip=way.on_chip._replace(settings=settings))
    for one, chip in enumerate(chips):
        network = trained(way, "chip", network_of(way, one, chip), one, epochs)
        yield accuracy(way, "chip", network)


def moved(way: Recipe, network: Any, chip: Chip) -> Any:
    """The same weights on a chip."""
    there = network_of(way, 0, chip)
    there.hidden.weight.data.copy_(network.hidden.weight.data)
    there.readout.weight.data.copy_(network.readout.weight.data)
    return there


def alone(gradient: str) -> Iterator[tuple[str, Effects]]:
    """Each effect by itself; on events there is no grid, and circuits need steps of their own."""
    nothing = Effects.none()
    if gradient == "chip_eventprop":
        nothing = nothing._replace(time_step=Effects().time_step)
    for name, default in Effects()._asdict().items():
        yield name, nothing._replace(**{name: default or NUMBERS[name]})


class Row(NamedTuple):
    """One line of the table."""

    what: str
    accuracies: list[float]

    def __str__(self) -> str:
        spread = statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0
        each = " ".join(f"{one:.1f}" for one in self.accuracies)
        return f"| {self.what} | {statistics.mean(self.accuracies):.1f} ± {spread:.1f} | {each} |"


def rows(gradient: str, chips: int, epochs: int, parts: tuple[str, ...]) -> Iterator[Row]:
    """The lines of the table of one gradient, as they are done."""
    way, numbers = recipe(gradient), range(chips)
    score = functools.partial(accuracy, way, gradient)
    full = [chip_of(way, one, Effects()) for one in numbers]
    simulated = [trained(way, gradient, network_of(way, one, None), one, epochs) for one in numbers]
    yield Row("simulation", list(map(score, simulated)))
    yield Row(
        "simulation, moved to the chip",
        [score(moved(way, net, chip)) for net, chip in zip(simulated, full, strict=True)],
    )
    if "loop" in parts:
        in_loop = [
            trained(way, gradient, network_of(way, one, full[one]), one, epochs) for one in numbers
        ]
        yield Row("in the loop", list(map(score, in_loop)))
        if gradient == "chip":
            yield Row("in the loop, membranes too", list(membranes_too(way, full, epochs)))
        others = [chip_of(way, one + 1, Effects()) for one in numbers]
        there = [moved(way, net, chip) for net, chip in zip(in_loop, others, strict=True)]
        yield Row("in the loop, moved to another chip", list(map(score, there)))
        for one, net in enumerate(there):
            retrained(way, gradient, net, one)
        yield Row(f"the same after {ON_ANOTHER_CHIP} updates there", list(map(score, there)))
    if "alone" not in parts:
        return
    for name, effects in alone(gradient):
        chips_with = [chip_of(way, one, effects) for one in numbers]
        nets = [moved(way, net, chip) for net, chip in zip(simulated, chips_with, strict=True)]
        yield Row(f"moved, only {name}", list(map(score, nets)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=int, default=5)
    parser.add_argument("--gradient", choices=("chip", "chip_eventprop"), action="append")
    parser.add_argument("--part", choices=("loop", "alone"), action="append")
    parser.add_argument("--epochs", type=int, help="fewer than the recipe has")
    options = parser.parse_args()
    for gradient in options.gradient or ("chip", "chip_eventprop"):
        epochs = options.epochs or recipe(gradient).on_chip.schedule.epochs
        print(f"\n{gradient}, {epochs} epochs, {torch.get_num_threads()} threads")
        print("| network | test accuracy, % | each chip |\n|---|---|---|", flush=True)
        begun = time.perf_counter()
        for row in rows(gradient, options.chips, epochs, tuple(options.part or ("loop", "alone"))):
            print(row, flush=True)
        print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
