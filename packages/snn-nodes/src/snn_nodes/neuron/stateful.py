"""StatefulNode: what every node does, whatever its equations: modes, batches, running over time.

A node says what it is by ``_form`` (a neuron for ``integrate``, with its values as they stand now)
and by ``_initial_state``; how a run goes through time, what happens to a state that belongs to
another batch, and variable lengths are here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from snn_core.choosing import choose
from snn_core.types import Output, Problem
from torch import Tensor

from snn_nodes.naming import label
from snn_nodes.neuron.boundary import bounded
from snn_nodes.neuron.form import Form, chosen, posed
from snn_nodes.neuron.lengths import check_lengths, ends_of, kept_until, refuse_lengths
from snn_nodes.neuron.run_settings import RunSettings
from snn_nodes.spikes import SpikeTensor, dense
from snn_nodes.stepping import TakesLengths, check_steps


class StatefulNode(RunSettings, TakesLengths):
    """A layer of neurons that keeps its state from call to call, until it is reset.

    Args:
        As for ``RunSettings``.
    """

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
        x = self._promoted(dense(x))
        self._check_pass()
        if self.parallel_optim:
            output = self._run_flat(x, lengths)
        elif self.step_mode == "m":
            output = self._run_all(x, lengths)
        elif lengths is not None:
            refuse_lengths(self)
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

    def _promoted(self, x: Tensor) -> Tensor:
        """Under autocast, at least single precision: it is for products, and membranes add up."""
        if not torch.is_autocast_enabled(x.device.type):
            return x
        return x.to(torch.promote_types(x.dtype, torch.float32))

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
        self._check_step(x)
        if self.store_v_seq:
            self.v_seq = self.v.unsqueeze(0)
        state = {name: self._memories[name] for name in self._state_names()}
        tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        if any(value is output for value in tensors.values()):
            output = output.clone()  # what a user writes into an output is no state
        return self._remember(output, tensors)

    def _check_step(self, x: Tensor) -> None:
        """What a step has made of the state belongs to inputs like x, as it did before."""
        for name in self._state_names():
            value = self._memories[name]
            if not isinstance(value, Tensor) or self._is_start(name, value, x):
                continue
            if not self._fits(value, x.shape, x):
                raise ValueError(
                    f"{label(self)}: a step of {tuple(x.shape)} of {x.dtype} has made its {name} "
                    f"{tuple(value.shape)} of {value.dtype}; parameters must broadcast to "
                    f"{tuple(x.shape[1:])} and have the input's dtype: node.to({x.dtype})"
                )

    def _run_all(self, x_seq: Tensor, lengths: Tensor | Sequence[int] | None) -> Tensor:
        check_steps(self, x_seq)
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
        problem = self._posed(form, x_seq.unsqueeze(-1) if narrow else x_seq, state, record)
        out = choose(self._backends, problem).run(problem)
        if not narrow:
            return out
        traces = _mapped(out.traces, lambda value: value.squeeze(-1))
        end = _mapped(out.state, lambda value: value.squeeze(-1))
        return Output(out.output.squeeze(-1), end, traces)

    def _posed(self, form: Form, x_seq: Tensor, *rest: Any) -> Problem:
        """The problem of a call; what is wrong with it bears a note that says where."""
        try:
            return posed(form, x_seq, *rest)
        except (ValueError, TypeError) as error:
            error.add_note(f"in {label(self)}")
            raise

    def _settle(self, x: Tensor) -> None:
        """Make sure that the state, if there is one, belongs to inputs like x ``(B, *N)``."""
        for name in self._state_names():
            value = self._memories[name]
            if not isinstance(value, Tensor) or self._is_start(name, value, x):
                continue
            if not self._fits(value, x.shape, x):
                self._start_anew(name, value, x.shape, x)
                return
            if _of_inference(value):
                self._memories[name] = value.clone()  # a graph cannot begin at the other

    def _is_start(self, name: str, value: Tensor, x: Tensor) -> bool:
        """Whether a memory is one for every batch still, as it was registered."""
        start = self._reset_values[name]
        alike = isinstance(start, Tensor) and start.shape == value.shape
        return value.ndim == 0 or (alike and value.ndim < x.ndim)

    def _remember(self, output: Tensor, state: dict[str, Tensor]) -> Tensor:
        """Remember the state; the output, from which a backward pass leads into this call."""
        output, *values = bounded(self, output, *state.values())
        for name, value in zip(state, values, strict=True):
            self._memories[name] = value
        self._mark(*values)
        return output

    def _runs_on(self) -> str:
        """What runs it over time, as its settings line says it; nothing where it does not."""
        if self.step_mode == "s" and not self.parallel_optim:
            return ""
        form = self._form(torch.zeros(1, 1))
        return f"backend={chosen(form, self._backend, self._backends)}"


def _mapped(record: Any, change: Any) -> Any:
    return type(record)(*(value if value is None else change(value) for value in record))


def _of_inference(value: Tensor) -> bool:
    """Whether it comes from inference mode, which has ended."""
    if torch.compiler.is_compiling():
        return False
    return value.is_inference() and not torch.is_inference_mode_enabled()
