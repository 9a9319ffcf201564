"""Which backend runs a problem: the one asked for, or the fastest that supports it."""

from __future__ import annotations

import warnings

from snn_core import lookup
from snn_core.errors import BackendWarning, MissingNeed, PluginWarning, Unsupported
from snn_core.events import Events
from snn_core.registry import default_registry
from snn_core.types import AsBackend, Backend, Problem

_NO_DELAYS = (
    "it has no synaptic delays; leave delay and recurrent_delay out, or take a backend that has "
    "them, such as 'eventprop_exact'"
)


def candidates(backend: str | Backend | AsBackend) -> tuple[Backend, ...]:
    """The backends to try, the fastest first: all installed and ranked for "auto", else the one."""
    if backend != "auto":
        return (lookup.backend(backend),)
    return default_registry().remembered("auto", _ranked)


def _ranked() -> tuple[Backend, ...]:
    found = [_usable(name) for name in default_registry().names("backend")]
    ranked = [(one.rank, one) for one in found if one is not None and one.rank is not None]
    return tuple(one for _, one in sorted(ranked, key=lambda pair: -pair[0]))


def _usable(name: str) -> Backend | None:
    """The backend, or None if it cannot be had: a stranger's broken one must not stop "auto"."""
    try:
        backend = lookup.backend(name)
        if backend.rank is not None and type(backend.rank) is not int:
            raise TypeError(f"its rank must be an integer or None, got {backend.rank!r}")
        return backend
    except MissingNeed:
        return None  # registered, but what it needs is not installed: `snn doctor` says so
    except Exception as error:
        message = f"backend {name!r} is passed over: {type(error).__name__}: {error}"
        warnings.warn(f"{message}; run `snn doctor`", PluginWarning, stacklevel=4)
        return None


def select(backends: tuple[Backend, ...], problem: Problem) -> tuple[Backend, list[str]]:
    """The first backend that supports the problem, and why those before it declined.

    Raises:
        Unsupported: none does; the message has every reason.
    """
    reasons: list[str] = []
    for backend in _of_device(backends, problem) or backends:
        reason = _reason(backend, problem)
        if reason is None:
            return backend, reasons
        reasons.append(f"backend {backend.name!r} cannot run this: {reason}")
    raise Unsupported("; ".join(reasons) or "no backend is left to choose from; run `snn doctor`")


def _of_device(backends: tuple[Backend, ...], problem: Problem) -> tuple[Backend, ...]:
    """Those that run on the problem's device: that the others do not is no news to anyone."""
    tensor = problem.x if problem.weight is None else problem.weight
    device = (tensor.times if isinstance(tensor, Events) else tensor).device.type
    return tuple(one for one in backends if one.devices is None or device in one.devices)


def _reason(backend: Backend, problem: Problem) -> str | None:
    """Why the backend declines; one whose question fails declines too, and says so."""
    delayed = problem.delay is not None or problem.recurrent_delay is not None
    if delayed and not backend.delays:
        return _NO_DELAYS
    try:
        reason = backend.supports(problem)
    except Exception as error:
        return f"its supports() raised {type(error).__name__}: {error}"
    if reason is None or isinstance(reason, str):
        return reason
    return f"its supports() returned {reason!r}, neither None nor a reason"


def choose(backends: tuple[Backend, ...], problem: Problem) -> Backend:
    """``select``, with one warning if a faster backend declined."""
    backend, reasons = select(backends, problem)
    if reasons:
        message = f"{'; '.join(reasons)}; running on {backend.name!r}"
        warnings.warn(message, BackendWarning, stacklevel=3)
    return backend
