"""Recurrent: a node whose outputs come back to it one step later."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from snn_core.choosing import choose
from snn_core.types import RecurrentState
from torch import Tensor, nn
from torch.nn import functional

from snn_nodes.layer.feedback import calls_only, matrix_of, stepped, synapses
from snn_nodes.layer.time_first import check_tensor
from snn_nodes.memory import MemoryContainer
from snn_nodes.naming import label
from snn_nodes.neuron.boundary import bounded
from snn_nodes.neuron.form import Form
from snn_nodes.neuron.lengths import check_lengths, ends_of, kept_until, refuse_lengths
from snn_nodes.neuron.stateful import StatefulNode
from snn_nodes.spikes import SpikeTensor, dense
from snn_nodes.stepping import Stepping, TakesLengths, check_steps


class Recurrent(TakesLengths, MemoryContainer, Stepping):
    """A node that receives ``x[t] + W z[t-1]``, z its own output; z[-1] is 0.

    Args:
        node: a node, such as ``LIFNode()``.
        recurrent: W: a number of features for ``torch.nn.Linear(features, features,
            bias=False)``, or a module from the node's output ``(B, *N)`` to its input, such as a
            ``SparseSynapse`` or a ``torch.nn.Conv2d`` that keeps the size.
        step_mode: ``'s'``: ``(B, *N)``; ``'m'``: ``(T, B, *N)``. The node is given whatever its own
            mode takes.

    Attributes:
        node, recurrent: the modules; ``recurrent.weight`` is ``(N, N)``, from a column to a row.
        output: a memory: the last output ``(B, *N)``, None before the first step. What happens to
            it in another batch is up to the node's ``on_new_shape``.

    In mode ``'m'``, if W is a matrix, all of it runs through ``snn_core.integrate`` on the fastest
    backend installed; else step by step, as also where W or the node has hooks, or a node class a
    ``forward`` of its own: those are called at each step.

    Raises:
        TypeError: node is none, recurrent is no number and no module, or an input no tensor.
        ValueError: sizes that do not fit.

    >>> from snn_nodes.neuron import IFNode
    >>> layer = Recurrent(IFNode(), 1, step_mode="m")
    >>> _ = torch.nn.init.ones_(layer.recurrent.weight)
    >>> x = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)
    >>> layer(x).flatten().tolist()  # the first spike keeps itself going
    [1.0, 1.0, 1.0]
    """

    output: Tensor | None

    def __init__(
        self, node: StatefulNode, recurrent: int | nn.Module, step_mode: str = "s"
    ) -> None:
        if not isinstance(node, StatefulNode):
            raise TypeError(f"Recurrent wraps a node, such as LIFNode(), got {type(node).__name__}")
        if node.parallel_optim:
            raise ValueError(
                f"Recurrent runs its node over time itself: {label(node)} must not have "
                f"parallel_optim; set Recurrent's step_mode='m'"
            )
        super().__init__()
        self.step_mode = step_mode
        self.node = node
        self.recurrent = synapses(recurrent)
        self.register_memory("output", None)

    def forward(self, x: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """The node's output, in x's shape.

        Args:
            x: ``(B, *N)`` in mode ``'s'``, ``(T, B, *N)`` in mode ``'m'``.
            lengths: ``(B,)``, how many steps of each sample count. The output is 0 beyond, and the
                state that a sample is left with is that of its last step.

        Raises:
            ValueError: shapes that do not fit; the message names the layer.
        """
        check_tensor(self, x)
        self.node._check_pass()
        x = self._promoted(dense(x))
        if self.step_mode == "m":
            z = self._run_all(x, lengths)
        elif lengths is not None:
            refuse_lengths(self)
        else:
            self._settle(x)
            z = self._run_one(x)
        return SpikeTensor.from_dense(z) if self.node.spike_out else z

    def _promoted(self, x: Tensor) -> Tensor:
        """Under autocast, x in the dtype of what it holds: only products are to be in half."""
        if not torch.is_autocast_enabled(x.device.type):
            return x
        held = (p.dtype for p in (*self.parameters(), *self.buffers()) if p.is_floating_point())
        return x.to(functools.reduce(torch.promote_types, held, x.dtype))

    def _settle(self, one: Tensor) -> None:
        """Make sure that the last output, if there is one, belongs to steps like this one."""
        self.node._check_kind(one)
        matrix = matrix_of(self.recurrent)
        if matrix is not None and one.shape[1:] != matrix.shape[:1]:
            raise ValueError(
                f"{label(self)} takes steps (B, {matrix.shape[0]}), the size of its recurrent "
                f"weight {tuple(matrix.shape)}, got a step of {tuple(one.shape)}"
            )
        held = self.output
        if held is None:
            return
        if not self.node._fits(held, one.shape, one):
            self.node._start_anew("output", held, one.shape, one)
            self.reset()

    def _before(self, one: Tensor) -> Tensor:
        return torch.zeros_like(one) if self.output is None else self.output

    def _run_one(self, one: Tensor) -> Tensor:
        before = self._before(one)
        matrix = matrix_of(self.recurrent)
        if matrix is None:
            fed = stepped(self.recurrent, before)
            if fed.shape != one.shape:
                raise ValueError(
                    f"{label(self)}: its recurrent module makes {tuple(fed.shape)} of an output "
                    f"{tuple(before.shape)}; it must keep the shape"
                )
            received = one + fed
        else:  # added in the order of integrate: input, bias, feedback
            received = self._biased(one) + functional.linear(before, matrix)
        if self._runs_node():
            z = self.node._run_one(received)
        else:
            z = dense(stepped(self.node, received))
        self.output = z.clone()  # z is its user's, who may change it in place
        return z

    def _runs_node(self) -> bool:
        """Whether it may run the node's steps without calling the node."""
        return calls_only(self.node, StatefulNode.forward)

    def _biased(self, x: Tensor) -> Tensor:
        bias: Any = self.recurrent.bias
        return x if bias is None else x + bias

    def _run_all(self, x_seq: Tensor, lengths: Tensor | Sequence[int] | None) -> Tensor:
        check_steps(self, x_seq)
        counted = None if lengths is None else check_lengths(lengths, x_seq, label(self))
        self._settle(x_seq[0])
        self.node._settle(x_seq[0])
        form = self.node._form(x_seq[0]) if self._runs_node() else None
        matrix = matrix_of(self.recurrent)
        if form is None or matrix is None:
            return self._step_by_step(x_seq, counted)
        return self._integrate(form, matrix, x_seq, counted)

    def _step_by_step(self, x_seq: Tensor, lengths: Tensor | None) -> Tensor:
        node, membranes, outputs = self.node, [], []
        if lengths is not None and any(m is not node for m in self._inside()):
            raise ValueError(
                f"{label(self)}: its recurrent module has memories, which cannot stop at each "
                f"sample's own length; run the samples one by one"
            )
        for t, one in enumerate(x_seq.unbind(0)):
            start = {} if lengths is None else self._start(one)
            outputs.append(self._run_one(one))
            if lengths is not None:
                self._hold((lengths <= t).reshape(-1, *(1,) * (one.ndim - 1)), **start)
            if node.store_v_seq:
                membranes.append(node.v.clone())  # as in _start
        if node.store_v_seq:
            node.v_seq = torch.stack(membranes)
        z = torch.stack(outputs)
        return z if lengths is None else kept_until(lengths, z)

    def _start(self, one: Tensor) -> dict[str, Tensor]:
        """The last output and the node's state: copies, a step of one's own may change v itself."""
        state = {"output": self._before(one), **self.node._initial_state(one)}
        return {name: value.clone() for name, value in state.items()}

    def _hold(self, ended: Tensor, output: Tensor, **state: Tensor) -> None:
        """Put the state of samples that have ended back to what it was before this step."""
        self.output = torch.where(ended, output, self._before(output))
        for name, value in state.items():
            setattr(self.node, name, torch.where(ended, value, getattr(self.node, name)))

    def _integrate(
        self, form: Form, matrix: Tensor, x_seq: Tensor, lengths: Tensor | None
    ) -> Tensor:
        node, State = self.node, form.neuron.State
        start = RecurrentState(
            State(*node._initial_state(x_seq[0]).values()), self._before(x_seq[0])
        )
        recorded = State._fields if lengths is not None else ("v",) * node.store_v_seq
        problem = node._posed(form, self._biased(x_seq), start, recorded, matrix)
        out = choose(node._backends, problem).run(problem)
        z, end = out.output, out.state
        if lengths is not None:
            last = ends_of(lengths, _OutputState(start.output), _OutputState(out.output)).output
            end = RecurrentState(ends_of(lengths, start.neuron, out.traces), last)
            z = kept_until(lengths, z)
        if node.store_v_seq:
            v_seq = out.traces.v
            node.v_seq = v_seq if lengths is None else kept_until(lengths, v_seq, end.neuron.v)
        z, last_z, *values = bounded(self, z, end.output, *end.neuron)
        node._mark(*values)
        self.output = last_z.clone()  # not a row of z, which is its user's
        for name, value in zip(node._state_names(), values, strict=True):
            setattr(node, name, value)
        return z

    def extra_repr(self) -> str:
        """The step mode."""
        return f"step_mode={self.step_mode!r}"


class _OutputState(NamedTuple):
    """The output as a State of its own, for ``ends_of``."""

    output: Tensor
