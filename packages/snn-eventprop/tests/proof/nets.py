"""Networks of one layer with everything that a layer can have, and how the package runs them."""

from __future__ import annotations

import dataclasses
import math

import snn_core as snn
import torch
from snn_core import Events, RecurrentState
from torch import Tensor

BACKEND = "eventprop_exact"
PARAMETERS = ("tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "refractory_time")
TIME_CONSTANTS = {
    "20_5": (20e-3, 5e-3),
    "10_10": (10e-3, 10e-3),
    "10_5": (10e-3, 5e-3),
    "5_12": (5e-3, 12e-3),
    "nearly_equal": (10e-3, 10e-3 * (1 + 1e-7)),
}


@dataclasses.dataclass(frozen=True)
class Net:
    """N neurons, M input channels, B samples of K input events; what is None is left out."""

    index: Tensor  # (B, K)
    duration: float
    times: Tensor  # (B, K)
    weight: Tensor  # (N, M)
    tau_mem: Tensor | float = 10e-3
    tau_syn: Tensor | float = 5e-3
    v_th: Tensor | float = 1.0
    v_reset: Tensor | float = 0.0
    v_leak: Tensor | float = 0.0
    refractory_time: Tensor | float | None = None
    recurrent_weight: Tensor | None = None
    delay: Tensor | float | None = None
    recurrent_delay: Tensor | float | None = None
    v: Tensor | None = None  # (B, N), as i and ref
    i: Tensor | None = None
    ref: Tensor | None = None

    @property
    def leaves(self) -> dict[str, Tensor]:
        """Every tensor that can have a gradient, by name.

        Not the held time at the start where it is nought: there it has a derivative on one side.
        """
        found = self._floating()
        if self.ref is not None and not bool((self.ref > 0).all()):
            del found["ref"]
        return found

    def replace(self, **changes) -> Net:
        return dataclasses.replace(self, **changes)

    def _floating(self) -> dict[str, Tensor]:
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {k: v for k, v in fields.items() if isinstance(v, Tensor) and v.is_floating_point()}

    def attached(self) -> Net:
        """The same net with leaves of its own that require gradients."""
        return self.replace(
            **{k: v.detach().clone().requires_grad_() for k, v in self.leaves.items()}
        )

    def cast(self, dtype) -> Net:
        return self.replace(**{k: v.detach().to(dtype) for k, v in self._floating().items()})

    def sample(self, b: int) -> Net:
        """Sample b alone, as a batch of one."""
        rows = {k: getattr(self, k) for k in ("index", "times", "v", "i", "ref")}
        return self.replace(**{k: v[b : b + 1] for k, v in rows.items() if v is not None})

    @property
    def events(self) -> Events:
        return Events(self.times, self.index, (self.weight.shape[1],), self.duration)

    def run(self, backend=BACKEND, observed=None, **more):
        """What ``integrate`` returns."""
        return snn.integrate(
            "lif" if self.refractory_time is None else "lif_refractory",
            self.events,
            params=self._params(),
            state=self._state(),
            weight=self.weight,
            recurrent_weight=self.recurrent_weight,
            delay=self.delay,
            recurrent_delay=self.recurrent_delay,
            backend=backend,
            observed=observed,
            **more,
        )

    def _params(self):
        values = {name: getattr(self, name) for name in PARAMETERS}
        if self.refractory_time is None:
            del values["refractory_time"]
            return snn.neuron("lif").Params(**values)
        return snn.neuron("lif_refractory").Params(**values)

    def _state(self):
        if self.v is None:
            return None
        if self.refractory_time is None:
            inner = snn.neuron("lif").State(self.v, self.i)
        else:
            inner = snn.neuron("lif_refractory").State(self.v, self.i, self.ref)
        if self.recurrent_weight is None:
            return inner
        return RecurrentState(inner, torch.zeros_like(self.v))


def with_inputs(net: Net, times, index) -> Net:
    """The net with other input events, given as numbers for each sample."""
    times = torch.as_tensor(times, dtype=torch.float64).reshape(len(net.times), -1)
    return net.replace(times=times, index=torch.as_tensor(index).reshape(times.shape).long())


def end_of(output):
    """The neurons' State after a run, of a recurrent layer too."""
    state = output.state
    return state.neuron if isinstance(state, RecurrentState) else state


def real(events: Events) -> Tensor:
    """Where an event is no padding, ``(B, K)``."""
    return events.times.detach() != math.inf


def coefficients(events: Events, seed: int = 0) -> Tensor:
    """A weight for each event in a loss of times, the same for event k of a sample in any batch."""
    n_batch, n_events = events.times.shape
    row = torch.rand(
        max(n_events, 10_000), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return (row[:n_events] * 2 - 0.7).to(events.times.dtype).expand(n_batch, n_events)


def loss_of_times(events: Events) -> Tensor:
    """A sum of spike times, each with a coefficient of its own."""
    is_real = real(events)
    return (coefficients(events)[is_real] * events.times[is_real]).sum()


def loss_of_state(state) -> Tensor:
    """A sum of what the neurons' State holds, each neuron and variable with its own factor."""
    factors = torch.linspace(0.5, 1.5, state.v.shape[1], dtype=state.v.dtype)
    return (factors * state.v).sum() - (factors.flip(0) * state.i).sum() * 0.3


def gradients(net: Net, loss, backend=BACKEND, observed=None) -> dict[str, Tensor]:
    """The package's gradient of ``loss(output)`` for every leaf."""
    net = net.attached()
    total = loss(net.run(backend, observed))
    found = torch.autograd.grad(total, list(net.leaves.values()), allow_unused=True)
    return {
        name: torch.zeros_like(leaf) if gradient is None else gradient
        for (name, leaf), gradient in zip(net.leaves.items(), found, strict=True)
    }


def random_net(
    seed: int,
    *,
    taus=(20e-3, 5e-3),
    n=4,
    m=5,
    k=15,
    b=2,
    refractory=0.0,
    recurrent=True,
    delays=True,
    leak_above=False,
    strength=1.6,
    duration=0.12,
) -> Net:
    """A random net in float64, every parameter per neuron, weights of both signs."""
    source = torch.Generator().manual_seed(seed)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(shape, generator=source, dtype=torch.float64)

    v_leak = uniform(-0.15, 0.15, n)
    if leak_above:
        v_leak[: max(1, n // 2)] = 1.35
    return Net(
        index=torch.randint(0, m, (b, k), generator=source),
        duration=duration,
        times=uniform(0.0, 0.6 * duration, b, k).sort(dim=1).values,
        weight=uniform(-0.3, 1.0, n, m) * strength * (taus[0] / taus[1]) ** 0.7,
        tau_mem=torch.full((n,), taus[0], dtype=torch.float64),
        tau_syn=torch.full((n,), taus[1], dtype=torch.float64),
        v_th=uniform(0.9, 1.1, n),
        v_reset=uniform(-0.2, 0.2, n),
        v_leak=v_leak,
        refractory_time=uniform(0.5, 1.5, n) * refractory if refractory else None,
        recurrent_weight=uniform(-1.0, 0.8, n, n) * strength * 0.5 if recurrent else None,
        delay=uniform(0.2e-3, 6e-3, n, m) if delays else None,
        recurrent_delay=uniform(0.2e-3, 6e-3, n, n) if delays and recurrent else None,
        v=uniform(-0.2, 0.6, b, n),
        i=uniform(-0.5, 0.8, b, n),
        ref=torch.zeros(b, n, dtype=torch.float64) if refractory else None,
    )
