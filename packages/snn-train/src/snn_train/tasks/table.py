"""The tasks by name and their ways to find gradients; importing this imports none of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NamedTuple

from snn_core import Entry, UnknownName
from snn_core.registry import Provided, load_target

from snn_train.tasks.record import Task


class Listed(NamedTuple):
    """A task as it is listed.

    Args:
        name: as on the command line.
        summary: one line.
        recipes: one for each way to find gradients, by its name; the first is the default.
    """

    name: str
    summary: str
    recipes: tuple[Entry, ...]

    @property
    def gradients(self) -> tuple[str, ...]:
        """The names of its ways to find gradients."""
        return tuple(recipe.name for recipe in self.recipes)


def _eventprop(name: str, target: str, summary: str) -> Entry:
    """A recipe with EventProp, and what to pip install for it."""
    return Entry(
        name,
        f"snn_train.tasks.{target}",
        summary,
        needs=("snn_eventprop",),
        install="snn-train[eventprop]",
    )


TASKS = (
    Listed(
        "digits",
        "handwritten digits, 8 x 8 pixels, 10 classes",
        (
            Entry("surrogate", "snn_train.tasks.digits:DIGITS", "LIF and LI on a grid"),
            _eventprop("eventprop_exact", "digits_exact:DIGITS_EXACT", "LIF and LI on events"),
            _eventprop(
                "eventprop",
                "digits_grid:DIGITS_GRID",
                "LIF and LI, spikes inside the steps of a grid",
            ),
        ),
    ),
    Listed(
        "mnist",
        "handwritten digits, 28 x 28 pixels, 10 classes; reads the files in --data DIR",
        (
            _eventprop(
                "eventprop_exact", "mnist:MNIST", "the recipe of Wunderlich and Pehle (2021)"
            ),
        ),
    ),
    Listed(
        "yinyang",
        "points of the Yin-Yang symbol, 3 classes",
        (
            Entry("surrogate", "snn_train.tasks.yinyang:YIN_YANG", "LIF and LI on a grid"),
            _eventprop(
                "eventprop_exact",
                "yinyang_exact:YIN_YANG_EXACT",
                "the recipe of Wunderlich and Pehle (2021)",
            ),
            Entry(
                "chip",
                "snn_train.tasks.yinyang_chip:YIN_YANG_CHIP",
                "surrogate gradients, forward on an emulated chip",
                needs=("snn_hardware",),
                install="snn-train[hardware]",
            ),
            Entry(
                "chip_eventprop",
                "snn_train.tasks.yinyang_chip_exact:YIN_YANG_CHIP_EXACT",
                "EventProp by the spikes of an emulated chip",
                needs=("snn_hardware", "snn_eventprop"),
                install="snn-train[hardware,eventprop]",
            ),
        ),
    ),
    Listed(
        "yinyang-delays",
        "the same with 30 hidden neurons and synaptic delays that are learnt",
        (_eventprop("eventprop_exact", "yinyang_delays:YIN_YANG_DELAYS", "LIF on events"),),
    ),
)


def find_task(name: str, gradient: str | None = None) -> Task:
    """The task of this name, with what trains it by this gradient.

    Args:
        name: of the task.
        gradient: how gradients are found; None for the first that the task has.

    Raises:
        UnknownName: with the nearest name and all there are, of the tasks or of its gradients.
        MissingNeed: the gradient needs a package that is not installed; says which.

    >>> find_task("digits").schedule.batch_size
    128
    """
    listed = {one.name: one for one in TASKS}
    if name not in listed:
        raise UnknownName(f"unknown task {name!r}{_hint(name, tuple(listed))}")
    recipes = {recipe.name: recipe for recipe in listed[name].recipes}
    chosen = next(iter(recipes)) if gradient is None else gradient
    if chosen not in recipes:
        raise UnknownName(
            f"task {name!r} has no gradient {chosen!r}{_hint(chosen, tuple(recipes))}"
        )
    task: Task = load_target(
        Provided("gradient", "snn-train:train", "snn-train", "", recipes[chosen])
    )
    return task


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{hint}\n  there are: {', '.join(known)}"
