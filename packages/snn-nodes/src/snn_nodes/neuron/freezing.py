"""frozen: what of an object decides what it does, as a value that can be compared and hashed.

A kernel is made from a step once and used for every call that has the same frozen values. So only
what cannot change behind one's back is frozen: plain values, functions without a closure, and
modules made of them, without weights and hooks.
"""

from __future__ import annotations

import copy
import enum
import types
from typing import Any

import torch
from snn_core.thresholds import Threshold
from torch import nn

from snn_nodes.naming import PLACE

_PLAIN = (type(None), bool, int, float, complex, str, bytes, range, type, enum.Enum)
_OF_TORCH = (torch.dtype, torch.device, Threshold)
_MODULE = frozenset(vars(nn.Module()))
_OF_NO_EFFECT = _MODULE | {PLACE}
_HOOKS = tuple(name for name in _MODULE if name.endswith("_hooks"))


class NotPlain(Exception):
    """An object that may change without a sign."""


class Held:
    """A module by its frozen value: two are equal if they do the same.

    Args:
        module: without weights and hooks.

    Raises:
        NotPlain: it has an attribute that may change without a sign.

    >>> Held(nn.ELU(2.0)) == Held(nn.ELU(2.0)), Held(nn.ELU()) == Held(nn.ELU(2.0))
    (True, False)
    """

    def __init__(self, module: nn.Module) -> None:
        self.value = _of_module(module)
        self.module = module

    def copied(self) -> nn.Module:
        """The module as it is now, whatever becomes of it."""
        return copy.deepcopy(self.module)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


def frozen(value: Any) -> Any:
    """A hashable value that differs where the object does something else.

    Raises:
        NotPlain: it may change without a sign.

    >>> frozen((1, "a", None)) == frozen((1, "a", None)), frozen(True) == frozen(1)
    (True, False)
    """
    if isinstance(value, tuple | frozenset):
        return type(value), tuple(map(frozen, value))
    if isinstance(value, nn.Module):
        return _of_module(value)
    constant = isinstance(value, _PLAIN + _OF_TORCH + (types.BuiltinFunctionType,))
    if constant or (isinstance(value, types.FunctionType) and value.__closure__ is None):
        return type(value), value
    raise NotPlain(type(value).__name__)


def has_hooks(module: nn.Module) -> bool:
    """Whether somebody listens to a module, or changes what it is given or gives."""
    return any(module.__dict__[name] for name in _HOOKS)


def _of_module(module: nn.Module) -> Any:
    if module._parameters or module._buffers or has_hooks(module):
        raise NotPlain(type(module).__name__)
    own = ((name, value) for name, value in vars(module).items() if name not in _OF_NO_EFFECT)
    parts = (*own, *module._modules.items(), ("training", module.training))
    return type(module), tuple((name, frozen(value)) for name, value in parts)


def of_class(kind: type, base: type) -> tuple[Any, ...]:
    """The numbers and the like that a class and those between it and ``base`` keep for all."""
    between = kind.__mro__[: kind.__mro__.index(base)]
    return tuple(
        (name, type(value), value)
        for one in between
        for name, value in vars(one).items()
        if isinstance(value, bool | int | float | str) and not name.startswith("__")
    )
