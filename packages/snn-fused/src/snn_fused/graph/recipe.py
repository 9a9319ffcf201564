"""Recipe: operations that torch does once a call, around a kernel: on parameters, on sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor, fx

from snn_fused.graph.tracing import BATCH, NEURONS


class Place(NamedTuple):
    """Stands for an earlier value among the arguments of an operation."""

    number: int


class Recipe(NamedTuple):
    """Operations in order, on values that are counted: the inputs, the constants, the results.

    Args:
        inputs: names of what goes in.
        constants: tensors that the step holds itself.
        steps: each an operation of torch, its arguments and keyword arguments.
        results: the places of what comes out.
    """

    inputs: tuple[str, ...]
    constants: tuple[Tensor, ...]
    steps: tuple[tuple[Callable[..., Any], Any, Any], ...]
    results: tuple[int, ...]

    def run(self, given: Mapping[str, Tensor], n_batch: int, n_neurons: int) -> list[Tensor]:
        """The results for these inputs, in a layer of this size."""
        if not self.results:
            return []
        sizes = {BATCH: n_batch, NEURONS: n_neurons, BATCH * NEURONS: n_batch * n_neurons}
        values: list[Any] = [*(given[name] for name in self.inputs), *self.constants]

        def filled(argument: Any) -> Any:
            if isinstance(argument, Place):
                return values[argument.number]
            if isinstance(argument, list | tuple):
                return [sizes.get(item, item) for item in argument]
            return argument

        for operation, args, kwargs in self.steps:
            named = {name: filled(value) for name, value in kwargs.items()}
            values.append(operation(*map(filled, args), **named))
        return [values[place] for place in self.results]


def write(
    results: Sequence[fx.Node], given: Mapping[fx.Node, str], order: Iterable[fx.Node]
) -> Recipe:
    """The recipe for some nodes of a graph.

    Args:
        results: the nodes wanted.
        given: nodes that go in, by name; nothing before them is done.
        order: all nodes of the graph, in order.
    """
    needed = _needed(results, given)
    nodes = [node for node in order if node in needed]
    inputs = [node for node in nodes if node in given]
    held = [node for node in nodes if node.op == "get_attr" and node not in given]
    done = [node for node in nodes if node.op == "call_function" and node not in given]
    places = {node: Place(k) for k, node in enumerate([*inputs, *held, *done])}

    def placed(argument: Any) -> Any:
        return fx.node.map_arg(argument, lambda node: places[node])

    return Recipe(
        tuple(given[node] for node in inputs),
        tuple(node.meta["value"] for node in held),
        tuple((node.target, placed(node.args), placed(dict(node.kwargs))) for node in done),  # type: ignore[misc]
        tuple(places[node].number for node in results),
    )


def _needed(results: Sequence[fx.Node], given: Mapping[fx.Node, str]) -> set[fx.Node]:
    needed: set[fx.Node] = set()
    waiting = list(results)
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting.extend([] if node in given else node.all_input_nodes)
    return needed
