"""The kernels of a program on the CPU: compiled at their first launch, launched by slot names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from snn_fused.cpu.backward import backward_scratch_bytes, backward_source
from snn_fused.cpu.block import BLOCK_BYTES
from snn_fused.cpu.compiling import Kernel, load
from snn_fused.cpu.dense_sum import SAMPLES
from snn_fused.cpu.forward import forward_scratch_bytes, forward_source
from snn_fused.cpu.recurrent import (
    recurrent_backward_scratch_bytes,
    recurrent_backward_source,
    recurrent_forward_scratch_bytes,
    recurrent_forward_source,
)
from snn_fused.cpu.rows import Rows
from snn_fused.cpu.slots import (
    backward_slots,
    forward_slots,
    recurrent_backward_slots,
    recurrent_forward_slots,
)
from snn_fused.cpu.threads import run, table
from snn_fused.graph.body import Body
from snn_fused.graph.program import Program

_NODE_COST = 0.05
"""Nanoseconds for an operation on a lane: about a vector instruction of sixteen lanes."""

_FEEDBACK_COST = 0.03
"""Nanoseconds for a synapse of the feedback, if all of them act."""


class Stretch(NamedTuple):
    """What one launch works on: steps ``first`` to ``last`` of B samples of N neurons."""

    first: int
    last: int
    n_batch: int
    n_neurons: int


class Launcher(NamedTuple):
    """A compiled kernel and what a launch has to know of it.

    Args:
        kernel, slots: as compiled, and the names of its arrays in order.
        scratch: bytes of scratch memory for (n_steps, n_neurons).
        cost: nanoseconds of a step of (n_neurons) of one sample.
        by_sample: whether the range of a call is one of samples, not of lanes.
        grain: the range is a multiple of so many: whole pages, for two threads that write to the
            same page, or beside each other, are slower than one.
    """

    kernel: Kernel
    slots: tuple[str, ...]
    scratch: Callable[[int, int], int]
    cost: Callable[[int], float]
    by_sample: bool
    grain: int

    def __call__(self, stretch: Stretch, arrays: Mapping[str, Rows]) -> None:
        """Run the kernel over a stretch."""
        first, last, n_batch, n_neurons = stretch
        n_lanes = n_batch * n_neurons
        header = (last - first, n_lanes, int(first == 0), n_neurons, n_batch)
        places = [number for name in self.slots for number in arrays[name]]
        run(
            self.kernel,
            table(*header, *places),
            n_batch if self.by_sample else n_lanes,
            grain=self.grain,
            scratch_bytes=self.scratch(last - first, n_neurons),
            cost=(last - first) * n_batch * self.cost(n_neurons),
        )


class Kernels:
    """The launchers of a program.

    Args:
        program: the bodies.
        dtype: float32 or float64.
        recurrent: whether outputs feed back.
    """

    def __init__(self, program: Program, dtype: torch.dtype, recurrent: bool) -> None:
        self._program, self._dtype, self._recurrent = program, dtype, recurrent

    @functools.cached_property
    def forward(self) -> Launcher:
        """The forward kernel."""
        body, dtype = self._program.forward, self._dtype
        if self._recurrent:
            return Launcher(
                load(recurrent_forward_source(body, dtype)),
                recurrent_forward_slots(body),
                lambda n_steps, n_neurons: recurrent_forward_scratch_bytes(body, dtype, n_neurons),
                lambda n_neurons: self._node_cost(body) * n_neurons + _FEEDBACK_COST * n_neurons**2,
                True,
                SAMPLES,
            )
        return Launcher(
            load(forward_source(body, dtype)),
            forward_slots(body),
            functools.cache(lambda n_steps, n_neurons: forward_scratch_bytes(body)),
            lambda n_neurons: self._node_cost(body) * n_neurons,
            False,
            BLOCK_BYTES // dtype.itemsize,
        )

    @functools.cached_property
    def backward(self) -> Launcher:
        """The backward kernel."""
        bodies, dtype = self._bodies, self._dtype
        nodes = sum(map(self._node_cost, bodies))
        if self._recurrent:
            return Launcher(
                load(recurrent_backward_source(*bodies, dtype)),
                recurrent_backward_slots(*bodies),
                lambda n_steps, n_neurons: recurrent_backward_scratch_bytes(
                    *bodies, dtype, n_steps, n_neurons
                ),
                lambda n_neurons: nodes * n_neurons + _FEEDBACK_COST * n_neurons**2,
                True,
                SAMPLES,
            )
        return Launcher(
            load(backward_source(*bodies, dtype)),
            backward_slots(*bodies),
            functools.cache(lambda n_steps, n_neurons: backward_scratch_bytes(*bodies, n_steps)),
            lambda n_neurons: nodes * n_neurons,
            False,
            BLOCK_BYTES // dtype.itemsize,
        )

    @property
    def _bodies(self) -> tuple[Body, Body]:
        forward, backward = self._program.forward, self._program.backward
        assert backward is not None, "a program without gradients runs forward only"
        return forward, backward

    def _node_cost(self, body: Body) -> float:
        return _NODE_COST * len(body.nodes)
