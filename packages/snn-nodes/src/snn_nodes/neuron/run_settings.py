"""RunSettings: how a node is run, whatever it is: modes, steps, backend, what it keeps."""

from __future__ import annotations

import numbers
from typing import Any

from snn_core.choosing import candidates
from snn_core.types import AsBackend, Backend

from snn_nodes.batch_bound import BatchBound
from snn_nodes.naming import label
from snn_nodes.stepping import Stepping

V_SEQ = "v_seq"


class RunSettings(BatchBound, Stepping):
    """How a node is run.

    Args:
        step_mode: ``'s'``: a call is one step, ``(B, *N)``; ``'m'``: all steps, ``(T, B, *N)``.
        parallel_optim: a call is all steps with time and batch merged, ``(T * B, *N)``, time first.
        T: number of steps of such a call.
        spike_out: whether spikes come out as a ``SpikeTensor``.
        store_v_seq: whether to keep the membranes of a call over time as ``v_seq``, after reset.
        backend: what runs all steps, as for ``snn.integrate``.
        on_new_shape: what to do with a state that belongs to another batch (its shape, dtype or
            device differs from the input's): ``'restart'`` with one warning, or ``'raise'``. It is
            never broadcast.

    Raises:
        ValueError, TypeError, LookupError: a setting is none of these.
    """

    def __init__(
        self,
        *,
        step_mode: str = "s",
        parallel_optim: bool = False,
        T: int = 1,
        spike_out: bool = False,
        store_v_seq: bool = False,
        backend: str | Backend | AsBackend = "auto",
        on_new_shape: str = "restart",
    ) -> None:
        super().__init__()
        check_flags(parallel_optim=parallel_optim, spike_out=spike_out, store_v_seq=store_v_seq)
        self.step_mode = step_mode
        self.parallel_optim = parallel_optim
        self.T = T
        self.spike_out = spike_out
        self.backend = backend
        self.on_new_shape = on_new_shape
        if store_v_seq:
            self.store_v_seq = True

    @property
    def T(self) -> int:
        """Number of steps of a call with ``parallel_optim``."""
        n_steps: int = self.__dict__["_n_steps"]
        return n_steps

    @T.setter
    def T(self, T: int) -> None:
        if isinstance(T, bool) or not isinstance(T, numbers.Integral):
            raise TypeError(f"T of {label(self)} must be an integer, got {T!r}; pass T=4")
        if T < 1:
            raise ValueError(f"T of {label(self)} must be at least 1, got {T}; pass T=4")
        self._n_steps = int(T)

    @property
    def backend(self) -> Any:
        """What runs all steps: a name, or a backend."""
        return self._backend

    @backend.setter
    def backend(self, backend: str | Backend | AsBackend) -> None:
        try:
            self._backends = candidates(backend)
        except LookupError as error:
            error.add_note("backend='auto' takes the fastest that is installed")
            raise
        self._backend = backend

    @property
    def store_v_seq(self) -> bool:
        """Whether the membranes over time are kept as ``v_seq``."""
        return V_SEQ in self._memories

    @store_v_seq.setter
    def store_v_seq(self, store: bool) -> None:
        if store and not self.store_v_seq:
            self.register_memory(V_SEQ, None)
        elif not store and self.store_v_seq:
            delattr(self, V_SEQ)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is found again by name."""
        state = super().__getstate__()
        if isinstance(self._backend, str):
            del state["_backends"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        if isinstance(self._backend, str):
            self._backends = candidates(self._backend)


def check_flags(**flags: bool) -> None:
    """Flags are True or False: what else stands there was meant for another argument."""
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(
                f"{name} must be True or False, got {value!r}; step_mode, store_v_seq, backend are "
                f"given by name: step_mode='m'"
            )
