"""Names to records: neuron, threshold, backend, names. Records pass through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, overload

from torch import Tensor

from snn_core.registry import Registry, default_registry
from snn_core.thresholds import Threshold
from snn_core.types import AsBackend, Backend, Neuron

Record = TypeVar("Record")

RECORDS: Mapping[str, type] = {"neuron": Neuron, "threshold": Threshold, "backend": Backend}
"""The record that each kind resolves to; a command is a function."""


def names(kind: str, registry: Registry | None = None) -> tuple[str, ...]:
    """The canonical names of a kind, sorted; nothing is imported.

    Args:
        kind: ``"neuron"``, ``"threshold"``, ``"backend"`` or ``"command"``.
        registry: where to look; the registry of this process if not given.

    >>> "eager" in names("backend")
    True
    """
    return (registry or default_registry()).names(kind)


def neuron(name: str | Neuron, registry: Registry | None = None) -> Neuron:
    """The neuron of a name, an alias, or a qualified name such as ``"snn-neurons/lif"``.

    Raises:
        UnknownName, AmbiguousName, MissingNeed: as the registry says.
        TypeError: neither a name nor a Neuron.

    >>> from types import SimpleNamespace
    >>> from snn_core import Entry, hookimpl
    >>> from snn_core.testing import TOY
    >>> plugin = SimpleNamespace(snn_neurons=hookimpl(lambda: [Entry("my_toy", TOY, "a toy")]))
    >>> with default_registry().temporary(plugin):
    ...     neuron("My-Toy") is TOY
    True
    """
    return _record("neuron", Neuron, name, registry)


def backend(name: str | Backend | AsBackend, registry: Registry | None = None) -> Backend:
    """The backend of a name, an alias, or a qualified name; ``"auto"`` is none, but a choice.

    Raises:
        UnknownName, AmbiguousName, MissingNeed: as the registry says.
        TypeError: neither a name nor a Backend, nor anything that is one (``AsBackend``).

    >>> backend("eager").name
    'eager'
    """
    if isinstance(name, AsBackend) and not isinstance(name, type):
        name = name.as_backend()
    return _record("backend", Backend, name, registry)


@overload
def threshold(
    name: str | Threshold,
    /,
    *,
    alpha: float | Tensor | None = None,
    strict: bool | None = None,
    registry: Registry | None = None,
) -> Threshold: ...


@overload
def threshold(
    x: Tensor,
    /,
    method: str | Threshold,
    alpha: float | Tensor | None = None,
    *,
    strict: bool | None = None,
    registry: Registry | None = None,
) -> Tensor: ...


def threshold(
    first: str | Threshold | Tensor,
    /,
    method: str | Threshold | None = None,
    alpha: float | Tensor | None = None,
    *,
    strict: bool | None = None,
    registry: Registry | None = None,
) -> Threshold | Tensor:
    """A threshold by name, or, with a tensor before the name, its spikes.

    ``threshold(x, "super_spike", 50.0)`` is ``threshold("super_spike", alpha=50.0)(x)``, the form
    of ``hxtorch.spiking.functional.threshold``.

    Args:
        first: the name (or a record); or ``x = v - v_th``, of any shape, in volts.
        method: the name (or a record), if ``x`` came first.
        alpha: sharpness, width or amplitude, as the formula says; the record's own if not given.
        strict: fires where ``x > 0`` if true, where ``x >= 0`` if not; the record's own if not
            given.
        registry: where to look; the registry of this process if not given.

    Returns:
        The record, or spikes of the shape and dtype of ``x``.

    Raises:
        UnknownName, AmbiguousName, MissingNeed: as the registry says.
        TypeError: neither a name, a record nor a tensor; or ``x`` is not floating-point.
        ValueError: alpha is not finite and above 0.

    >>> import torch
    >>> threshold("Super-Spike", alpha=50.0).alpha
    50.0
    >>> x = torch.tensor([-0.02, 0.02], requires_grad=True)
    >>> z = threshold(x, "super_spike", 50.0)
    >>> z.sum().backward()
    >>> z.tolist(), x.grad.tolist()
    ([0.0, 1.0], [0.25, 0.25])
    """
    x = first if isinstance(first, Tensor) else None
    name = first if x is None else method
    if name is None or (x is None and method is not None):
        given = " and ".join(type(one).__name__ for one in (first, method) if one is not None)
        raise TypeError(
            f"threshold takes a name, as in threshold('super_spike', alpha=50.0), or a tensor and "
            f"a name, as in threshold(x, 'super_spike', 50.0); got {given}"
        )
    record = _record("threshold", Threshold, name, registry)
    if alpha is not None:
        record = record.with_alpha(alpha)
    if strict is not None:
        record = record.with_strictness(strict)
    return record if x is None else record(x)


def check_record(kind: str, name: str, found: object) -> None:
    """Raise TypeError if what a plugin registered under a kind is not what the kind resolves to."""
    expected = RECORDS.get(kind)
    if expected is None and not callable(found):
        wanted = "a function (argv: list[str]) -> int"
    elif expected is not None and not isinstance(found, expected):
        wanted = f"a snn_core.{expected.__name__}"
    else:
        return
    raise TypeError(
        f"{kind} {name!r} is registered as {type(found).__name__}, expected {wanted}; "
        f"its plugin must name another target"
    )


def _record(kind: str, expected: type[Record], name: object, registry: Registry | None) -> Record:
    if isinstance(name, expected):
        return name
    if not isinstance(name, str):
        raise TypeError(
            f"expected the name of a {kind} or a snn_core.{expected.__name__}, "
            f"got {type(name).__name__}; snn_core.names({kind!r}) lists the names"
        )
    found = (registry or default_registry()).resolve(kind, name)
    check_record(kind, name, found)
    record: Record = found
    return record
