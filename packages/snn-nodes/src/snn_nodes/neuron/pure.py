"""form_of: a node with methods that change it, as a pure step function for ``integrate``.

The methods run on a stand-in: an object of the node's class that has the state and the parameters
of one step in the place of the node's own. What they leave there is the next state. So a subclass
writes ``self.v = ...`` and is traced, compiled and differentiated like any neuron.

Numbers and tensors among the attributes are parameters: a kernel serves every value of them. Flags
and the like decide what the step does: nodes that have the same share one record, so that a network
of a hundred is traced once. A node that changes anything but its state is not pure; it runs step by
step.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import snn_core as snn
import torch
from snn_core.types import Neuron
from torch import Tensor, nn

from snn_nodes.memory import MemoryModule
from snn_nodes.neuron.form import Form
from snn_nodes.neuron.stateful import StatefulNode
from snn_nodes.spikes import dense
from snn_nodes.surrogate import Surrogate

_DT = 1.0  # such nodes count in steps

OF_A_RUN = (
    frozenset(vars(nn.Module())) - {"training"}
    | {"_memories", "_reset_values", "_step_mode", "_n_steps", "parallel_optim", "spike_out"}
    | {"_backend", "_backends", "_on_new_shape", "_warned", "_place", "_purely", "_neuron", "_make"}
    | {"_is_torch_compile", "_compiled_call_impl"}  # torch.compile(node), node.compile()
)
"""Attributes that say how a node is run, not what a step does."""


class Impure(Exception):
    """The methods of a node change more than its state."""


class Shape(NamedTuple):
    """What of a node decides what its step does; hashable.

    Args:
        kind: its class.
        states: names of its state variables.
        values: names of its parameters.
        fixed: its other attributes.
        modules: its submodules by name; for the surrogate True if the threshold stands in for it.
    """

    kind: type[StatefulNode]
    states: tuple[str, ...]
    values: tuple[str, ...]
    fixed: tuple[tuple[str, Any], ...]
    modules: tuple[tuple[str, Any], ...]


def neuron_of(node: StatefulNode) -> Neuron | None:
    """The neuron that the node's methods are, whatever its values; None if they cannot be one."""
    shape = _shape(node, tuple(_values(node)))
    return None if shape is None else _neuron(shape)


def make_of(node: StatefulNode) -> tuple[Any, ...]:
    """What may change of a node without a word to it: its values' names, modules, its surrogate."""
    spiking = getattr(node.surrogate_function, "spiking", None)
    return tuple(_values(node)), tuple(node._modules), spiking


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
    values, surrogate = _values(node), node.surrogate_function
    threshold = surrogate.threshold if isinstance(surrogate, Surrogate) else _UNUSED
    form = Form(neuron, neuron.Params(*values.values()), threshold, _DT)
    if node._purely is None:
        node._purely = _is_pure(node, form, x)
    return form if node._purely else None


def _is_pure(node: StatefulNode, form: Form, x: Tensor) -> bool:
    """Whether a step changes nothing but its state: it is tried."""
    # on copies: a step that changes them in place is not pure either
    state = _copied(form.neuron.State(*node._initial_state(x).values()))
    params = _copied(form.params)
    try:
        with torch.no_grad():
            form.neuron.step(x, state, params, form.threshold, form.dt)
    except Impure:
        return False
    if torch.compiler.is_compiling():
        return True  # versions cannot be read there
    return not any(isinstance(one, Tensor) and one._version for one in (*state, *params))


def _copied(record: Any) -> Any:
    return type(record)(*(one.clone() if isinstance(one, Tensor) else one for one in record))


_UNUSED = snn.threshold("heaviside")


def _values(node: StatefulNode) -> dict[str, Any]:
    """The numbers and tensors of a node: its parameters."""
    plain = {
        name: value
        for name, value in node.__dict__.items()
        if name not in OF_A_RUN and isinstance(value, float | Tensor)
    }
    owned = {**node._parameters, **node._buffers}
    return plain | {name: value for name, value in owned.items() if value is not None}


def _shape(node: StatefulNode, values: tuple[str, ...]) -> Shape | None:
    fixed = tuple(
        (name, value)
        for name, value in node.__dict__.items()
        if name not in OF_A_RUN and name not in values
    )
    if any(callable(getattr(type(node), name, None)) for name, _ in fixed):
        return None  # a method replaced on the node itself: it would change the node, no stand-in
    if any(_holds_tensors(child) for child in node.children()):
        return None
    empty = tuple((name, None) for name, value in node._parameters.items() if value is None)
    modules = tuple((name, _stands_in(name, module)) for name, module in node._modules.items())
    shape = Shape(type(node), node._state_names(), values, fixed + empty, modules)
    try:
        hash(shape)
    except TypeError:
        return None
    return shape


def _holds_tensors(child: nn.Module) -> bool:
    """Whether it has a state, which a step may change, or weights: a kernel cannot hold those."""
    return any(
        one._parameters or one._buffers or isinstance(one, MemoryModule) for one in child.modules()
    )


def _state(node: StatefulNode) -> list[Any]:
    """Its state; v counts as there, which starts at v_reset where that is a tensor."""
    known = {"v": 0.0} if node._memories["v"] is None else {}
    return [known.get(name, node._memories[name]) for name in node._state_names()]


def _stands_in(name: str, module: Any) -> Any:
    is_surrogate = name == "surrogate_function" and isinstance(module, Surrogate)
    return True if is_surrogate and module.spiking else module


@functools.lru_cache(maxsize=256)
def _neuron(shape: Shape) -> Neuron:
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


def _blank(shape: Shape) -> StatefulNode:
    """A node of this shape without values; what is the same at every step."""
    node = object.__new__(shape.kind)
    node.__dict__.update(
        _parameters={}, _buffers={}, _modules={}, _non_persistent_buffers_set=set()
    )
    node.__dict__.update(shape.fixed)
    node.__dict__.update(spike_out=False, parallel_optim=False)
    return node


def _stand_in(
    blank: StatefulNode,
    shape: Shape,
    state: Any,
    params: Any,
    threshold: Callable[[Tensor], Tensor],
) -> StatefulNode:
    node = object.__new__(shape.kind)
    node.__dict__.update(blank.__dict__)
    for name, module in shape.modules:
        node.__dict__[name] = threshold if module is True else module
    node.__dict__.update(zip(shape.values, params, strict=True))
    node.__dict__["_memories"] = dict(zip(shape.states, state, strict=True))
    return node


def _check_pure(node: StatefulNode, before: dict[str, Any], shape: Shape) -> None:
    after = node.__dict__
    same = before.keys() == after.keys() and all(after[k] is before[k] for k in before)
    if not same or tuple(node._memories) != shape.states:
        raise Impure(shape.kind.__name__)
