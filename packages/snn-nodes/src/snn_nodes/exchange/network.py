"""NirSequential and NirNetwork: what a graph becomes, a chain or any other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import nir
import torch
from torch import Tensor, nn

from snn_nodes.batch_bound import BatchBound
from snn_nodes.exchange.graph import Edge, Schedule, schedule
from snn_nodes.exchange.shapes import Shape
from snn_nodes.layer import Sequential
from snn_nodes.layer.admission import knows_time
from snn_nodes.layer.time_first import check_rank
from snn_nodes.memory import MemoryContainer
from snn_nodes.naming import name_places
from snn_nodes.stepping import Stepping, merged

_BATCH = "_batch"
"""The memory of the batch that the feedback belongs to: zeros like one step of its input."""


class Source(NamedTuple):
    """Where a network came from, so that it is written as it was where nothing has changed.

    Args:
        graph: a copy of the graph.
        names: the name of the node that each module (by its place) was; ``'<input>'`` and
            ``'<output>'`` for those.
        dtype: what the network's values were rounded to.
    """

    graph: nir.NIRGraph
    names: dict[str, str]
    dtype: torch.dtype


class NirSequential(Sequential):
    """A chain of nodes, read from a graph: a ``Sequential`` that knows its ``source``."""

    source: Source | None = None


class NirNetwork(MemoryContainer, BatchBound, Stepping):
    """A graph of modules: sums where several lead to one, feedback one step late.

    A step runs the modules in the order of ``plan``. What a late edge carries is the value of the
    step before; before the first step, all spikes and inputs were 0 (so that a bias on the way back
    counts from the first step on). Modules that are in no cycle run over all steps at once.

    Args:
        modules: by the names of the nodes, without the input and the output.
        edges: pairs of names, from and to; they may name ``entry`` and ``exit``.
        entry, exit: names of the input and the output.
        shapes: of what each node puts out, one sample at one step; for those in cycles.
        stateful: names of modules with a state; each cycle needs one.
        step_mode: ``'m'``: ``(T, B, *N)``; ``'s'``: ``(B, *N)``.

    Attributes:
        plan: the order.
        source: the graph it came from, or None.
        on_new_shape: what it does with feedback of another batch (its shape, dtype or device):
            ``'restart'``, all inside of it too, with one warning; or ``'raise'``.

    Raises:
        ExchangeError: a cycle without a state.

    >>> from snn_nodes.neuron import IFNode
    >>> back = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.ones_(back.weight)
    >>> edges = [("in", "if"), ("if", "back"), ("back", "if"), ("if", "out")]
    >>> modules, shapes = {"if": IFNode(), "back": back}, {"if": (1,)}
    >>> net = NirNetwork(modules, edges, "in", "out", shapes, stateful={"if"})
    >>> net(torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)).flatten().tolist()
    [1.0, 1.0, 1.0]
    """

    source: Source | None = None

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        edges: Sequence[Edge],
        entry: str,
        exit: str,
        shapes: Mapping[str, Shape],
        stateful: Collection[str],
        *,
        step_mode: str = "m",
    ) -> None:
        super().__init__()
        self.entry, self.exit = entry, exit
        self.edges, self.shapes = list(edges), dict(shapes)
        self.stateful = frozenset(stateful)
        nodes = [entry, *modules, exit]
        self.plan: Schedule = schedule(nodes, self.edges, [entry], self.stateful)
        self.places: dict[str, str] = {}
        for name, module in modules.items():
            self.places[name] = free_name(self, name.replace(".", "_"))
            self.add_module(self.places[name], module)
        self._before = _by_target(self.edges)
        late = {b for _, b in self.plan.late}
        looping = (group for group in self.plan.groups if late & set(group))
        self._cyclic = frozenset(name for group in looping for name in group)
        self._late = {a: f"late_{self.places[a]}" for a, _ in sorted(self.plan.late)}
        for memory in self._late.values():
            self.register_memory(memory, None)
        if self._late:
            self.register_memory(_BATCH, None)
        name_places(self)
        self.step_mode = step_mode

    def module(self, name: str) -> nn.Module:
        """The module of a node."""
        return self.get_submodule(self.places[name])

    def forward(self, x: Tensor) -> Tensor:
        """``(T, B, *N)`` to ``(T, B, *N_out)``; in step mode ``'s'`` without T.

        Raises:
            TypeError: x is no tensor.
            ValueError: it has too few axes; or, with ``on_new_shape='raise'``, it is another batch
                than the one whose feedback is remembered.
        """
        check_rank(self, x, ("B, *",))
        x_seq = x if self.step_mode == "m" else x.unsqueeze(0)
        self._arrange()
        self._settle(x_seq[0])
        known: dict[str, Tensor] = {self.entry: x_seq}
        for group in self.plan.groups:
            if group[0] in self._cyclic:
                self._run_cycle(group, known)
            elif group[0] != self.entry:
                (name,) = group
                known[name] = self._run(name, _sum([known[a] for a in self._before[name]]))
        self._belongs_to(x_seq[0])
        y = known[self.exit]
        return y if self.step_mode == "m" else y.squeeze(0)

    def _arrange(self) -> None:
        """Modules in cycles take one step at a time, the others all steps."""
        for name in self.places:
            mode = "s" if name in self._cyclic else "m"
            for module in self.module(name).modules():
                if isinstance(module, Stepping) and module.step_mode != mode:
                    module.step_mode = mode

    def _settle(self, one: Tensor) -> None:
        """Start anew if the feedback belongs to another batch."""
        if not self._late:
            return
        held: Tensor | None = self._memories[_BATCH]
        if held is not None and not self._fits(held, one.shape, one):
            self._start_anew("batch", held, one.shape, one)

    def _belongs_to(self, one: Tensor) -> None:
        """Remember which batch the feedback is of; its own shape and dtype need not be x's."""
        if self._late:
            zero = torch.zeros((), dtype=one.dtype, device=one.device)
            self._memories[_BATCH] = zero.expand(one.shape)  # one number, whatever the batch

    def _run(self, name: str, x: Tensor) -> Tensor:
        if name == self.exit:
            return x
        module = self.module(name)
        over_time = name in self._cyclic or knows_time(module)
        y: Tensor = module(x) if over_time else merged(module, x)
        return y

    def _run_cycle(self, group: tuple[str, ...], known: dict[str, Tensor]) -> None:
        """All steps of the nodes of a cycle; what they put out goes to ``known``."""
        steps = known[self.entry].unbind(0)
        sources = sorted({a for a, b in self.plan.late if b in group})
        before = {source: self._fed_back(source, steps[0]) for source in sources}
        outside = {a for name in group for a in self._before[name]} - set(group)
        rows: dict[str, list[Tensor]] = {name: [] for name in group}
        for t in range(len(steps)):
            now = {source: known[source][t] for source in outside}
            for name in group:
                now[name] = self._run(name, self._step_input(name, now, before))
                rows[name].append(now[name])
            before = {source: now[source] for source in sources}
        for source, value in before.items():
            self._memories[self._late[source]] = value
        known |= {name: torch.stack(values) for name, values in rows.items()}

    def _step_input(
        self, name: str, now: Mapping[str, Tensor], before: Mapping[str, Tensor]
    ) -> Tensor:
        late = self.plan.late
        return _sum([before[a] if (a, name) in late else now[a] for a in self._before[name]])

    def _fed_back(self, source: str, like: Tensor) -> Tensor:
        """What a late edge carries at the first step of a call."""
        held: Tensor | None = self._memories[self._late[source]]
        return self._quiet(source, like) if held is None else held

    def _quiet(self, name: str, like: Tensor) -> Tensor:
        """What a node puts out when nothing has ever come in."""
        if name in self.stateful or name == self.entry:
            return like.new_zeros(len(like), *self.shapes[name])
        x = _sum([self._quiet(before, like) for before in self._before[name]])
        return self._run(name, x) if name in self._cyclic else self._run(name, x[None]).squeeze(0)

    def extra_repr(self) -> str:
        """Its size and the late edges."""
        late = ", ".join(f"{a} -> {b}" for a, b in sorted(self.plan.late)) or "none"
        return f"{len(self.places)} nodes, {len(self.edges)} edges, late: {late}"


def _by_target(edges: Sequence[Edge]) -> dict[str, list[str]]:
    before: dict[str, list[str]] = {}
    for a, b in edges:
        before.setdefault(b, []).append(a)
    return before


def _sum(values: Sequence[Tensor]) -> Tensor:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def free_name(module: nn.Module, name: str) -> str:
    """A name like this one that a submodule can have: no attribute and no other one has it."""
    taken = {*dir(module), *module._modules}
    while name in taken or not name:
        name += "_"
    return name
