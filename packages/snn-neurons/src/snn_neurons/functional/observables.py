"""HardwareObservables: what a chip recorded, in one type, and how it meets the model's input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import torch
from snn_core.types import Observed
from torch import Tensor


class HardwareObservables(NamedTuple):
    """Recorded traces, ``(T', B, *N)`` each, None where nothing was recorded; in model units.

    Args:
        spikes: replace the model's spikes, after threshold and refractory mask.
        membrane_cadc: replaces the membrane after integration; there is then no software reset.
        membrane_madc: passed through, never used.
        adaptation: replaces the adaptation after its update.

    The value is the recorded one, the gradient the model's (``snn_core.inject``).
    """

    spikes: Tensor | None = None
    membrane_cadc: Tensor | None = None
    membrane_madc: Tensor | None = None
    adaptation: Tensor | None = None

    @classmethod
    def of(cls, obj: Any) -> HardwareObservables:
        """Observables from any accepted form.

        Args:
            obj: None; HardwareObservables; a tuple ``(spikes, cadc, madc)``, non-firing neurons
                included, with None for their spikes; or an object with ``.spikes``,
                ``.voltage.cadc``, ``.voltage.madc`` and ``.adaptation.cadc``, each part may be
                None.

        Raises:
            ValueError: a tuple of another length.
            TypeError: anything else, or traces that are no tensors.

        >>> HardwareObservables.of((torch.zeros(3, 1, 2), None, None)).spikes.shape
        torch.Size([3, 1, 2])
        >>> HardwareObservables.of(None)
        HardwareObservables(spikes=None, membrane_cadc=None, membrane_madc=None, adaptation=None)
        """
        found = cls._from(obj)
        for name, trace in found._asdict().items():
            if trace is not None and not isinstance(trace, Tensor):
                raise TypeError(f"hw_data.{name} must be a Tensor, got {type(trace).__name__}")
        return found

    @classmethod
    def _from(cls, obj: Any) -> HardwareObservables:
        if obj is None:
            return cls()
        if isinstance(obj, cls):
            return obj
        if isinstance(obj, tuple):
            if len(obj) != 3:
                raise ValueError(
                    f"a tuple of hw_data has 3 parts, (spikes, membrane_cadc, membrane_madc), got "
                    f"{len(obj)}; write None for what was not recorded, such as the spikes of a "
                    f"neuron that does not fire"
                )
            return cls(*obj)
        try:
            spikes, voltage, adaptation = obj.spikes, obj.voltage, obj.adaptation
            cadc, madc = (None, None) if voltage is None else (voltage.cadc, voltage.madc)
            return cls(spikes, cadc, madc, None if adaptation is None else adaptation.cadc)
        except AttributeError as error:
            raise TypeError(
                f"hw_data must be HardwareObservables, a tuple (spikes, membrane_cadc, "
                f"membrane_madc), or an object with .spikes, .voltage.cadc, .voltage.madc and "
                f".adaptation.cadc; got {type(obj).__name__} ({error})"
            ) from error


def summed(input: Tensor | Sequence[Tensor]) -> Tensor:
    """The input: a tensor as it is, several summed.

    Raises:
        ValueError: no tensor, or shapes or dtypes that differ.
        TypeError: neither a tensor nor a tuple of them.
    """
    parts = input if isinstance(input, tuple | list) else (input,)
    if not parts:
        raise ValueError("input is an empty tuple; pass a Tensor (T, B, N) or a tuple of them")
    for one in parts:
        if not isinstance(one, Tensor):
            raise TypeError(
                f"input must be a Tensor (T, B, N) or a tuple of them, got {type(one).__name__}"
            )
        if (one.shape, one.dtype) != (parts[0].shape, parts[0].dtype):
            raise ValueError(
                f"the inputs to be summed have the shapes {tuple(parts[0].shape)} and "
                f"{tuple(one.shape)}, the dtypes {parts[0].dtype} and {one.dtype}; they must be "
                f"equal"
            )
    total: Tensor = reduce(torch.add, parts)
    return total


VARIABLES = {"spikes": "z", "membrane_cadc": "v", "adaptation": "w"}
"""The recorded traces that are used, and the variable of the neuron that each measures."""


def align(
    input: Tensor, hw: HardwareObservables, observes: tuple[str, ...]
) -> tuple[Tensor, Observed | None]:
    """Input and traces, cut to ``T_out``: the least of T and every given trace but the MADC's.

    Args:
        input: ``(T, B, *N)``.
        hw: the traces.
        observes: the variables that the neuron can have measured, as ``Neuron.observes``.

    Raises:
        ValueError: a trace of another batch or layer, an empty one, or one of a variable that the
            neuron does not have.
        TypeError: a trace whose values the input's dtype cannot hold.
    """
    traces = {
        name: trace
        for name, trace in hw._asdict().items()
        if trace is not None and name != "membrane_madc"
    }
    for name, trace in traces.items():
        if VARIABLES[name] not in observes:
            raise ValueError(
                f"hw_data has {name}, and this neuron has none: pass None for it, or switch on "
                f"the term that makes it"
            )
        if trace.shape[1:] != input.shape[1:] or len(trace) == 0:
            raise ValueError(
                f"expected hw_data.{name} of shape (T', B, N) that fits the input "
                f"{tuple(input.shape)}, got {tuple(trace.shape)}; only T' may differ, from 1 on"
            )
        if not torch.can_cast(trace.dtype, input.dtype):
            raise TypeError(
                f"hw_data.{name} is {trace.dtype}, which the input's {input.dtype} cannot hold; "
                f"pass input.to({trace.dtype})"
            )
    if not traces:
        return input, None
    n_steps = min(len(trace) for trace in (input, *traces.values()))
    cut = {VARIABLES[name]: trace[:n_steps].to(input.dtype) for name, trace in traces.items()}
    return input[:n_steps], Observed(**cut)
