"""The records that travel between packages: Neuron, Backend, Problem, Output, and their parts.

Shape letters: T steps, B batch, N neurons (any trailing shape, written ``*N``). Units are SI.
Letters of the equations: v membrane, i synaptic current, w adaptation, z spikes, x input.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from snn_core.events import Events
    from snn_core.thresholds import Threshold

type_hints = typing.get_type_hints

Value = float | Tensor
"""A parameter: a number, a 0-d tensor, or a tensor that broadcasts to ``(*N,)``."""


@dataclasses.dataclass(frozen=True)
class Quantity:
    """What a parameter or a state variable is; it stands in the annotation of its field.

    ``snn show`` prints it, ``integrate`` checks it, and ``Layer`` learns the logarithm of one that
    must not be negative.

    Args:
        unit: SI.
        meaning: in a few words.
        positive, nonnegative: what values it may have.
        learnable: whether it has a gradient to learn by; ``Layer`` refuses to learn one without.
        euler: whether it is the time constant of an explicit Euler step, which overshoots if dt
            is longer; ``integrate`` then warns.

    >>> from snn_core.testing import TOY
    >>> quantities(TOY.Params)["v_th"].unit
    'V'
    """

    unit: str
    meaning: str = ""
    positive: bool = False
    nonnegative: bool = False
    learnable: bool = True
    euler: bool = False


@functools.cache
def quantities(record: type) -> dict[str, Quantity]:
    """The Quantity of each field of a Params or State type; fields without one are left out."""
    hints = type_hints(record, include_extras=True)
    found = {}
    for field, hint in hints.items():
        for note in getattr(hint, "__metadata__", ()):
            if isinstance(note, Quantity):
                found[field] = note
    return found


class Neuron(NamedTuple):
    """A neuron model: a small record of pure functions, nothing to inherit.

    Args:
        name: canonical name, as registered.
        Params: NamedTuple type of numbers and tensors, each with a default; each broadcasts
            to ``(*N,)``.
        State: NamedTuple type of tensors of shape ``(B, *N)``.
        initial_state: ``(params, shape, *, dtype, device) -> State`` for ``shape = (B, *N)``.
        step: ``(x, state, params, threshold, dt) -> (output, State)``, pure; a neuron that can
            take measurements has a last argument ``observed: Observed | None = None``.
        observes: the fields of ``Observed`` that its step takes; any other is refused.

    >>> import torch
    >>> from snn_core.testing import TOY
    >>> state = TOY.initial_state(TOY.Params(), (1, 2), dtype=torch.float32, device="cpu")
    >>> z, state = TOY.step(torch.tensor([[0.5, 2.0]]), state, TOY.Params(), torch.relu, dt=1e-3)
    >>> z, state.v
    (tensor([[0., 1.]]), tensor([[0.5000, 0.0000]]))
    """

    name: str
    Params: Any
    State: Any
    initial_state: Callable[..., Any]
    step: Callable[..., tuple[Tensor, Any]]
    observes: tuple[str, ...] = ()


class Observed(NamedTuple):
    """Measurements that replace what the model computes; ``None`` where nothing was measured.

    For ``integrate`` each is ``(T, B, *N)``, for one step ``(B, *N)``; without dt there is no
    grid, and ``z`` is ``Events``. The value is the measured one, the gradient the model's (see
    ``inject``).

    Args:
        v: membrane after integration, before the threshold; the software reset is then skipped.
        w: adaptation, after its update.
        z: emitted spikes, after threshold and refractory mask.

    >>> import torch
    >>> Observed(z=torch.ones(5, 1, 3)).v is None
    True
    """

    v: Tensor | None = None
    w: Tensor | None = None
    z: Tensor | Events | None = None


class RecurrentState(NamedTuple):
    """The state of a recurrent layer: its neurons' State and their last output ``(B, *N)``.

    >>> import torch, snn_core as snn
    >>> from snn_core.testing import TOY
    >>> weight = torch.zeros(3, 3)
    >>> out = snn.integrate(TOY, torch.ones(5, 2, 3), recurrent_weight=weight, dt=1e-3)
    >>> out.state.neuron.v.shape, out.state.output.shape
    (torch.Size([2, 3]), torch.Size([2, 3]))
    """

    neuron: Any
    output: Tensor


def detached(state: Any) -> Any:
    """A State or RecurrentState cut from the graph that led to it, as for truncated BPTT.

    >>> import torch
    >>> from snn_core.testing import TOY
    >>> state = TOY.State(torch.ones(1, 1, requires_grad=True) * 2)
    >>> detached(state).v.requires_grad
    False
    """
    if isinstance(state, Tensor):
        return state.detach()
    return type(state)(*map(detached, state))


class Output(NamedTuple):
    """What ``integrate`` returns.

    Args:
        output: ``(T, B, *N)``; spikes of a firing neuron, the membrane of a leaky integrator.
            ``Events`` from event-driven backends.
        state: the state after the last step, to be passed on as ``state=``.
        traces: the neuron's State type with fields ``(T, B, *N)``; None where not recorded.
        observed: what a backend that measures has measured; None from one that computes.

    >>> import torch, snn_core as snn
    >>> from snn_core.testing import TOY
    >>> out = snn.integrate(TOY, torch.ones(5, 2, 3), dt=1e-3, record=("v",))
    >>> out.output.shape, out.state.v.shape, out.traces.v.shape
    (torch.Size([5, 2, 3]), torch.Size([2, 3]), torch.Size([5, 2, 3]))
    """

    output: Any
    state: Any
    traces: Any
    observed: Any = None


class Problem(NamedTuple):
    """One checked call of ``integrate``: everything that a backend needs to run a layer.

    Args:
        neuron: the resolved record.
        x: dense ``(T, B, *N)`` (``(T, B, N_in)`` if there is a weight), or ``Events``.
        params: the neuron's Params, complete.
        state: State, or RecurrentState with a recurrent weight; complete.
        dt: step in seconds; None for event-driven backends.
        weight: ``(N_out, N_in)`` or None.
        recurrent_weight: ``(N_out, N_out)`` or None.
        threshold: resolved record.
        record: names of State fields to return as traces.
        observed: traces ``(T, B, *N)``, z as ``Events`` where dt is None; or None.
        delay: seconds, as the user gave them: None, a number, or a tensor that broadcasts to the
            weight.
        recurrent_delay: the same for the recurrent weight.
    """

    neuron: Neuron
    x: Tensor | Events
    params: Any
    state: Any
    dt: float | None
    weight: Tensor | None
    recurrent_weight: Tensor | None
    threshold: Threshold
    record: tuple[str, ...]
    observed: Observed | None
    delay: Value | None = None
    recurrent_delay: Value | None = None


class Backend(NamedTuple):
    """A way to run one layer over time, projections and gradients included.

    Args:
        name: canonical name, as registered.
        rank: ``auto`` tries the highest first; None means only by name.
        supports: ``(Problem) -> None`` if it can run the problem, else the reason why not.
        run: ``(Problem) -> Output``.
        devices: where it runs, such as ``("cpu",)``; ``auto`` does not ask it elsewhere. None for
            every device.
        delays: whether it has synaptic delays; one without is not asked to run them.

    >>> import torch, snn_core as snn
    >>> from snn_core.testing import TOY
    >>> eager = snn.backend("eager")
    >>> mine = Backend("mine", None, lambda problem: "it is not finished", eager.run)
    >>> snn.integrate(TOY, torch.ones(5, 2, 3), dt=1e-3, backend=mine)
    Traceback (most recent call last):
    snn_core.errors.Unsupported: backend 'mine' cannot run this: it is not finished
    """

    name: str
    rank: int | None
    supports: Callable[[Problem], str | None]
    run: Callable[[Problem], Output]
    devices: tuple[str, ...] | None = None
    delays: bool = False


@typing.runtime_checkable
class AsBackend(Protocol):
    """Something that runs layers and is more than that, such as a chip; taken where a Backend is.

    >>> import torch, snn_core as snn
    >>> from snn_core.testing import TOY
    >>> class Device:
    ...     def as_backend(self):
    ...         return snn.backend("eager")._replace(name="device")
    >>> snn.integrate(TOY, torch.ones(5, 2, 3), dt=1e-3, backend=Device()).output.shape
    torch.Size([5, 2, 3])
    """

    def as_backend(self) -> Backend:
        """The backend that it is."""
        ...
