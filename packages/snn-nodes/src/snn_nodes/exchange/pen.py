"""Pen: writes modules into a graph, one after the other."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np
import snn_core
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from snn_nodes import layer
from snn_nodes.exchange.cards import described
from snn_nodes.exchange.carrying import carried
from snn_nodes.exchange.cuba import CurrentFirst, MembraneFirst
from snn_nodes.exchange.graph import LATE, Edge
from snn_nodes.exchange.network import NirNetwork, NirSequential
from snn_nodes.exchange.report import ExchangeError, inside
from snn_nodes.exchange.shapes import Shape, output_shape
from snn_nodes.exchange.unaltered import KINDS, check_unaltered, keeps_forward
from snn_nodes.exchange.write_layers import LAYERS, PASSED
from snn_nodes.exchange.write_neurons import Setting, write_neuron
from snn_nodes.neuron import NeuronNode, StatefulNode

ENTRY, EXIT = "<input>", "<output>"
"""How the Input and the Output are called until all other names are known."""


def graph_of(net: nn.Module, shape: Shape, setting: Setting) -> nir.NIRGraph:
    """A network as a graph, as it stands."""
    known = net.source if isinstance(net, NirSequential | NirNetwork) else None
    pen = Pen(setting, {} if known is None else known.names)
    for path, module in net.named_modules():
        check_unaltered(module, pen.name_of(module, path))
    last, out = pen.write(net, "", ENTRY, shape)
    nodes, edges = pen.finished(shape, last, out)
    return nir.NIRGraph(nodes, edges, metadata={"snn_nodes.dt": setting.dt}, type_check=False)


class Pen:
    """A graph while it is written: its nodes and edges so far.

    Args:
        setting: dt and the report.
        names: names that modules (by their places) must have; others are called by their place.
    """

    def __init__(self, setting: Setting, names: dict[str, str]) -> None:
        self.setting, self.names = setting, names
        self.nodes: dict[str, nir.NIRNode] = {}
        self.edges: list[Edge] = []

    def finished(self, shape: Shape, last: str, out: Shape) -> tuple[Any, list[Edge]]:
        """The nodes with Input and Output, and the edges."""
        self.edges.append((last, EXIT))
        called = {ENTRY: self._port(ENTRY), EXIT: self._port(EXIT)}
        edges = [(called.get(a, a), called.get(b, b)) for a, b in self.edges]
        given, taken = nir.Input(np.array(shape)), nir.Output(np.array(out))
        return {called[ENTRY]: given, **self.nodes, called[EXIT]: taken}, edges

    def _port(self, port: str) -> str:
        """A name for the Input or Output that no module has."""
        name = self.names.get(port, port.strip("<>"))
        while name in self.nodes:
            name += "_"
        return name

    def write(self, module: nn.Module, path: str, before: str, shape: Shape) -> tuple[str, Shape]:
        """Write a module after the node ``before``: the last node's name, and the shape there."""
        if isinstance(module, PASSED) and keeps_forward(module):
            if not isinstance(module, nn.Identity):
                self.setting.report.add(path, "training", "dropout is not in NIR")
            return before, shape
        if isinstance(module, NirSequential | NirNetwork) and path and module.source is not None:
            name = self.name_of(module, path)
            return self._put(_inner(module, name, shape, self.setting), path, before, shape)
        for kind, write in _KINDS.items():
            if isinstance(module, kind) and keeps_forward(module):
                written: tuple[str, Shape] = write(self, module, path, before, shape)
                return written
        if type(module) in LAYERS:
            name = self.name_of(module, path)
            node = LAYERS[type(module)](module, name, shape, self.setting)
            return self._put(node, path, before, shape, module)
        raise _unknown(module, self.name_of(module, path))

    def name_of(self, module: object, path: str) -> str:
        """What the node of a module is called."""
        return self.names.get(path, path or type(module).__name__.lower())

    def _put(
        self,
        node: nir.NIRNode,
        path: str,
        before: str,
        shape: Shape,
        module: nn.Module | None = None,
    ) -> tuple[str, Shape]:
        """Add a node after another one: its name, and the shape after it."""
        name = self.name_of(node if module is None else module, path)
        if name in self.nodes:
            raise ExchangeError(f"two nodes would be called {name!r}; give the modules other names")
        if isinstance(node, nir.NIRGraph):
            ((_, found),) = node.output_type.items()
            out = tuple(int(n) for n in found)
        else:
            out = output_shape(name, node, shape)
            _say_shapes(node, shape, out)
        if module is not None:
            node.metadata = node.metadata | described(module)
        self.nodes[name] = node
        self.edges.append((before, name))
        return name, out

    def _neuron(self, module: Any, path: str, before: str, shape: Shape) -> tuple[str, Shape]:
        """Neurons of the shape that comes to them."""
        node = write_neuron(module, self.name_of(module, path), shape, self.setting)
        return self._put(node, path, before, shape, module)

    def _sequential(
        self, module: nn.Sequential, path: str, before: str, shape: Shape
    ) -> tuple[str, Shape]:
        for key, child in module._modules.items():
            if child is not None:
                before, shape = self.write(child, _joined(path, key), before, shape)
        return before, shape

    def _recurrent(
        self, module: layer.Recurrent, path: str, before: str, shape: Shape
    ) -> tuple[str, Shape]:
        """The neurons, and what leads back from them."""
        name, out = self.write(module.node, _joined(path, "node"), before, shape)
        return self._fed_back(module.recurrent, _joined(path, "recurrent"), name, out)

    def _fed_back(self, back: nn.Module, path: str, name: str, out: Shape) -> tuple[str, Shape]:
        self.setting.report.add(name, "recurrence", f"what leads back arrives {LATE}")
        last, again = self.write(back, path, name, out)
        if again != out:
            raise ExchangeError(f"node {last!r} leads back to {name!r} with {again}, not {out}")
        self.edges.append((last, name))
        return name, out

    def _layer(
        self, module: snn_core.Layer, path: str, before: str, shape: Shape
    ) -> tuple[str, Shape]:
        """Its weight, its neurons, its recurrent weight."""
        name = self.name_of(module, path)
        if module.delay is not None or module.recurrent_delay is not None:
            raise ExchangeError(
                f"node {name!r}: delays of synapses are not in NIR; delay all inputs or outputs by "
                f"snn_nodes.layer.Delay"
            )
        if module.dt is None:
            raise ExchangeError(f"node {name!r} has no dt; construct the Layer with dt=...")
        params, surrogate = _cut(module.params), module.threshold
        neuron = NeuronNode(module.neuron, dt=module.dt, params=params, threshold=surrogate)
        weight = _as_linear(module.weight)
        before, shape = self.write(weight, _joined(path, "weight"), before, shape)
        name, out = self._neuron(neuron, _joined(path, "neuron"), before, shape)
        if module.recurrent_weight is None:
            return name, out
        back = _as_linear(module.recurrent_weight)
        return self._fed_back(back, _joined(path, "recurrent_weight"), name, out)

    def _network(self, net: NirNetwork, path: str, before: str, shape: Shape) -> tuple[str, Shape]:
        """A graph's modules in their order; edges between the nodes that they are made of."""
        shapes, last = {net.entry: shape}, {net.entry: before}
        first: dict[str, list[str]] = {}
        for name in (name for group in net.plan.groups for name in group if name in net.places):
            came = next(shapes[a] for a, b in net.edges if b == name and a in shapes)
            mark = f"<{name}>"
            where = _joined(path, net.places[name])
            last[name], shapes[name] = self.write(net.module(name), where, mark, came)
            first[name] = [b for a, b in self.edges if a == mark]
            self.edges = [edge for edge in self.edges if edge[0] != mark]
        self.edges += [(last[a], one) for a, b in net.edges for one in first.get(b, ())]
        *others, end = (a for a, b in net.edges if b == net.exit)
        self.edges += [(last[a], EXIT) for a in others]
        return last[end], shapes[end]


