"""BaseNode: charge, fire, reset, as methods that a subclass may override."""

from __future__ import annotations

from typing import Any, cast

import torch
from snn_core.types import AsBackend, Backend, Value
from torch import Tensor, nn

from snn_nodes.naming import label
from snn_nodes.neuron import equations
from snn_nodes.neuron.form import Form
from snn_nodes.neuron.pure import (
    OF_A_RUN,
    contents_of,
    form_of,
    is_ours,
    make_of,
    neuron_of,
)
from snn_nodes.neuron.run_settings import V_SEQ, check_flags
from snn_nodes.neuron.stateful import StatefulNode
from snn_nodes.neuron.values import checked_value, shown
from snn_nodes.spikes import dense
from snn_nodes.surrogate import Sigmoid


class _Prepared(type):
    """Once a node is constructed, by whatever ``__init__``, what its methods are is worked out.

    So it is resolved at construction, and ``torch.compile`` finds it.
    """

    def __call__(cls, *args: Any, **settings: Any) -> Any:
        node = super().__call__(*args, **settings)
        node._prepare()
        return node


class BaseNode(StatefulNode, metaclass=_Prepared):
    """A neuron that is charged, fires at a threshold and is reset; what charges it is yours to say.

    A subclass overrides ``neuronal_dynamics(x)``, which changes ``self.v``. That is enough for it
    to run over time on the fastest backend installed: its methods are run once on the state of a
    step, and what they do becomes a pure step function (``integrate``). Numbers and tensors among
    its attributes are its parameters.

    Args:
        v_threshold: a number, or a tensor that broadcasts to ``(*N,)``; fires where
            ``v >= v_threshold``.
        v_reset: what v is set to by a spike; None takes ``v_threshold`` off instead (soft reset).
        surrogate_function: ``(v - v_threshold) -> spikes``; None for a ``Sigmoid(alpha=4.0)`` of
            its own.
        detach_reset: no gradient through the spike that resets.
        parallel_optim: a call takes all T steps with time and batch merged, ``(T * B, *N)``, time
            first.
        T: number of steps of such a call.
        spike_out: spikes come out as a ``SpikeTensor``.
        step_mode, store_v_seq, backend, on_new_shape: as for ``StatefulNode``.

    Attributes:
        v: the membrane: the number v_reset (0.0 if None) until the first call and after
            ``reset()``, then ``(B, *N)``; None in place of a number where v_reset is a tensor.

    Raises:
        ValueError, TypeError: at construction, for settings that cannot be.

    Source: the contract of SpikingJelly 0.0.0.0.14 and snngrow 1.0.0.

    >>> class Doubling(BaseNode):
    ...     def neuronal_dynamics(self, x):
    ...         self.v = self.v + 2 * x
    >>> node = Doubling(step_mode="m")
    >>> node(torch.full((4, 1, 1), 0.3)).flatten()
    tensor([0., 1., 0., 1.])
    """

    surrogate_function: Any
    v_threshold: Any
    v_reset: Any
    v: Any

    def __init__(
        self,
        v_threshold: Value = 1.0,
        v_reset: Value | None = 0.0,
        surrogate_function: Any = None,
        detach_reset: bool = False,
        parallel_optim: bool = False,
        T: int = 1,
        spike_out: bool = False,
        *,
        step_mode: str = "s",
        store_v_seq: bool = False,
        backend: str | Backend | AsBackend = "auto",
        on_new_shape: str = "restart",
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
        check_flags(detach_reset=detach_reset)
        is_object = callable(surrogate_function) and not isinstance(surrogate_function, type)
        if surrogate_function is not None and not is_object:
            raise TypeError(
                f"surrogate_function must be an object to call, such as Sigmoid(alpha=4.0), got "
                f"{surrogate_function!r}"
            )
        self.surrogate_function = Sigmoid() if surrogate_function is None else surrogate_function
        self.detach_reset = detach_reset
        self._purely: bool | None = None  # unknown until it has run over time
        self._set_value("v_threshold", v_threshold)
        if v_reset is None:
            self.v_reset = None
        else:
            self._set_value("v_reset", v_reset)
        if isinstance(v_reset, Tensor):
            self.register_memory("v", None)
        else:
            self.register_memory("v", 0.0 if v_reset is None else float(v_reset))

    def _set_value(self, name: str, value: Value) -> None:
        """A number as a float, a tensor as a buffer that moves with the node; or a Parameter."""
        value = checked_value(name, value)
        if isinstance(value, nn.Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Tensor):
            self.register_buffer(name, value.detach().clone())
        else:
            setattr(self, name, value)

    # The equations, by the reference's names.

    def neuronal_dynamics(self, x: Tensor) -> None:
        """Charge: change ``self.v`` by the input x ``(B, *N)``. A subclass says how."""
        raise NotImplementedError(
            f"{type(self).__name__} must override neuronal_dynamics(self, x), which changes self.v"
        )

    def neuronal_charge(self, x: Tensor) -> None:
        """The same as ``neuronal_dynamics``, by SpikingJelly's name; override either."""
        self.neuronal_dynamics(x)

    def neuronal_fire(self, x: Tensor | None = None) -> Tensor:
        """Spikes ``(B, *N)``: 1 where ``v >= v_threshold``. The input x is not used."""
        spikes: Tensor = self.surrogate_function(self.v - self.v_threshold)
        return spikes

    def neuronal_reset(self, spike: Tensor) -> None:
        """Reset ``self.v`` where it spiked: to v_reset, or by the threshold if that is None."""
        z = dense(spike)
        if self.detach_reset:
            z = z.detach()
        if self.v_reset is None:
            self.v = self.soft_reset(self.v, z, self.v_threshold, False)
        else:
            self.v = self.hard_reset(self.v, z, self.v_reset, False)

    @staticmethod
    def hard_reset(v: Tensor, spike: Tensor, v_reset: Value, spike_out: bool = False) -> Tensor:
        """v_reset where it spiked. ``spike_out`` is the reference's: both kinds of spikes will do.

        >>> BaseNode.hard_reset(torch.tensor([2.0, 0.5]), torch.tensor([1.0, 0.0]), 0.0)
        tensor([0.0000, 0.5000])
        """
        return equations.hard_reset(v, dense(spike), v_reset)

    @staticmethod
    def soft_reset(v: Tensor, spike: Tensor, v_threshold: Value, spike_out: bool = False) -> Tensor:
        """The threshold taken off where it spiked. ``spike_out`` is the reference's, as above.

        >>> BaseNode.soft_reset(torch.tensor([2.5, 0.5]), torch.tensor([1.0, 0.0]), 1.0)
        tensor([1.5000, 0.5000])
        """
        return equations.soft_reset(v, dense(spike), v_threshold)

    def v_float_to_tensor(self, x: Tensor) -> None:
        """Make v a tensor like x, if it is a number yet."""
        self.v = self._as_tensor("v", x)

    def simple_forward(self, x: Tensor) -> Tensor:
        """One step ``(B, *N)``: charge, fire, reset."""
        self.v_float_to_tensor(x)
        self.neuronal_charge(x)
        spike = self.neuronal_fire(x)
        self.neuronal_reset(spike)
        return spike

    def parallel_optim_forward(self, x_seq: Tensor) -> Tensor:
        """All T steps of ``(T * B, *N)``, time first; for a node with ``parallel_optim``.

        Raises:
            ValueError: it has another mode.
        """
        if not self.parallel_optim:
            raise ValueError(f"{label(self)} takes all steps by parallel_optim=True only; set it")
        output: Tensor = self(x_seq)
        return output

    # As a node of any kind.

    def _as_tensor(self, name: str, x: Tensor) -> Tensor:
        value = self._memories[name]
        if isinstance(value, Tensor):
            return value if value.shape == x.shape else torch.zeros_like(x) + value
        if value is None:  # starts at a v_reset that differs from neuron to neuron
            zeros = torch.zeros_like(x)
            return zeros + cast(Tensor, self.v_reset)
        return torch.full_like(x, value)

    def _state_names(self) -> tuple[str, ...]:
        return tuple(name for name in self._memories if name != V_SEQ)

    def _initial_state(self, x: Tensor) -> dict[str, Tensor]:
        return {name: self._as_tensor(name, x) for name in self._state_names()}

    def _step(self, x: Tensor) -> Tensor:
        spikes: Tensor = dense(self.simple_forward(x))
        return spikes

    def _prepare(self) -> None:
        """Work out what neuron its methods are; anew whenever a setting changes."""
        before = self.__dict__.get("_neuron")
        self.__dict__["_make"] = make_of(self)
        self.__dict__["_contents"] = contents_of(self)
        self.__dict__["_neuron"] = neuron_of(self)
        if self._neuron is not before or before is None:  # what was found out is of another one
            self.__dict__["_purely"] = True if is_ours(self) else None

    def _form(self, x: Tensor) -> Form | None:
        compiling = torch.compiler.is_compiling()  # which looks at attributes by itself
        if self._make != make_of(self) or (not compiling and self._contents != contents_of(self)):
            self._prepare()
        neuron = self._neuron
        return None if neuron is None else form_of(self, neuron, x)

    def register_memory(self, name: str, value: Any) -> None:
        """Add a memory; see ``MemoryModule``."""
        super().register_memory(name, value)
        if "_neuron" in self.__dict__:
            self._prepare()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        self._prepare_anew(name)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._prepare_anew(name)

    def _prepare_anew(self, name: str) -> None:
        prepared = "_neuron" in self.__dict__
        if prepared and name not in OF_A_RUN and name not in self._reset_values:
            self._prepare()

    def __getstate__(self) -> dict[str, Any]:
        return {
            k: value
            for k, value in super().__getstate__().items()
            if k not in ("_make", "_contents", "_neuron")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._prepare()

    def extra_repr(self) -> str:
        """Its settings, and what runs it over time."""
        values = {
            "v_threshold": self.v_threshold,
            "v_reset": self.v_reset,
            "detach_reset": self.detach_reset,
            "step_mode": self.step_mode,
        }
        if self.parallel_optim:
            values |= {"parallel_optim": True, "T": self.T}
        if self.spike_out:
            values["spike_out"] = True
        parts = [f"{name}={shown(value)}" for name, value in values.items()]
        return ", ".join(parts + list(filter(None, [self._runs_on()])))

    def _runs_on(self) -> str:
        # else its methods would be tried, only to print it
        known = self._neuron is None or self._purely is not None
        return super()._runs_on() if known else f"backend={self._backend}"
