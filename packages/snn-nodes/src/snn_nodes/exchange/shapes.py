"""The shape that each node makes of the shape of one sample; the same for writing and reading.

nir 1.0.8 infers shapes too, but takes the height of a kernel for its width and does not know of
groups (by reading and measured), so that it is not asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import nir

from snn_nodes.exchange.arrays import array, whole
from snn_nodes.exchange.report import ExchangeError

Shape = tuple[int, ...]


def output_shape(name: str, node: nir.NIRNode, shape: Shape) -> Shape:
    """The shape of a node's output.

    Args:
        name: for messages.
        node: of a kind in ``RULES``.
        shape: of its input, one sample at one step.

    Raises:
        ExchangeError: the input does not fit; the message names the node.
    """
    for kind, rule in RULES.items():
        if isinstance(node, kind):
            return rule(name, node, shape)
    raise ExchangeError(
        f"node {name!r} is of a kind that is not known here, {type(node).__name__}; known are "
        f"{', '.join(kind.__name__ for kind in RULES)}"
    )


def _mismatch(name: str, node: Any, expected: str, shape: Shape) -> ExchangeError:
    return ExchangeError(
        f"node {name!r} ({type(node).__name__}) takes {expected}, but what comes to it has the "
        f"shape {shape} (one sample at one step)"
    )


def _of_own(field: str) -> Callable[[str, Any, Shape], Shape]:
    """Elementwise: the shape of the node's own values, which one value for all fits too."""

    def rule(name: str, node: Any, shape: Shape) -> Shape:
        own = array(getattr(node, field)).shape
        if own not in ((), (1,), shape):
            raise _mismatch(name, node, f"the shape {own} of its {field}", shape)
        return shape

    return rule


def _linear(name: str, node: Any, shape: Shape) -> Shape:
    weight = array(node.weight)
    if weight.ndim != 2:
        raise ExchangeError(
            f"node {name!r} ({type(node).__name__}) has a weight of shape {weight.shape}; only "
            f"matrices (N_out, N_in) are known here"
        )
    if shape != (weight.shape[1],):
        raise _mismatch(name, node, f"({weight.shape[1]},), as its weight {weight.shape}", shape)
    return (weight.shape[0],)


def _conv(name: str, node: Any, shape: Shape) -> Shape:
    weight = array(node.weight)
    axes = weight.ndim - 2
    channels = weight.shape[1] * int(node.groups)
    if len(shape) != axes + 1 or shape[0] != channels:
        raise _mismatch(name, node, f"{channels} channels of {axes} axes", shape)
    if isinstance(node.padding, str) and node.padding == "same":
        return (weight.shape[0], *shape[1:])
    padding = 0 if isinstance(node.padding, str) else node.padding
    window = (weight.shape[2:], node.stride, padding, node.dilation)
    return (weight.shape[0], *_windows(name, node, shape, *window))


def _pool(name: str, node: Any, shape: Shape) -> Shape:
    if len(shape) != 3:
        raise _mismatch(name, node, "(channels, height, width)", shape)
    return (shape[0], *_windows(name, node, shape, node.kernel_size, node.stride, node.padding, 1))


def _windows(
    name: str, node: Any, shape: Shape, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> Shape:
    """How many windows fit along each axis."""
    axes = len(shape) - 1
    k, s, p, d = (_each(value, axes) for value in (kernel, stride, padding, dilation))
    counts = tuple(
        (n + 2 * p[a] - d[a] * (k[a] - 1) - 1) // s[a] + 1 for a, n in enumerate(shape[1:])
    )
    if min(counts) < 1:
        raise _mismatch(name, node, f"at least the size of its kernel, {k}", shape)
    return counts


def _each(value: Any, axes: int) -> Shape:
    """A setting for each axis."""
    given = whole(value)
    return given * axes if len(given) == 1 else given


def _flatten(name: str, node: Any, shape: Shape) -> Shape:
    first, last = (int(d) + (len(shape) if d < 0 else 0) for d in (node.start_dim, node.end_dim))
    if not 0 <= first <= last < len(shape):
        axes = f"axes {node.start_dim} to {node.end_dim}"
        raise _mismatch(name, node, axes, shape)
    return (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])


def _port(name: str, node: Any, shape: Shape) -> Shape:
    own = port_shape(node)
    if own is not None and own != shape:
        raise _mismatch(name, node, str(own), shape)
    return shape


def port_shape(node: nir.Input | nir.Output) -> Shape | None:
    """What an Input or an Output says of its shape; None if nothing."""
    given = node.input_type["input"] if node.input_type else None
    return None if given is None else whole(given)


RULES: Mapping[type[nir.NIRNode], Callable[[str, Any, Shape], Shape]] = {
    nir.IF: _of_own("v_threshold"),
    nir.LIF: _of_own("v_threshold"),
    nir.CubaLIF: _of_own("v_threshold"),
    nir.LI: _of_own("v_leak"),
    nir.CubaLI: _of_own("v_leak"),
    nir.Threshold: _of_own("threshold"),
    nir.Scale: _of_own("scale"),
    nir.Delay: _of_own("delay"),
    nir.Linear: _linear,
    nir.Affine: _linear,
    nir.Conv1d: _conv,
    nir.Conv2d: _conv,
    nir.SumPool2d: _pool,
    nir.AvgPool2d: _pool,
    nir.Flatten: _flatten,
    nir.Input: _port,
    nir.Output: _port,
}
"""What is known here, each with its rule."""
