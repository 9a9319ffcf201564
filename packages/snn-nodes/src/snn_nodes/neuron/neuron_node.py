"""NeuronNode: any registered neuron as a stateful node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from snn_core import checking, lookup
from snn_core.owning import Owner
from snn_core.thresholds import Threshold
from snn_core.types import AsBackend, Backend, Neuron, Value, quantities
from torch import Tensor

from snn_nodes.neuron.form import Form, posed, smallest
from snn_nodes.neuron.stateful import StatefulNode
from snn_nodes.neuron.values import shown


class NeuronNode(StatefulNode, Owner):
    """A layer of neurons of a registered model that keeps its state from call to call.

    Args:
        neuron: name or record; ``snn show NAME`` prints its equations.
        dt: step in seconds.
        params: the neuron's ``Params``, None for its defaults; numbers or tensors that broadcast
            to ``(*N,)``. Tensors become buffers.
        learn: names of parameters to learn, each from its value in ``params``: a number is learnt
            as one for all neurons, a tensor ``(*N,)`` as one each. What must not be negative, such
            as a time constant, is learnt through its logarithm.
        threshold: name or record, as for ``snn.integrate``.
        dtype, device: of what is learnt from a number.
        step_mode, parallel_optim, T, spike_out, store_v_seq, backend, on_new_shape: as for
            ``StatefulNode``.

    Attributes:
        neuron, threshold: the records.
        dt: step in seconds.
        learned, fixed: what is learnt, and the tensors that are not.

    The fields of the neuron's State are its memories: None until the first call and after
    ``reset()``, when the neuron starts from its initial state; then ``(B, *N)``.

    Raises:
        UnknownName, ValueError, TypeError: at construction, for whatever can be known then.

    >>> from snn_core.testing import TOY
    >>> node = NeuronNode(TOY, dt=1e-3, learn=("tau_mem",), step_mode="m")
    >>> node(torch.rand(10, 2, 3)).shape, node.v.shape
    (torch.Size([10, 2, 3]), torch.Size([2, 3]))
    >>> [name for name, _ in node.named_parameters()]
    ['learned.log_tau_mem']
    """

    def __init__(
        self,
        neuron: str | Neuron,
        *,
        dt: float,
        params: Any = None,
        learn: Sequence[str] = (),
        threshold: str | Threshold = "super_spike",
        step_mode: str = "s",
        parallel_optim: bool = False,
        T: int = 1,
        spike_out: bool = False,
        store_v_seq: bool = False,
        backend: str | Backend | AsBackend = "auto",
        on_new_shape: str = "restart",
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__(
            step_mode=step_mode,
            parallel_optim=parallel_optim,
            T=T,
            spike_out=spike_out,
            store_v_seq=store_v_seq,
            backend=backend,
            on_new_shape=on_new_shape,
        )
        if dt is None:
            raise TypeError("dt must be a number of seconds, got None; pass dt=1e-3")
        checking.check_step_size(dt)
        self.neuron = lookup.neuron(neuron)
        self.threshold = lookup.threshold(threshold)
        self.dt = dt
        self._own_params(params, checking.names_of("learn", learn), dtype, device)
        for name in self.neuron.State._fields:
            self.register_memory(name, None)
        self._check()

    def _own_params(
        self,
        params: Any,
        learn: tuple[str, ...],
        dtype: torch.dtype | None,
        device: torch.device | str | None,
    ) -> None:
        params = self.neuron.Params() if params is None else params
        checking.check_params_type(self.neuron, params)
        for name in sorted(set(learn) - set(params._fields)):
            raise ValueError(
                f"cannot learn {name!r}: parameters of neuron {self.neuron.name!r} are "
                f"{', '.join(params._fields)}"
            )
        whose, known = f"neuron {self.neuron.name!r}", quantities(self.neuron.Params)
        like = torch.zeros((), dtype=dtype, device=device)
        self._own(whose, params._asdict(), known, learn, like)

    def _check(self) -> None:
        """Wrong parameters show at construction: for the smallest layer that they fit."""
        form = self._form(torch.zeros(1, 1))
        posed(form, smallest(form), None)

    def params(self) -> Any:
        """The neuron's Params as they stand now, learnt ones in their own units.

        >>> from snn_core.testing import TOY
        >>> round(NeuronNode(TOY, dt=1e-3, learn=("tau_mem",)).params().tau_mem.item(), 6)
        0.01
        """
        return self.neuron.Params(*map(self._value, self.neuron.Params._fields))

    def _state_names(self) -> tuple[str, ...]:
        names: tuple[str, ...] = self.neuron.State._fields
        return names

    def _initial_state(self, x: Tensor) -> dict[str, Tensor]:
        start = self.neuron.initial_state(
            self.params(), tuple(x.shape), dtype=x.dtype, device=x.device
        )
        return {
            name: value if self._memories[name] is None else self._memories[name]
            for name, value in start._asdict().items()
        }

    def _step(self, x: Tensor) -> Tensor:
        state = self.neuron.State(**self._initial_state(x))
        output, state = self.neuron.step(x, state, self.params(), self.threshold, self.dt)
        self._memories.update(state._asdict())
        return output

    def _form(self, x: Tensor) -> Form:
        return Form(self.neuron, self.params(), self.threshold, self.dt)

    def extra_repr(self) -> str:
        """The model, its threshold, its values."""
        learnt = [name for name in self.neuron.Params._fields if self._learns(name)]
        parts = [
            f"neuron={self.neuron.name}, dt={self.dt:g}",
            f"threshold={self.threshold.name}(alpha={self.threshold.alpha:g})",
            *(f"{name}={shown(value)}" for name, value in _detached(self.params()).items()),
            f"step_mode={self.step_mode!r}",
            *filter(None, [self._runs_on()]),
        ]
        return ", ".join(parts + ([f"learn={','.join(learnt)}"] if learnt else []))


def _detached(params: Any) -> dict[str, Value]:
    values = params._asdict().items()
    return {name: v.detach() if isinstance(v, Tensor) else v for name, v in values}


def node(neuron: str | Neuron, *, dt: float, **settings: Any) -> NeuronNode:
    """A stateful node of any registered neuron; settings as for ``NeuronNode``.

    >>> from snn_core.testing import TOY
    >>> node(TOY, dt=1e-3).neuron.name
    'toy'
    """
    check_settings(neuron, settings)
    return NeuronNode(neuron, dt=dt, **settings)


def check_settings(neuron: str | Neuron, settings: dict[str, Any]) -> None:
    """A parameter of the neuron among the settings belongs into ``params``.

    Raises:
        TypeError: there is one.
    """
    name = neuron if isinstance(neuron, str) else neuron.name
    for field in lookup.neuron(neuron).Params._fields:
        if field in settings:
            raise TypeError(
                f"{field} is a parameter of neuron {name!r}: pass "
                f"params=snn.neuron({name!r}).Params({field}={settings[field]!r})"
            )
