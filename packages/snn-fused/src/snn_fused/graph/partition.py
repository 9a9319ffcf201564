"""Split a traced graph: what is the same at every step, what differs, what sums over lanes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import fx

from snn_fused.graph import recipe
from snn_fused.graph.lowering import HANDLERS, lower
from snn_fused.graph.recipe import Recipe
from snn_fused.graph.tracing import LANES
from snn_fused.graph.writer import CannotLower, Writer, fail, meta

INVARIANT, VARYING, REDUCED = "invariant", "varying", "reduced"
aten = torch.ops.aten
SUMS = {aten.sum.default, aten.sum.dim_IntList}
# In one sum at most: then the sum over time may be taken before them.
LINEAR = {
    *(aten.view.default, aten.expand.default, aten.reshape.default, aten.clone.default),
    *(aten.neg.default, aten.add.Tensor, aten.sub.Tensor, aten._to_copy.default),
    *(aten.squeeze.dim, aten.unsqueeze.default, aten.alias.default, aten.zeros_like.default),
    *(aten.mul.Tensor, aten.mul.Scalar, aten.div.Tensor, aten.div.Scalar, *SUMS),
}
PRODUCTS = {aten.mul.Tensor, aten.mul.Scalar, aten.div.Tensor, aten.div.Scalar}


class Partition:
    """The nodes of a graph, each of one class.

    Args:
        graph: as traced; its placeholders are named by ``inputs``, in order.
        inputs: ``param.*`` are invariant, all others vary.
    """

    def __init__(self, graph: fx.Graph, inputs: Sequence[str]) -> None:
        self.nodes = list(graph.nodes)
        placeholders = [node for node in self.nodes if node.op == "placeholder"]
        self.names = dict(zip(placeholders, inputs, strict=True))
        self.classes: dict[fx.Node, str] = {}
        for node in self.nodes:
            if node.op != "output":
                _check_repeatable(node)
                self.classes[node] = self._class(node)

    @property
    def results(self) -> list[fx.Node]:
        """What the traced function returned."""
        (returned,) = self.nodes[-1].args
        return list(returned)

    def _class(self, node: fx.Node) -> str:
        if node.op == "placeholder":
            return INVARIANT if self.names[node].startswith("param.") else VARYING
        classes = {self.classes[source] for source in node.all_input_nodes}
        if REDUCED in classes or (VARYING in classes and node.target in SUMS):
            return REDUCED
        return VARYING if VARYING in classes else INVARIANT

    def write_varying(self, writer: Writer) -> None:
        """Lower every node that differs from step to step.

        Raises:
            CannotLower: one that is not pointwise.
        """
        for node in self.nodes:
            kind = self.classes.get(node)
            if node.op == "placeholder" and kind == VARYING:
                writer.values[node] = writer.input(self.names[node])
            elif kind == VARYING:
                lower(writer, node)
            elif kind == INVARIANT:
                writer.values[node] = self._invariant(writer, node)

    def _invariant(self, writer: Writer, node: fx.Node) -> int:
        """The place of something that does not change: a literal, or an input by its own name."""
        if node.op == "call_function" and not node.all_input_nodes:
            if node.target in HANDLERS and meta(node) is not None:
                return HANDLERS[node.target](writer, node)
            raise fail(node, "which is not pointwise or not known here")
        return writer.input(f"invariant.{node.name}")

    def preparation(self, used: set[str]) -> tuple[Recipe, list[str], list[str]]:
        """The recipe for the used invariants; the names of numbers and of lanes among them."""
        found = [node for node in self.nodes if f"invariant.{node.name}" in used]
        numbers = [node for node in found if _shape(node) == ()]
        lanes = [node for node in found if _shape(node) != ()]
        for node in lanes:
            if _shape(node) not in (LANES[1:], (1, LANES[1]), LANES):
                raise fail(node, f"which gives a shape {_shape(node)} that does not fit the layer")
        given = {node: name.removeprefix("param.") for node, name in self.names.items()}
        written = recipe.write([*numbers, *lanes], given, self.nodes)
        return (
            written,
            [f"invariant.{node.name}" for node in numbers],
            [f"invariant.{node.name}" for node in lanes],
        )

    def completion(self, wanted: Sequence[fx.Node]) -> tuple[list[fx.Node], Recipe]:
        """What to sum over time, and the recipe from those sums to the nodes wanted.

        The recipe's inputs are ``sum.0``, ... of shape ``(B, N)`` and parameters by name.

        Raises:
            CannotLower: the way from the sums is not linear.
        """
        given = {node: name.removeprefix("param.") for node, name in self.names.items()}
        summed: list[fx.Node] = []
        for node in self.nodes:
            if self.classes.get(node) != REDUCED:
                continue
            _check_linear(node, self.classes)
            if node.target in SUMS and self.classes[node.all_input_nodes[0]] == VARYING:
                source = node.all_input_nodes[0]
                if source not in summed:
                    summed.append(source)
        sums = {source: f"sum.{k}" for k, source in enumerate(summed)}
        written = recipe.write(wanted, given | sums, self.nodes)
        needed = [source for source in summed if sums[source] in written.inputs]
        renamed = {sums[source]: f"sum.{k}" for k, source in enumerate(needed)}
        inputs = tuple(renamed.get(name, name) for name in written.inputs)
        return needed, written._replace(inputs=inputs)


def _check_repeatable(node: fx.Node) -> None:
    """Raise for what gives another result each time, and for a gradient that nobody would see."""
    seeded = torch.Tag.nondeterministic_seeded
    if node.op == "call_function" and seeded in getattr(node.target, "tags", ()):
        raise fail(node, "which draws random numbers")
    if node.op == "get_attr" and node.meta["value"].requires_grad:
        raise CannotLower("its step holds a tensor that wants a gradient; pass it as a parameter")


def _shape(node: fx.Node) -> tuple[int, ...]:
    value = meta(node)
    if value is None:
        raise fail(node, "which does not give one tensor")
    return tuple(value["shape"])


def _check_linear(node: fx.Node, classes: dict[fx.Node, str]) -> None:
    factors = [source for source in node.all_input_nodes if classes[source] == REDUCED]
    divides = node.target in (aten.div.Tensor, aten.div.Scalar)
    nonlinear = node.target not in LINEAR or (
        node.target in PRODUCTS and (len(factors) > 1 or (divides and node.args[0] not in factors))
    )
    if nonlinear:
        raise fail(node, "which mixes neurons or samples")
