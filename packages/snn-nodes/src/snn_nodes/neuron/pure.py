"""form_of: a node with methods that change it, as a pure step function for ``integrate``.

The methods run on a stand-in: an object of the node's class that has the state and the parameters
of one step in the place of the node's own. What they leave there is the next state. So a subclass
writes ``self.v = ...`` and is traced, compiled and differentiated like any neuron.

Numbers and tensors among the attributes are parameters: a kernel serves every value of them. Flags
and the like decide what the step does: nodes that have the same share one record, so that a network
of a hundred is traced once. A node that holds what may change without a sign (``freezing``), or
that changes anything but its state, runs step by step. What a step reads from outside of the node,
such as a global, is taken as it was when the step was traced.
"""

from __future__ import annotations

import collections
import contextlib
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from snn_core.thresholds import HEAVISIDE
from snn_core.types import Neuron
from torch import Tensor, nn

from snn_nodes.memory import MemoryModule
from snn_nodes.neuron.form import Form
from snn_nodes.neuron.freezing import Held, NotPlain, frozen, has_hooks, of_class
from snn_nodes.neuron.stateful import StatefulNode
from snn_nodes.spikes import dense
from snn_nodes.surrogate import Surrogate

_DT = 1.0  # such nodes count in steps

_OF_TORCH = {*vars(nn.Module()), "_is_torch_compile", "_compiled_call_impl"} - {"training"}
_OF_STATE = {"_memories", "_reset_values", "_warned", "_last", "_place", "_on_new_shape"}
_SETTINGS = {"_step_mode", "_n_steps", "_backend", "_backends", "parallel_optim", "spike_out"}
_WORKED_OUT = {"_purely", "_neuron", "_make", "_contents"}

OF_A_RUN = frozenset(_OF_TORCH | _OF_STATE | _SETTINGS | _WORKED_OUT)
"""Attributes that say how a node is run, not what a step does."""


class Impure(Exception):
    """The methods of a node change more than its state."""


class Blueprint(NamedTuple):
    """What of a node decides what its step does; hashable.

    Args:
        kind: its class.
        states: names of its state variables.
        values: names of its parameters.
        fixed: its other attributes.
        of_class: numbers and the like of its class.
        modules: its submodules by name; for the surrogate True if the threshold stands in for it.
    """

    kind: type[StatefulNode]
    states: tuple[str, ...]
    values: tuple[str, ...]
    fixed: tuple[tuple[str, Any], ...]
    of_class: tuple[Any, ...]
    modules: tuple[tuple[str, Any], ...]


def neuron_of(node: StatefulNode) -> Neuron | None:
    """The neuron that the node's methods are, whatever its values; None if they cannot be one."""
    shape = _shape(node, tuple(values_of(node)))
    return None if shape is None else _neuron(shape)


def make_of(node: StatefulNode) -> tuple[Any, ...]:
    """What may change of a node without a word to it: its values' names, modules, its surrogate."""
    return tuple(values_of(node)), tuple(node._modules), _stands_in(node.surrogate_function)


def contents_of(node: StatefulNode) -> Blueprint | None:
    """The same, and what is in its modules and its class; None where those are of this package."""
    known = is_ours(node) and _stands_in(node.surrogate_function)
    return None if known else _shape(node, tuple(values_of(node)))


def is_ours(node: StatefulNode) -> bool:
    """Whether its class is of this package: then it is known that a step is pure."""
    return type(node).__module__.startswith(__package__)


def form_of(node: StatefulNode, neuron: Neuron, x: Tensor) -> Form | None:
    """The node as its neuron with its values as they stand now; None if it cannot be one.

    Args:
        node: whose methods are the step.
        neuron: ``neuron_of`` it.
        x: an input of one step ``(B, *N)``: a class that is new is tried on it.
    """
    if not all(isinstance(value, float | Tensor) for value in _state(node)):
        return None
    values, surrogate = values_of(node), node.surrogate_function
    if not is_ours(node) and not all(_broadcasts(value, x) for value in values.values()):
        return None  # a matrix, say, by which a step of one's own multiplies
    threshold = surrogate.threshold if _stands_in(surrogate) else HEAVISIDE  # not asked for
    form = Form(neuron, neuron.Params(*values.values()), threshold, _DT)
    if node._purely is None:
        node._purely = _is_pure(node, form, x)
    return form if node._purely else None


def _broadcasts(value: Any, x: Tensor) -> bool:
    """Whether a parameter is one for each neuron of a step x ``(B, *N)``, or one for all."""
    if not isinstance(value, Tensor):
        return True
    pairs = zip(reversed(value.shape), reversed(x.shape[1:]), strict=False)
    return value.ndim < max(x.ndim, 2) and all(n in (1, m) for n, m in pairs)


def _is_pure(node: StatefulNode, form: Form, x: Tensor) -> bool:
    """Whether a step changes nothing but its state: it is tried."""
    # on copies: a step that changes them in place is not pure either
    state = _copied(form.neuron.State(*node._initial_state(x).values()))
    params = _copied(form.params)
    # the trial must not be seen in random numbers either
    compiling = torch.compiler.is_compiling()
    numbers = contextlib.nullcontext() if compiling else torch.random.fork_rng(devices=[])
    try:
        with torch.no_grad(), numbers:
            form.neuron.step(x, state, params, form.threshold, form.dt)
    except Impure:
        return False
    if compiling:
        return True  # versions cannot be read there
    return not any(isinstance(one, Tensor) and one._version for one in (*state, *params))


