"""The memories of a network as a value: set aside, put in, taken out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from snn_nodes.memory import MemoryModule

State = dict[str, dict[str, Any]]
"""Place of each module with memories, name of each memory, value; torch.save writes it."""


def memories_of(net: nn.Module) -> State:
    """What the modules of a network remember now, by place and name.

    >>> from snn_nodes.layer import Delay
    >>> memories_of(nn.Sequential(Delay(1)))
    {'0': {'history': None}}
    """
    return {place: dict(module.named_memories()) for place, module in _with_memories(net)}


@contextmanager
def started_from(net: nn.Module, state: State | None) -> Iterator[None]:
    """A scope in which the network starts from the state, and after which it is as it was.

    Args:
        net: the network.
        state: from ``memories_of``; None for the reset values.

    Raises:
        ValueError: a state of another network.
    """
    modules = dict(_with_memories(net))
    if state is not None:
        _check_state(state, modules)
    own = memories_of(net)
    try:
        for module in modules.values():
            module.reset()
        if state is not None:
            _put(modules, _copied(state))  # a node of one's own may change its memories in place
        yield
    finally:
        _put(modules, own)


def _with_memories(net: nn.Module) -> list[tuple[str, MemoryModule]]:
    return [(place, m) for place, m in net.named_modules() if isinstance(m, MemoryModule)]


def _put(modules: dict[str, MemoryModule], state: State) -> None:
    for place, values in state.items():
        for name, value in values.items():
            setattr(modules[place], name, value)


def _copied(state: State) -> State:
    return {
        place: {name: v.clone() if isinstance(v, Tensor) else v for name, v in values.items()}
        for place, values in state.items()
    }


def _check_state(state: State, modules: dict[str, MemoryModule]) -> None:
    expected = {(p, name) for p, module in modules.items() for name, _ in module.named_memories()}
    given = {(place, name) for place, values in state.items() for name in values}
    missing, unknown = _listed(expected - given), _listed(given - expected)
    if missing or unknown:
        raise ValueError(
            f"the state is of another network: missing {missing or 'nothing'}, unknown "
            f"{unknown or 'nothing'}; pass what threaded() has returned, or None to start"
        )


def _listed(names: set[tuple[str, str]]) -> str:
    return ", ".join(f"{place}.{name}" for place, name in sorted(names))
