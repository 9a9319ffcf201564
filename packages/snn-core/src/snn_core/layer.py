"""Layer: the nn.Module over integrate, owner of one layer's weights and learnable parameters."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from snn_core import checking, lookup
from snn_core.choosing import candidates, choose, select
from snn_core.errors import NumericsWarning
from snn_core.events import Events
from snn_core.integration import pose
from snn_core.owning import Owner
from snn_core.thresholds import Threshold
from snn_core.types import AsBackend, Backend, Neuron, Observed, Output, Problem, Value
from snn_core.types import quantities as quantities_of


class Layer(Owner):
    """One layer of neurons with its weights.

    Args:
        n_in, n_out: numbers of inputs and of neurons.
        neuron: name or record.
        dt: step in seconds; event-driven backends take none.
        params: the neuron's ``Params``, None for its defaults. Tensors in it become buffers.
        recurrent: whether outputs feed back through ``recurrent_weight`` at the next step.
        delay, recurrent_delay: synaptic delays in seconds, for backends that have them; as for
            ``integrate``.
        learn: names of parameters to learn, or of delays. Each starts at its value in ``params``:
            a number is learnt as one number for all neurons, a tensor of shape ``(n_out,)`` one a
            neuron. What must not be negative, such as a time constant or a delay, is learnt
            through its logarithm and must start above 0.
        threshold, record, backend: as for ``integrate``.
        dtype, device: of the weights.

    Attributes:
        weight: ``(n_out, n_in)``, drawn like ``torch.nn.Linear``'s; scale it to your input's rate.
        recurrent_weight: ``(n_out, n_out)`` or None.
        learned: the learnt parameters and delays; ``params``, ``delay`` and ``recurrent_delay``
            give all of them in their units.

    Raises:
        ValueError, TypeError, LookupError: at construction, for whatever can be known then.

    >>> import torch
    >>> from snn_core.testing import TOY
    >>> layer = Layer(5, 3, TOY, dt=1e-3, learn=("tau_mem",))
    >>> layer(torch.rand(10, 2, 5)).output.shape
    torch.Size([10, 2, 3])
    >>> [name for name, _ in layer.named_parameters()]
    ['weight', 'learned.log_tau_mem']
    """

    weight: nn.Parameter
    recurrent_weight: nn.Parameter | None

    def __init__(
        self,
        n_in: int,
        n_out: int,
        neuron: str | Neuron,
        *,
        dt: float | None = None,
        params: Any = None,
        recurrent: bool = False,
        delay: Value | None = None,
        recurrent_delay: Value | None = None,
        learn: Sequence[str] = (),
        threshold: str | Threshold = "super_spike",
        record: Sequence[str] = (),
        backend: str | Backend | AsBackend = "auto",
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("n_in", n_in), ("n_out", n_out)):
            if type(size) is not int:
                raise TypeError(f"{name} must be an integer, got {type(size).__name__}")
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(f"dtype must be floating point, got {dtype}; pass torch.float32")
        self.n_in, self.n_out, self.dt = n_in, n_out, dt
        self.neuron = lookup.neuron(neuron)
        self.threshold = lookup.threshold(threshold)
        self.record = checking.names_of("record", record)
        self.backends = candidates(backend)
        self._asked = backend if isinstance(backend, str) else self.backends[0].name
        self.weight = nn.Parameter(torch.empty(n_out, n_in, dtype=dtype, device=device))
        self.recurrent_weight = None
        if recurrent:
            square = torch.empty(n_out, n_out, dtype=dtype, device=device)
            self.recurrent_weight = nn.Parameter(square)
        self.reset_parameters()
        given = {"delay": delay, "recurrent_delay": recurrent_delay}
        delays = {name: value for name, value in given.items() if value is not None}
        self._own_all(params, delays, checking.names_of("learn", learn))
        self._chosen()  # wrong arguments show here and now

    def _own_all(self, params: Any, delays: dict[str, Value], learn: tuple[str, ...]) -> None:
        """Keep parameters and delays: as what is learnt, as buffers, as numbers."""
        params = self.neuron.Params() if params is None else params
        checking.check_params_type(self.neuron, params)
        values = params._asdict() | delays
        _check_names(self.neuron, delays, learn, values)
        known = quantities_of(self.neuron.Params) | dict.fromkeys(delays, checking.DELAY)
        self._own(f"neuron {self.neuron.name!r}", values, known, learn, self.weight)
        self._delays = tuple(delays)

    @property
    def params(self) -> Any:
        """The neuron's Params as they stand now, learnt ones in their own units.

        >>> from snn_core.testing import TOY
        >>> round(Layer(5, 3, TOY, dt=1e-3, learn=("tau_mem",)).params.tau_mem.item(), 6)
        0.01
        """
        return self.neuron.Params(*map(self._value, self.neuron.Params._fields))

    @property
    def delay(self) -> Value | None:
        """The delay of ``weight`` as it stands now, in seconds; None without.

        >>> from snn_core.eager import EAGER
        >>> from snn_core.testing import TOY
        >>> backend = EAGER._replace(delays=True)  # in the place of one that really has them
        >>> layer = Layer(5, 3, TOY, dt=1e-3, delay=2e-3, learn=("delay",), backend=backend)
        >>> round(layer.delay.item(), 6), layer.recurrent_delay
        (0.002, None)
        """
        return self._delay("delay")

    @property
    def recurrent_delay(self) -> Value | None:
        """The delay of ``recurrent_weight`` as it stands now, in seconds; None without."""
        return self._delay("recurrent_delay")

    def _delay(self, name: str) -> Value | None:
        """A delay, not a parameter that a neuron happens to call so."""
        return self._value(name) if name in self._delays else None

    def reset_parameters(self) -> None:
        """Draw the weights anew, uniformly in ``±1/sqrt(fan-in)`` as ``torch.nn.Linear`` does."""
        for weight in (self.weight, self.recurrent_weight):
            if weight is not None:
                bound = 1 / math.sqrt(weight.shape[1])
                nn.init.uniform_(weight, -bound, bound)

    def forward(
        self,
        x: Tensor | Events,
        state: Any = None,
        *,
        record: Sequence[str] | None = None,
        observed: Observed | None = None,
    ) -> Output:
        """Run the layer: what ``integrate`` returns for x ``(T, B, n_in)`` or Events.

        ``record`` is the layer's own if not given.

        >>> from snn_core.testing import TOY
        >>> layer, x = Layer(5, 3, TOY, dt=1e-3), torch.rand(10, 2, 5)
        >>> out = layer(x, record=("v",))
        >>> layer(x, out.state).output.shape, out.traces.v.shape
        (torch.Size([10, 2, 3]), torch.Size([10, 2, 3]))
        """
        record = self.record if record is None else tuple(record)
        problem = self._pose(x, state, record, observed)
        return choose(self.backends, problem).run(problem)

    def _pose(
        self, x: Tensor | Events, state: Any, record: tuple[str, ...], observed: Observed | None
    ) -> Problem:
        return pose(
            self.neuron,
            x,
            params=self.params,
            state=state,
            dt=self.dt,
            weight=self.weight,
            recurrent_weight=self.recurrent_weight,
            threshold=self.threshold,
            record=record,
            observed=observed,
            delay=self.delay,
            recurrent_delay=self.recurrent_delay,
        )

    def _chosen(self) -> Backend:
        """The backend for the least input that this layer takes: no spike at all."""
        x: Tensor | Events = self.weight.new_zeros(1, 1, self.n_in)
        if self.dt is None:
            nothing = self.weight.new_empty(1, 0)
            x = Events(nothing, nothing.long(), (self.n_in,), 1.0)
        return select(self.backends, self._pose(x, None, self.record, None))[0]

    def _saved_numbers(self) -> dict[str, float]:
        """dt, the parameters that are numbers, and, if a delay is one, both delays (NaN: is none).

        Both, because nothing else in what is saved tells which of the two it was.
        """
        delays = {name: self._numbers.get(name, math.nan) for name in checking.DELAYS}
        parameters = {n: value for n, value in self._numbers.items() if n not in self._delays}
        some = any(name in self._numbers for name in self._delays)
        return {"dt": self.dt or 0.0} | parameters | (delays if some else {})

    def get_extra_state(self) -> Tensor:
        """dt and what else is a number: saved beside the weights, to be compared."""
        return torch.tensor([*self._saved_numbers().values()], dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Warn if the weights that are being loaded were made with other numbers than these."""
        own = self._saved_numbers()
        if state.shape != (len(own),):
            raise ValueError(
                f"the saved layer has other parameters than neuron {self.neuron.name!r} with "
                f"learn={tuple(self.learned)} and the delays {self._delays}; construct the layer "
                f"as it was saved"
            )
        differing = [
            f"{name} was {_shown(was)}, is {_shown(now)}"
            for (name, now), was in zip(own.items(), state.tolist(), strict=True)
            if was != now and not (math.isnan(was) and math.isnan(now))
        ]
        if differing:
            warnings.warn(
                f"the loaded weights belong to a layer with other numbers: {', '.join(differing)}",
                NumericsWarning,
                stacklevel=2,
            )

    def extra_repr(self) -> str:
        """Sizes, names, and the backend that would run now."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                chosen = self._chosen().name
            except (ValueError, TypeError):  # parameters gone wrong must not keep one from looking
                chosen = "none"
        asked = f"auto ({chosen})" if self._asked == "auto" else self._asked
        names = (*self.neuron.Params._fields, *self._delays)
        parts = [
            f"{self.n_in}, {self.n_out}, neuron={self.neuron.name}, dt={self.dt}",
            f"threshold={self.threshold.name}(alpha={self.threshold.alpha:g})",
            f"recurrent={self.recurrent_weight is not None}",
            *(f"{name}={_shown(self._value(name))}" for name in self._delays),
            f"backend={asked}",
        ]
        learnt = ",".join(filter(self._learns, names))
        return ", ".join(parts + ([f"learn={learnt}"] if learnt else []))


def _shown(value: Value | None) -> str:
    """A number (NaN: there is none), or the shape of a tensor that is not one or has no values."""
    if isinstance(value, Tensor):
        return str(tuple(value.shape)) if value.ndim or value.is_meta else f"{value.item():g}"
    return "none" if value is None or math.isnan(value) else f"{value:g}"


def _check_names(
    neuron: Neuron, delays: Iterable[str], learn: tuple[str, ...], values: dict[str, Any]
) -> None:
    """Each value has a name of its own, and what is to be learnt is there."""
    for name in delays:
        if name in neuron.Params._fields:
            raise ValueError(
                f"neuron {neuron.name!r} has a parameter {name!r}, so that the layer cannot keep "
                f"a synaptic delay of that name; rename the parameter"
            )
    for name in sorted(set(learn) - set(values)):
        if name in checking.DELAYS:
            raise ValueError(
                f"cannot learn {name!r} without a value to start at; pass {name}=1e-3 (seconds)"
            )
        raise ValueError(
            f"cannot learn {name!r}: parameters of neuron {neuron.name!r} are "
            f"{', '.join(neuron.Params._fields)}, delays are {', '.join(checking.DELAYS)}"
        )
