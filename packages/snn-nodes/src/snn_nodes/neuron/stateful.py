"""StatefulNode: what every node does, whatever its equations: modes, batches, running over time.

A node says what it is by ``_form`` (a neuron for ``integrate``, with its values as they stand now)
and by ``_initial_state``; how a run goes through time, what happens to a state that belongs to
another batch, and variable lengths are here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from snn_core.choosing import candidates, choose
from snn_core.types import AsBackend, Backend, Output
from torch import Tensor

from snn_nodes.batch_bound import BatchBound
from snn_nodes.naming import label
from snn_nodes.neuron.boundary import bounded
from snn_nodes.neuron.form import Form, chosen, posed
from snn_nodes.neuron.lengths import check_lengths, ends_of, kept_until
from snn_nodes.spikes import SpikeTensor, dense
from snn_nodes.stepping import Stepping, TakesLengths

V_SEQ = "v_seq"


class StatefulNode(BatchBound, TakesLengths, Stepping):
    """A layer of neurons that keeps its state from call to call, until it is reset.

    Args:
        step_mode: ``'s'``: a call is one step, ``(B, *N)``; ``'m'``: all steps, ``(T, B, *N)``.
        parallel_optim: a call is all steps with time and batch merged, ``(T * B, *N)``, time first.
        T: number of steps of such a call.
        spike_out: whether spikes come out as a ``SpikeTensor``.
        store_v_seq: whether to keep the membranes of a call over time as ``v_seq``, after reset.
        backend: what runs all steps, as for ``snn.integrate``.
        on_new_shape: what to do with a state that belongs to another batch (its shape, dtype or
            device differs from the input's): ``'restart'`` with one warning, or ``'raise'``. It is
            never broadcast.

    Raises:
        ValueError, TypeError, LookupError: a setting is none of these.
    """

    def __init__(
        self,
        *,
        step_mode: str = "s",
        parallel_optim: bool = False,
        T: int = 1,
        spike_out: bool = False,
        store_v_seq: bool = False,
        backend: str | Backend | AsBackend = "auto",
        on_new_shape: str = "restart",
    ) -> None:
        super().__init__()
        self.step_mode = step_mode
        self.parallel_optim = parallel_optim
        self.T = T
        self.spike_out = spike_out
        self.backend = backend
        self.on_new_shape = on_new_shape
        if store_v_seq:
            self.store_v_seq = True

    # What a node must say of itself.

    def _form(self, x: Tensor) -> Form | None:
        """The node for ``integrate`` of steps like x; None if only its own steps can run it."""
        raise NotImplementedError

    def _state_names(self) -> tuple[str, ...]:
        """The memories that are its state, in the order of the State of its form."""
        raise NotImplementedError

    def _initial_state(self, x: Tensor) -> dict[str, Tensor]:
        """Its state as tensors for an input x ``(B, *N)``, at the start where there is none yet."""
        raise NotImplementedError

    def _step(self, x: Tensor) -> Tensor:
        """One step from its memories, whose tensors fit, to its memories: dense output."""
        raise NotImplementedError

    # Settings.

    @property
    def T(self) -> int:
        """Number of steps of a call with ``parallel_optim``."""
        return self._n_steps

    @T.setter
    def T(self, T: int) -> None:
        if isinstance(T, bool) or not isinstance(T, int):
            raise TypeError(f"T of {label(self)} must be an integer, got {T!r}; pass T=4")
        if T < 1:
            raise ValueError(f"T of {label(self)} must be at least 1, got {T}; pass T=4")
        self._n_steps = T

    @property
    def backend(self) -> Any:
        """What runs all steps: a name, or a backend."""
        return self._backend

    @backend.setter
    def backend(self, backend: str | Backend | AsBackend) -> None:
        self._backends = candidates(backend)
        self._backend = backend

    @property
    def store_v_seq(self) -> bool:
        """Whether the membranes over time are kept as ``v_seq``."""
        return V_SEQ in self._memories

    @store_v_seq.setter
    def store_v_seq(self, store: bool) -> None:
        if store and not self.store_v_seq:
            self.register_memory(V_SEQ, None)
        elif not store and self.store_v_seq:
            delattr(self, V_SEQ)

    # Running.

    def forward(self, x: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """The output for x, in x's shape; the state goes on from the call before.

        Args:
            x: ``(B, *N)``, ``(T, B, *N)`` or ``(T * B, *N)``, as the mode says.
            lengths: ``(B,)``, how many steps of each sample count. The output is 0 beyond, and the
                state that a sample is left with is that of its last step.

        Raises:
            ValueError: shapes that do not fit; the message names the node.
        """
        self._check_kind(x)
        x = dense(x)
        if self.parallel_optim:
            output = self._run_flat(x, lengths)
        elif self.step_mode == "m":
            output = self._run_all(x, lengths)
        elif lengths is not None:
            raise ValueError(f"lengths need all steps at once: set {label(self)}.step_mode = 'm'")
        else:
            output = self._run_one(x)
        return SpikeTensor.from_dense(output) if self.spike_out else output

    def _check_kind(self, x: Tensor) -> None:
        if not isinstance(x, Tensor):
            raise TypeError(
                f"{label(self)} takes a tensor, got {type(x).__name__}; torch.as_tensor(x)"
            )
        if not x.is_floating_point():
            raise TypeError(f"{label(self)} takes a floating-point input, got {x.dtype}; x.float()")

    def _run_flat(self, x: Tensor, lengths: Tensor | Sequence[int] | None) -> Tensor:
        if self.step_mode == "m":
            raise ValueError(
                f"{label(self)} has parallel_optim=True, which takes (T * B, *N), and "
                f"step_mode='m', which takes (T, B, *N); set one of the two"
            )
        if x.shape[0] % self.T:
            raise ValueError(
                f"{label(self)}: T = {self.T} does not divide the {x.shape[0]} rows of its input "
                f"{tuple(x.shape)}, which should be T * B; set T by set_T(net, T)"
            )
        x_seq = x.reshape(self.T, x.shape[0] // self.T, *x.shape[1:])
        return self._run_all(x_seq, lengths).reshape(x.shape)

    def _run_one(self, x: Tensor) -> Tensor:
        if x.ndim < 1:
            raise ValueError(f"{label(self)} takes one step of shape (B, *N), got a number")
        self._settle(x)
        output = self._step(x)
        if self.store_v_seq:
            self.v_seq = self.v.unsqueeze(0)
        state = {name: self._memories[name] for name in self._state_names()}
        tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        return self._remember(output, tensors)

    def _run_all(self, x_seq: Tensor, lengths: Tensor | Sequence[int] | None) -> Tensor:
        if x_seq.ndim < 2 or x_seq.shape[0] == 0:
            raise ValueError(
                f"{label(self)} in step mode 'm' takes (T, B, *N) with T >= 1, got "
                f"{tuple(x_seq.shape)}; for one step at a time set step_mode='s'"
            )
        n_steps = None if lengths is None else check_lengths(lengths, x_seq, label(self))
        self._settle(x_seq[0])
        form = self._form(x_seq[0])
        if form is None:
            if n_steps is not None:
                raise ValueError(
                    f"{label(self)} runs step by step, since integrate cannot take what it "
                    f"overrides; it has no lengths: pad, and cut the output yourself"
                )
            return self._run_each(x_seq)
        return self._integrate(form, x_seq, n_steps)

    def _run_each(self, x_seq: Tensor) -> Tensor:
        outputs, rows = [], []
        for x in x_seq.unbind(0):
            outputs.append(self._run_one(x))
            if self.store_v_seq:
                rows.append(self.v.clone())  # a step of one's own may change v in place
        if self.store_v_seq:
            self.v_seq = torch.stack(rows)
        return torch.stack(outputs)

    def _integrate(self, form: Form, x_seq: Tensor, n_steps: Tensor | None) -> Tensor:
        if n_steps is not None:  # padding of any kind, NaN too, must not reach a gradient
            x_seq = kept_until(n_steps, x_seq)
        start = form.neuron.State(*self._initial_state(x_seq[0]).values())
        narrow = x_seq.ndim == 2  # integrate wants (T, B, N)
        record = form.neuron.State._fields if n_steps is not None else ()
        if self.store_v_seq and not record:
            record = ("v",)
        out = self._run(form, x_seq, start, record, narrow)
        output, end, traces = out.output, out.state, out.traces
        if n_steps is not None:
            output = kept_until(n_steps, output)
            end = ends_of(n_steps, start, traces)
        if self.store_v_seq:
            rows = traces.v
            self.v_seq = rows if n_steps is None else kept_until(n_steps, rows, end.v)
        return self._remember(output, dict(zip(self._state_names(), end, strict=True)))

    def _run(
        self, form: Form, x_seq: Tensor, start: Any, record: tuple[str, ...], narrow: bool
    ) -> Output:
        state = _mapped(start, lambda value: value.unsqueeze(-1)) if narrow else start
        try:
            problem = posed(form, x_seq.unsqueeze(-1) if narrow else x_seq, state, record)
        except (ValueError, TypeError) as error:
            error.add_note(f"in {label(self)}")
            raise
        out = choose(self._backends, problem).run(problem)
        if not narrow:
            return out
        traces = _mapped(out.traces, lambda value: value.squeeze(-1))
        end = _mapped(out.state, lambda value: value.squeeze(-1))
        return Output(out.output.squeeze(-1), end, traces)

    def _settle(self, x: Tensor) -> None:
        """Make sure that the state, if there is one, belongs to inputs like x ``(B, *N)``."""
        for name in self._state_names():
            value = self._memories[name]
            if not isinstance(value, Tensor) or self._is_start(name, value):
                continue
            if not self._fits(value, x.shape, x):
                self._start_anew(name, value, x.shape, x)
                return

    def _is_start(self, name: str, value: Tensor) -> bool:
        """Whether a memory has the shape that it was registered with: one for every batch."""
        start = self._reset_values[name]
        return isinstance(start, Tensor) and start.shape == value.shape

    def _remember(self, output: Tensor, state: dict[str, Tensor]) -> Tensor:
        """Remember the state; the output, from which a backward pass leads into this call."""
        output, *values = bounded(self, output, *state.values())
        for name, value in zip(state, values, strict=True):
            self._memories[name] = value
        return output

    def _runs_on(self) -> str:
        """What runs it over time, as its settings line says it; nothing where it does not."""
        if self.step_mode == "s" and not self.parallel_optim:
            return ""
        form = self._form(torch.zeros(1, 1))
        return f"backend={chosen(form, self._backend, self._backends)}"

    def __getstate__(self) -> dict[str, Any]:
        """Without what is found again by name."""
        state = super().__getstate__()
        if isinstance(self._backend, str):
            del state["_backends"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        if isinstance(self._backend, str):
            self._backends = candidates(self._backend)


def _mapped(record: Any, change: Any) -> Any:
    return type(record)(*(value if value is None else change(value) for value in record))
