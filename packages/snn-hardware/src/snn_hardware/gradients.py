"""Gradients: the model of a layer, run with what was measured of the layer on the chip."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from snn_core import Backend, Events, Output, Problem, inject, lookup
from snn_core.choosing import candidates, choose, select
from snn_neurons.functional.sources import input_neuron
from torch import Tensor

from snn_hardware.layer_run import Done


class Gradient(NamedTuple):
    """How the backward pass is made.

    Args:
        name: "surrogate", or that of the backend.
        backends: what runs the model, the fastest first.
        by_times: whether it goes by spike times.
    """

    name: str
    backends: tuple[Backend, ...]
    by_times: bool

    def check(self, problem: Problem) -> None:
        """Raise for a call that the model cannot run.

        Raises:
            Unsupported: with the reason.
        """
        select(self.backends, problem)

    def output(self, problem: Problem, done: Done) -> Output:
        """What ``integrate`` returns: measured values with the gradient of the model."""
        x, measured = problem.x, done.observation.injected
        if isinstance(done.arrived, Events):
            x = done.arrived
        elif done.arrived is not x:
            x = input_neuron(cast(Tensor, x), done.arrived)
        membrane = None
        if self.by_times:
            membrane, measured = (
                measured.v,
                measured._replace(v=None, z=self._spikes(problem, done)),
            )
        model = problem._replace(
            x=x,
            weight=done.weight,
            recurrent_weight=done.recurrent_weight,
            observed=None if all(one is None for one in measured) else measured,
        )
        out = choose(self.backends, model).run(model)
        if membrane is not None:
            out = out._replace(output=inject(out.output, membrane))
        return out._replace(observed=done.observation)

    def _spikes(self, problem: Problem, done: Done) -> Any:
        """Recorded spikes as the backend takes them: with their times."""
        if problem.dt is None or done.observation.injected.z is None:
            return done.observation.injected.z
        events = done.observation.events
        from snn_eventprop import TimedSpikes  # an extra: whoever asks for this gradient has it

        return TimedSpikes.of(events, problem.dt, dtype=cast(Tensor, problem.weight).dtype)


def gradient_of(gradient: str | Backend) -> Gradient:
    """The gradient of a name: "surrogate", "eventprop", "eventprop_exact"; or of such a backend.

    Raises:
        UnknownName, MissingNeed: as the registry says.
        ValueError: a backend that does not go by spike times.

    >>> gradient_of("surrogate").by_times
    False
    """
    if gradient == "surrogate":
        return Gradient("surrogate", candidates("auto"), by_times=False)
    found = lookup.backend(gradient)
    if not found.name.startswith("eventprop"):
        raise ValueError(
            f"the gradient of backend {found.name!r} does not go by spike times; take 'surrogate', "
            f"which runs on the fastest backend, 'eventprop' or 'eventprop_exact'"
        )
    return Gradient(found.name, (found,), by_times=True)
