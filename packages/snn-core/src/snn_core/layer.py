"""Layer: the nn.Module over integrate, owner of one layer's weights and learnable parameters."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from snn_core import checking, lookup
from snn_core.choosing import candidates, choose, select
from snn_core.errors import NumericsWarning
from snn_core.events import Events
from snn_core.integration import pose
from snn_core.thresholds import Threshold
from snn_core.types import Backend, Neuron, Observed, Output, Problem, Quantity, quantities


class Layer(nn.Module):
    """One layer of neurons with its weights.

    Args:
        n_in, n_out: numbers of inputs and of neurons.
        neuron: name or record.
        dt: step in seconds; event-driven backends take none.
        params: the neuron's ``Params``, None for its defaults. Tensors in it become buffers.
        recurrent: whether outputs feed back through ``recurrent_weight`` at the next step.
        learn: names of parameters to learn. Each starts at its value in ``params``: a number is
            learnt as one number for all neurons, a tensor of shape ``(n_out,)`` one a neuron. A
            positive one, such as a time constant, is learnt through its logarithm.
        threshold, record, backend: as for ``integrate``.
        dtype, device: of the weights.

    Attributes:
        weight: ``(n_out, n_in)``, drawn like ``torch.nn.Linear``'s; scale it to your input's rate.
        recurrent_weight: ``(n_out, n_out)`` or None.
        learned: the learnt parameters; ``params`` gives all of them in their units.

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
        learn: Sequence[str] = (),
        threshold: str | Threshold = "super_spike",
        record: Sequence[str] = (),
        backend: str | Backend = "auto",
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
        self._asked = backend if isinstance(backend, str) else backend.name
        self.weight = nn.Parameter(torch.empty(n_out, n_in, dtype=dtype, device=device))
        self.recurrent_weight = None
        if recurrent:
            square = torch.empty(n_out, n_out, dtype=dtype, device=device)
            self.recurrent_weight = nn.Parameter(square)
        self.reset_parameters()
        learn = checking.names_of("learn", learn)
        self._split_params(self.neuron.Params() if params is None else params, learn)
        self._chosen()  # wrong arguments show here and now

    def _split_params(self, params: Any, learn: tuple[str, ...]) -> None:
        """Sort the parameters into learnt ones (nn.Parameter), tensors (buffers) and numbers."""
        checking.check_params_type(self.neuron, params)
        unknown = set(learn) - set(params._fields)
        if unknown:
            raise ValueError(
                f"cannot learn {sorted(unknown)[0]!r}: parameters of neuron "
                f"{self.neuron.name!r} are {', '.join(params._fields)}"
            )
        known = {name: Quantity("") for name in params._fields} | quantities(self.neuron.Params)
        self._logarithmic = frozenset(
            name for name in learn if known[name].positive or known[name].nonnegative
        )
        self._numbers = {}
        self.learned = nn.ParameterDict()
        self.fixed = nn.Module()
        for name, value in params._asdict().items():
            _check_not_attached(name, value)
            if name in learn:
                _check_learnable(self.neuron, name, known[name])
                self.learned[self._learned_name(name)] = self._start(name, value)
            elif isinstance(value, Tensor):
                self.fixed.register_buffer(name, value.clone())
            else:
                self._numbers[name] = value

    def _learned_name(self, name: str) -> str:
        return f"log_{name}" if name in self._logarithmic else name

    def _start(self, name: str, value: float | Tensor) -> nn.Parameter:
        """A number in the precision of the weights, a tensor as it is, or their logarithm."""
        if not isinstance(value, Tensor):
            value = torch.tensor(value, dtype=self.weight.dtype, device=self.weight.device)
        if name not in self._logarithmic:
            return nn.Parameter(value.clone())
        values = checking.readable(value)
        if values is not None and not bool((values > 0).all()):
            raise ValueError(
                f"{name} must be positive to be learnt through its logarithm, got "
                f"{values.min().item()}"
            )
        return nn.Parameter(value.log())

    @property
    def params(self) -> Any:
        """The neuron's Params as they stand now, learnt ones in their own units.

        >>> from snn_core.testing import TOY
        >>> round(Layer(5, 3, TOY, dt=1e-3, learn=("tau_mem",)).params.tau_mem.item(), 6)
        0.01
        """
        values = {}
        for name in self.neuron.Params._fields:
            if name in self._numbers:
                values[name] = self._numbers[name]
            elif self._learned_name(name) in self.learned:
                raw = self.learned[self._learned_name(name)]
                values[name] = raw.exp() if name in self._logarithmic else raw
            else:
                values[name] = getattr(self.fixed, name)
        return self.neuron.Params(**values)

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
        )

    def _chosen(self) -> Backend:
        """The backend for the least input that this layer takes: no spike at all."""
        x: Tensor | Events = self.weight.new_zeros(1, 1, self.n_in)
        if self.dt is None:
            nothing = self.weight.new_empty(1, 0)
            x = Events(nothing, nothing.long(), (self.n_in,), 1.0)
        return select(self.backends, self._pose(x, None, self.record, None))[0]

    def get_extra_state(self) -> Tensor:
        """dt and the parameters that are numbers: saved beside the weights, to be compared."""
        return torch.tensor([self.dt or 0.0, *self._numbers.values()], dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Warn if the weights that are being loaded were made with other numbers than these."""
        names, own = ("dt", *self._numbers), self.get_extra_state()
        if state.shape != own.shape:
            raise ValueError(
                f"the saved layer has other parameters than neuron {self.neuron.name!r} with "
                f"learn={tuple(self.learned)}; construct the layer as it was saved"
            )
        differing = [
            f"{name} was {was:g}, is {now:g}"
            for name, was, now in zip(names, state.tolist(), own.tolist(), strict=True)
            if was != now
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
        learnt = [n for n in self.neuron.Params._fields if self._learned_name(n) in self.learned]
        parts = [
            f"{self.n_in}, {self.n_out}, neuron={self.neuron.name}, dt={self.dt}",
            f"threshold={self.threshold.name}(alpha={self.threshold.alpha:g})",
            f"recurrent={self.recurrent_weight is not None}",
            f"backend={asked}",
        ]
        return ", ".join(parts + ([f"learn={','.join(learnt)}"] if learnt else []))


def _check_not_attached(name: str, value: object) -> None:
    if isinstance(value, Tensor) and value.requires_grad:
        raise ValueError(
            f"{name} requires a gradient, but a layer owns what it learns: "
            f"pass its value, {name}.detach(), and learn=({name!r},)"
        )


def _check_learnable(neuron: Neuron, name: str, quantity: Quantity) -> None:
    if not quantity.learnable:
        raise ValueError(f"{name} of neuron {neuron.name!r} has no gradient; it cannot be learnt")