_KINDS: dict[type[nn.Module] | tuple[type[nn.Module], ...], Any] = {
    NirNetwork: Pen._network,
    (CurrentFirst, MembraneFirst, StatefulNode): Pen._neuron,
    nn.Sequential: Pen._sequential,
    layer.Recurrent: Pen._recurrent,
    snn_core.Layer: Pen._layer,
}
"""What is made of several modules, and neurons; the first that fits."""


def _inner(
    net: NirSequential | NirNetwork, name: str, shape: Shape, setting: Setting
) -> nir.NIRGraph:
    """A graph within a graph."""
    own = setting._replace(report=setting.report.of_inner(name))
    with inside(name):
        return carried(graph_of(net, shape, own), net.source)


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _cut(params: Any) -> Any:
    return type(params)(*(p.detach() if isinstance(p, Tensor) else p for p in params))


def _as_linear(weight: nn.Parameter) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    linear.weight = nn.Parameter(weight.detach())
    return linear


def _say_shapes(node: Any, shape: Shape, out: Shape) -> None:
    """Write down the shapes, which nir would have to guess."""
    node.input_type = {"input": np.array(shape)}
    node.output_type = {"output": np.array(out)}
    if isinstance(node, nir.Conv1d):
        node.input_shape = shape[-1]
    elif isinstance(node, nir.Conv2d):
        node.input_shape = tuple(shape[-2:])


def _unknown(module: nn.Module, name: str) -> ExchangeError:
    kind = type(module).__name__
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        remedy = "fuse it into the layer before, after training (torch.nn.utils.fusion)"
    elif is_parametrized(module):
        remedy = "fix its weights by torch.nn.utils.parametrize.remove_parametrizations"
    elif isinstance(module, KINDS) or any(True for _ in module.children()):
        remedy = "a forward of one's own has no graph: build it of Sequential, or export its parts"
    else:
        remedy = f"those that have one are {', '.join(sorted({k.__name__ for k in LAYERS}))}"
    return ExchangeError(f"node {name!r}: {kind} has no counterpart in NIR; {remedy}")
