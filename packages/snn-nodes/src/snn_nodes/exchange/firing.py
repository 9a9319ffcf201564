"""Whether a node's surrogate function is a step, as NIR's neurons fire."""

from __future__ import annotations

from itertools import chain

import torch
from torch import nn

from snn_nodes.exchange.report import ExchangeError
from snn_nodes.neuron import BaseNode
from snn_nodes.spikes import dense
from snn_nodes.surrogate import Surrogate

_BELOW = (-10.0, -1.0, -0.1, -1e-3)
_ABOVE = (1e-3, 0.1, 1.0, 10.0)


def fires_at_equality(node: BaseNode, name: str, shape: tuple[int, ...]) -> bool:
    """Whether it fires where v = v_threshold, too; its surrogate function is asked.

    Args:
        node: whatever function it has, for a function of others is known by its values alone.
        name: for the message.
        shape: of one sample.

    Raises:
        ExchangeError: it does not put out 0 below the threshold and 1 above.
    """
    tried = torch.tensor([*_BELOW, 0.0, *_ABOVE], device=_device(node))
    x = tried.view(-1, *(1,) * len(shape))
    with torch.no_grad():
        output = dense(node.surrogate_function(x))
    rows = output.reshape(len(tried), -1)
    below, at, above = rows[: len(_BELOW)], rows[len(_BELOW)], rows[-len(_ABOVE) :]
    if not ((below == 0).all() and (above == 1).all() and ((at == 0) | (at == 1)).all()):
        given = ", ".join(f"{one:.4g}" for one in rows[:, 0].tolist())
        raise ExchangeError(
            f"node {name!r}: its surrogate_function {_shown(node)} is no step: at v - v_threshold "
            f"= {', '.join(f'{one:g}' for one in tried.tolist())} it puts out {given}; NIR's "
            f"neurons put out 0 and 1. Pass one of snn_nodes.surrogate, with spiking=True"
        )
    return bool(at.any())


def is_ours(function: object) -> bool:
    """Whether it is a surrogate object that a card can describe."""
    return isinstance(function, Surrogate) and type(function).forward is Surrogate.forward


def _device(node: BaseNode) -> torch.device | None:
    function = node.surrogate_function
    if not isinstance(function, nn.Module):
        return None
    return next((one.device for one in chain(function.parameters(), function.buffers())), None)


def _shown(node: BaseNode) -> str:
    function = node.surrogate_function
    if isinstance(function, nn.Module):
        return repr(function)
    return str(getattr(function, "__name__", function))
