"""Prints a Body as the Triton source of a forward kernel, and of a backward kernel.

A program handles BLOCK lanes; their state is in registers over the loop of time. Time is cut into
stretches of ``stretch`` steps, each unrolled: first all loads of the stretch, which are then on
their way together, then the arithmetic. The steps that are left over are done one at a time.

The forward kernel stores the state before each stretch and before each left-over step. The
backward kernel goes from the last stretch to the first, makes the states of a stretch again from
the stored one, and runs the backward body over it; sums stay in registers to the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Iterator, Sequence

import torch

from snn_fused.gpu.operations import TYPES
from snn_fused.gpu.reach import kept_states, reached, used_inputs
from snn_fused.gpu.text import (
    Speller,
    checkpoint,
    constant_inputs,
    identifier,
    indented,
    is_stream,
    kernel_text,
    opening,
    row,
    speller,
    together,
)
from snn_fused.graph.body import Body

LOOP_ARGUMENTS = ("n_stretches", "n_single", "n_lanes", "BLOCK: tl.constexpr")
"""The last arguments of a kernel."""


def forward_arguments(body: Body) -> tuple[str, ...]:
    """The tensor arguments of the forward kernel, in order; a stream is followed by its stride.

    >>> forward_arguments(Body(("x", "state.v", "number.0"), (), (("output", 0), ("state.v", 1))))
    ('numbers', 'x', 'x_stride', 'state_v_before', 'state_v_after', 'checkpoints', \
'output', 'output_stride')
    """
    return (
        *_shared_arguments(body),
        *(f"{identifier(name)}_before" for name in body.names("state.")),
        *(f"{identifier(name)}_after" for name in body.results("state.")),
        "checkpoints",
        *_stream_arguments([*body.results("output"), *body.results("trace.")]),
    )


def backward_arguments(forward: Body, backward: Body) -> tuple[str, ...]:
    """The tensor arguments of the backward kernel, in order; a stream is followed by its stride.

    ``grad_state_v_place`` is read at the beginning and overwritten at the end.
    """
    return (
        *_shared_arguments(forward, backward),
        "checkpoints",
        *_stream_arguments([*backward.names("grad.output"), *backward.names("grad.trace.")]),
        *map(_place, backward.results("grad.state.")),
        *_stream_arguments(backward.results("grad.x")),
        *map(_place, backward.results("sum.")),
    )


def print_forward(body: Body, kept: Sequence[str], stretch: int, dtype: torch.dtype) -> str:
    """The source file of the forward kernel ``forward``.

    Args:
        body: the forward body.
        kept: the states to be stored for the backward kernel, see ``kept_states``; () for none.
        stretch: how many steps are unrolled.
        dtype: float32 or float64.
    """
    spell = speller(body, "f", dtype)
    places = reached(body, body.results(""))
    states = body.names("state.")
    lines = [
        *opening(_streams(body.inputs, body.results(""))),
        *constant_inputs([body], dtype),
        *spell.constants(places),
        *(
            f"{identifier(name)} = tl.load({identifier(name)}_before + at, mask=here)"
            for name in states
        ),
        "for count in range(n_stretches):",
        *indented(_forward_steps(spell, kept, "count", stretch, stretch)),
        "for count in range(n_single):",
        *indented(_forward_steps(spell, kept, "n_stretches + count", stretch, 1)),
        *(
            f"tl.store({identifier(name)}_after + at, {identifier(name)}, mask=here)"
            for name in states
        ),
    ]
    about = f"Forward kernel: stretches of {stretch} steps; kept: {', '.join(kept) or 'nothing'}."
    return kernel_text("forward", about, (*forward_arguments(body), *LOOP_ARGUMENTS), lines)


def print_backward(forward: Body, backward: Body, stretch: int, dtype: torch.dtype) -> str:
    """The source file of the backward kernel ``backward``; arguments as for ``print_forward``."""
    again, spell = speller(forward, "f", dtype), speller(backward, "b", dtype)
    carried, sums = backward.results("grad.state."), backward.results("sum.")
    lines = [
        *opening(_streams(forward.inputs, backward.inputs, backward.results(""))),
        *constant_inputs([forward, backward], dtype),
        *again.constants(reached(forward, kept_states(forward, backward))),
        *spell.constants(reached(backward, backward.results(""))),
        *(f"{identifier(name)} = tl.load({_place(name)} + at, mask=here)" for name in carried),
        *(f"{identifier(name)} = tl.full([BLOCK], 0.0, {TYPES[dtype]})" for name in sums),
        "for count in range(n_single):",
        *indented(_backward_steps(again, spell, "n_stretches + n_single - 1 - count", stretch, 1)),
        "for count in range(n_stretches):",
        *indented(_backward_steps(again, spell, "n_stretches - 1 - count", stretch, stretch)),
        *(
            f"tl.store({_place(name)} + at, {identifier(name)}, mask=here)"
            for name in (*carried, *sums)
        ),
    ]
    about = f"Backward kernel: stretches of {stretch} steps."
    arguments = (*backward_arguments(forward, backward), *LOOP_ARGUMENTS)
    return kernel_text("backward", about, arguments, lines)


def _forward_steps(
    spell: Speller, kept: Sequence[str], place: str, stretch: int, n_steps: int
) -> Iterator[str]:
    """Store the state, load the rows of the steps, do the steps."""
    body = spell.body
    states = body.names("state.")
    places = reached(body, body.results(""))
    streams = _streams(used_inputs(body, "", body.results("")))
    yield from _position((*streams, *body.results("")), place, stretch, n_steps)
    for k, name in enumerate(kept):
        yield f"tl.store({checkpoint(k, len(kept))}, {identifier(name)}, mask=here)"
    yield from _loads(streams, n_steps)
    inputs = {name: identifier(name) for name in states}
    for k in range(n_steps):
        inputs |= _rows(streams, k)
        yield from spell.step(places, f"_{k}", inputs)
        for name in _streams(body.results("")):
            value = spell.result(name, f"_{k}", inputs)
            yield f"tl.store({row(name, k)}, {value}, mask=here)"
        inputs |= {name: spell.result(name, f"_{k}", inputs) for name in states}
    yield from together(map(identifier, states), [inputs[name] for name in states])


def _backward_steps(
    again: Speller, spell: Speller, place: str, stretch: int, n_steps: int
) -> Iterator[str]:
    """Load the stored state and the rows, make the states between again, go back over the steps."""
    backward = spell.body
    used = used_inputs(backward, "", backward.results(""))
    streams = (*again.body.inputs, *used, *backward.results("grad.x"))
    yield from _position(streams, place, stretch, n_steps)
    inputs = yield from _states_again(again, spell, n_steps)
    carried, sums = backward.results("grad.state."), backward.results("sum.")
    gradients = {name: identifier(name) for name in carried}
    places = reached(backward, backward.results(""))
    for k in reversed(range(n_steps)):
        inputs[k] |= gradients
        yield from spell.step(places, f"_{k}", inputs[k])
        for name in backward.results("grad.x"):
            value = spell.result(name, f"_{k}", inputs[k])
            yield f"tl.store({row(name, k)}, {value}, mask=here)"
        for name in sums:
            addend = spell.result(name, f"_{k}", inputs[k])
            yield f"{identifier(name)} += {addend}"
        gradients = {name: spell.result(name, f"_{k}", inputs[k]) for name in carried}
    yield from together(map(identifier, carried), gradients.values())


def _states_again(
    again: Speller, spell: Speller, n_steps: int
) -> Generator[str, None, list[dict[str, str]]]:
    """Load everything, do the forward steps; returns what the inputs of each step are called."""
    forward, backward = again.body, spell.body
    kept = kept_states(forward, backward)
    gradients = used_inputs(backward, "grad.", backward.results(""))
    needed = {*used_inputs(backward, "", backward.results("")), *used_inputs(forward, "", kept)}
    streams = [name for name in _streams(forward.inputs) if name in needed]
    rows = [*streams, *_streams(gradients)]
    for k, name in enumerate(kept):
        yield f"{identifier(name)}_0 = tl.load({checkpoint(k, len(kept))}, mask=here)"
    yield from _loads(rows, n_steps)
    inputs = [_rows((*rows, *kept), k) for k in range(n_steps)]
    places = reached(forward, kept)
    for k in range(n_steps - 1):
        yield from again.step(places, f"_{k}", inputs[k])
        inputs[k + 1] |= {name: again.result(name, f"_{k}", inputs[k]) for name in kept}
    return inputs


def _position(names: Iterable[str], place: str, stretch: int, n_steps: int) -> Iterator[str]:
    """The place among the checkpoints, its first step, where the streams have that step's row.

    Checkpoints after those of the stretches are those of the single steps.
    """
    yield f"place = {place}"
    yield f"t = place * {stretch}" if n_steps > 1 else f"t = place + n_stretches * {stretch - 1}"
    for name in map(identifier, _streams(names)):
        yield f"{name}_t = {name} + t * {name}_stride + at"


def _loads(streams: Iterable[str], n_steps: int) -> Iterator[str]:
    """Load the rows of the steps: a gradient to a trace from the row before, zero at the start."""
    for name in streams:
        for k in range(n_steps):
            variable = f"{identifier(name)}_{k}"
            if not name.startswith("grad.trace."):
                yield f"{variable} = tl.load({row(name, k)}, mask=here)"
            elif k == 0:
                known = "mask=at < tl.where(t > 0, n_lanes, 0), other=0.0"
                yield f"{variable} = tl.load({row(name, -1)}, {known})"
            else:
                yield f"{variable} = tl.load({row(name, k - 1)}, mask=here)"


def _rows(names: Iterable[str], k: int) -> dict[str, str]:
    """The variables that hold the named values at step k of a stretch."""
    return {name: f"{identifier(name)}_{k}" for name in names}


def _streams(*names: Iterable[str]) -> tuple[str, ...]:
    """The names that are streams, each once, in order."""
    return tuple(filter(is_stream, dict.fromkeys(itertools.chain(*names))))


def _place(name: str) -> str:
    """The argument that says where in memory the lanes of a carried or summed value are."""
    return f"{identifier(name)}_place"


def _shared_arguments(*bodies: Body) -> tuple[str, ...]:
    """Numbers, per-lane values and forward streams of the bodies, each once."""
    names = tuple(dict.fromkeys(name for body in bodies for name in body.inputs))
    lanes = (f"{identifier(name)}_place" for name in names if name.startswith("lane."))
    streams = [name for name in _streams(names) if not name.startswith("grad.")]
    return ("numbers", *lanes, *_stream_arguments(streams))


def _stream_arguments(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(
        argument for name in names for argument in (identifier(name), f"{identifier(name)}_stride")
    )
