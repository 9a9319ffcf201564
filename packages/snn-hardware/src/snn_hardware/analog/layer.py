"""The circuits of one layer of a call: what they are, and how they are run."""

from __future__ import annotations

from typing import NamedTuple

import torch
from snn_core import Backend
from torch import Tensor

from snn_hardware.analog.rows import MOST, by_rows
from snn_hardware.analog.running import Circuits, Input, run_circuits, run_one_after_the_other
from snn_hardware.effects import Effects
from snn_hardware.figures import EVENT_OUTPUTS
from snn_hardware.links import capacity, carried, output_channels
from snn_hardware.observation import Trace
from snn_hardware.preparing import Setup


class Analog(NamedTuple):
    """The circuits of a layer, ready to run.

    Args:
        circuits: with what they really have.
        setup: of the call.
        effects: of the chip.
        backends: what integrates them, the fastest first.
        seed: of their noise in this call.
    """

    circuits: Circuits
    setup: Setup
    effects: Effects
    backends: tuple[Backend, ...]
    seed: int

    def noise(self) -> torch.Generator:
        """The noise of this call from its start."""
        return torch.Generator().manual_seed(self.seed)

    def run(
        self, received: Tensor, generator: torch.Generator, *, crossings: bool
    ) -> tuple[Trace, int]:
        """What they did when these spikes arrived, and how many of theirs did not get out.

        Args:
            received: the spikes, on rows of the grid or on steps of the integration.
            generator: of the noise.
            crossings: whether the trace tells when within a step its spikes were.
        """
        setup = self.setup
        if self.rows_suffice and not crossings:
            return self._by_rows(received, generator), 0
        fine = Input.of(received, self.circuits, setup.n_steps)
        if self.effects.residual_state:
            trace = run_one_after_the_other(
                self.circuits,
                fine,
                setup.step,
                wait=round(setup.wait * setup.units.acceleration / setup.step),
                backends=self.backends,
                generator=generator,
            )
        else:
            trace, _ = run_circuits(
                self.circuits,
                fine,
                setup.step,
                backends=self.backends,
                generator=generator,
                crossings=crossings,
            )
        return self._emitted(trace)

    @property
    def rows_suffice(self) -> bool:
        """Whether nothing but the rows of the grid is asked for, and nothing happens between."""
        setup, effects = self.setup, self.effects
        dt = setup.step * setup.per_row / setup.units.acceleration
        reads = effects.cadc_period / dt
        return (
            1 < setup.per_row <= MOST
            and setup.on_grid
            and self.circuits.recurrent_weight is None
            and not (effects.membrane_noise or effects.residual_state or self._crowded)
            and abs(reads - round(reads)) < 1e-6
        )

    def _by_rows(self, received: Tensor, generator: torch.Generator) -> Trace:
        """The rows of the trace, several steps of the integration in one of the backend."""
        per_row = self.setup.per_row
        rows = self.circuits._replace(neuron=by_rows(self.circuits.neuron, per_row))
        row = Input(received, rows.weight)
        return run_circuits(
            rows, row, self.setup.step * per_row, backends=self.backends, generator=generator
        )[0]

    @property
    def _crowded(self) -> bool:
        """Whether the neurons of an event output may fire more than it carries."""
        step = self.setup.step / self.setup.units.acceleration
        return self.setup.fires and self.effects.links and self.setup.wiring.crowd > capacity(step)

    def _emitted(self, trace: Trace) -> tuple[Trace, int]:
        """The spikes that get out of the chip, and how many do not."""
        if not self._crowded:
            return trace, 0
        step = self.setup.step / self.setup.units.acceleration
        runs, outputs = self.setup.held.runs, int(EVENT_OUTPUTS.value)
        # runs one after the other do not crowd each other
        channels = torch.cat(
            [k * outputs + output_channels(one.circuits[:, 0]) for k, one in enumerate(runs)]
        )
        z, dropped = carried(trace.z, channels, len(runs) * outputs, step)
        return trace._replace(z=z), dropped