def _copied(record: Any) -> Any:
    return type(record)(*(one.clone() if isinstance(one, Tensor) else one for one in record))


def values_of(node: StatefulNode) -> dict[str, Any]:
    """The numbers and tensors of a node: its parameters."""
    plain = {
        name: value
        for name, value in node.__dict__.items()
        if name not in OF_A_RUN and isinstance(value, float | Tensor)
    }
    owned = {**node._parameters, **node._buffers}
    return plain | {name: value for name, value in owned.items() if value is not None}


def _shape(node: StatefulNode, values: tuple[str, ...]) -> Blueprint | None:
    """What decides the step of a node; None if that may change without a sign."""
    fixed = tuple(
        (name, value)
        for name, value in node.__dict__.items()
        if name not in OF_A_RUN and name not in values
    )
    if any(callable(getattr(type(node), name, None)) for name, _ in fixed):
        return None  # a method replaced on the node itself: it would change the node, no stand-in
    if any(map(_holds_tensors, node.children())):
        return None
    empty = tuple((name, None) for name, value in node._parameters.items() if value is None)
    try:
        frozen(tuple(value for _, value in fixed))
        modules = tuple((name, _kept(name, one)) for name, one in node._modules.items())
    except NotPlain:
        return None
    kind = type(node)
    numbers = () if is_ours(node) else of_class(kind, StatefulNode)
    return Blueprint(kind, node._state_names(), values, fixed + empty, numbers, modules)


def _kept(name: str, module: Any) -> Any:
    return (name == "surrogate_function" and _stands_in(module)) or Held(module)


def _stands_in(surrogate: Any) -> bool:
    """Whether a threshold does all that a surrogate does."""
    ours = isinstance(surrogate, Surrogate) and type(surrogate).forward is Surrogate.forward
    return ours and surrogate.spiking and not has_hooks(surrogate)


def _holds_tensors(child: nn.Module) -> bool:
    """Whether it has a state, which a step may change, or weights: a kernel cannot hold those."""
    return any(
        one._parameters or one._buffers or isinstance(one, MemoryModule) for one in child.modules()
    )


def _state(node: StatefulNode) -> list[Any]:
    """Its state; v counts as there, which starts at v_reset where that is a tensor."""
    known = {"v": 0.0} if node._memories["v"] is None else {}
    return [known.get(name, node._memories[name]) for name in node._state_names()]


@functools.lru_cache(maxsize=256)
def _neuron(shape: Blueprint) -> Neuron:
    Params = _record("Params", [_field(name) for name in shape.values])
    State = _record("State", list(shape.states))
    blank = _blank(shape)

    def step(
        x: Tensor, state: Any, params: Any, threshold: Callable[[Tensor], Tensor], dt: float
    ) -> tuple[Tensor, Any]:
        node = _stand_in(blank, shape, state, params, threshold)
        before = dict(node.__dict__)
        output = dense(node.simple_forward(x))
        _check_pure(node, before, shape)
        return output, State(*(node._memories[name] for name in shape.states))

    return Neuron(shape.kind.__name__, Params, State, _no_start, step)


def _record(name: str, fields: list[str]) -> Any:
    """A NamedTuple type whose fields are known now only."""
    return collections.namedtuple(name, fields)


def _no_start(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError("a node starts from its memories")


def _field(name: str) -> str:
    """A name that a NamedTuple may have."""
    return f"own{name}" if name.startswith("_") else name


def _blank(shape: Blueprint) -> StatefulNode:
    """A node of this shape without values; what is the same at every step."""
    node = object.__new__(shape.kind)
    node.__dict__.update(
        _parameters={}, _buffers={}, _modules={}, _non_persistent_buffers_set=set()
    )
    node.__dict__.update(shape.fixed)
    held = ((name, module) for name, module in shape.modules if module is not True)
    node.__dict__.update((name, module.copied()) for name, module in held)
    node.__dict__.update(spike_out=False, parallel_optim=False)
    return node


def _stand_in(
    blank: StatefulNode,
    shape: Blueprint,
    state: Any,
    params: Any,
    threshold: Callable[[Tensor], Tensor],
) -> StatefulNode:
    node = object.__new__(shape.kind)
    node.__dict__.update(blank.__dict__)
    for name, module in shape.modules:
        if module is True:
            node.__dict__[name] = threshold
    node.__dict__.update(zip(shape.values, params, strict=True))
    node.__dict__["_memories"] = dict(zip(shape.states, state, strict=True))
    return node


def _check_pure(node: StatefulNode, before: dict[str, Any], shape: Blueprint) -> None:
    after = node.__dict__
    same = before.keys() == after.keys() and all(after[k] is before[k] for k in before)
    if not same or tuple(node._memories) != shape.states:
        raise Impure(shape.kind.__name__)
