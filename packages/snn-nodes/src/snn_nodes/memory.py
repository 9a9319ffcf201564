"""MemoryModule: a module with memories, values that belong to a run and not to the model.

Memories are never in ``state_dict()``: a checkpoint holds what was learnt, whatever batch came
last. They move with ``.to()``, and copies of the module (``deepcopy``, pickle) take their values
along, cut from the graph that led to them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from snn_nodes.naming import label


class MemoryModule(nn.Module):
    """A module whose memories act as attributes and go back to their reset values by ``reset``.

    ``copy.copy`` and replicas of ``torch.nn.DataParallel`` share weights, but not memories.

    >>> import torch
    >>> module = MemoryModule()
    >>> module.register_memory("v", 0.0)
    >>> module.v = torch.ones(2)
    >>> dict(module.named_memories()), len(module.state_dict())
    ({'v': tensor([1., 1.])}, 0)
    >>> module.reset()
    >>> module.v
    0.0
    """

    _memories: dict[str, Any]
    _reset_values: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self._memories = {}
        self._reset_values = {}
        self._place = None

    def register_memory(self, name: str, value: Any) -> None:
        """Add a memory: the value that it has now and after each reset.

        Raises:
            ValueError: the module has an attribute of this name.

        >>> node = MemoryModule()
        >>> node.register_memory("training", 0.0)
        Traceback (most recent call last):
        ValueError: MemoryModule() has an attribute 'training' already; give the memory another name
        """
        if name in dir(self):
            raise ValueError(
                f"{label(self)} has an attribute {name!r} already; give the memory another name"
            )
        self._memories[name] = value
        self.set_reset_value(name, value)

    def set_reset_value(self, name: str, value: Any) -> None:
        """What ``reset`` sets a memory to from now on; a copy is kept.

        Raises:
            KeyError: there is no memory of this name.
        """
        if name not in self._memories:
            known = ", ".join(self._memories) or "none"
            raise KeyError(f"{label(self)} has no memory {name!r}; it has: {known}")
        self._reset_values[name] = copy.deepcopy(_cut(value))

    def reset(self) -> None:
        """Set every memory to a copy of its reset value."""
        for name, value in self._reset_values.items():
            self._memories[name] = copy.deepcopy(value)

    def detach(self) -> None:
        """Cut every memory from the graph that led to it, as for truncated BPTT."""
        for name, value in self._memories.items():
            self._memories[name] = _cut(value)

    def memories(self) -> Iterator[Any]:
        """The values of all memories."""
        yield from self._memories.values()

    def named_memories(self) -> Iterator[tuple[str, Any]]:
        """The names and values of all memories."""
        yield from self._memories.items()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> MemoryModule:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for values in (self._memories, self._reset_values):
            for name, value in values.items():
                values[name] = fn(value) if isinstance(value, Tensor) else value
        return self

    def _replicate_for_data_parallel(self) -> MemoryModule:
        """A replica of ``torch.nn.DataParallel`` has memories of its own."""
        replica: MemoryModule = super()._replicate_for_data_parallel()  # type: ignore[no-untyped-call]
        replica.__dict__["_memories"] = dict(self._memories)
        return replica

    def __getattr__(self, name: str) -> Any:
        memories = self.__dict__.get("_memories")
        if memories is not None and name in memories:
            return memories[name]
        return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        memories = self.__dict__.get("_memories")
        if memories is not None and name in memories:
            memories[name] = value
        else:
            super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if name in self._memories:
            del self._memories[name], self._reset_values[name]
        else:
            super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names: list[str] = super().__dir__()  # type: ignore[no-untyped-call]
        return sorted({*names, *self._memories})

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles are made of: memories cut from their graph, which has no copy."""
        cut = {name: _cut(value) for name, value in self._memories.items()}
        return {**self.__dict__, "_memories": cut, "_reset_values": dict(self._reset_values)}


class MemoryContainer(MemoryModule):
    """A module with modules inside, whose memories ``reset`` and ``detach`` reach too.

    >>> outer = MemoryContainer()
    >>> outer.inner = MemoryModule()
    >>> outer.inner.register_memory("v", 0.0)
    >>> outer.inner.v = 1.0
    >>> outer.reset()
    >>> outer.inner.v
    0.0
    """

    def reset(self) -> None:
        """Set its memories and those inside of it to their reset values."""
        super().reset()
        for module in self._inside():
            module.reset()

    def detach(self) -> None:
        """Cut its memories and those inside of it from the graph that led to them."""
        super().detach()
        for module in self._inside():
            module.detach()

    def _inside(self) -> list[MemoryModule]:
        return [m for m in self.modules() if isinstance(m, MemoryModule) and m is not self]


def _cut(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value
