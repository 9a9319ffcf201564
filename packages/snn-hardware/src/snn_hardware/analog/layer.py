"""The circuits of one layer of a call: what they are, and how they are run."""

from __future__ import annotations

from typing import NamedTuple

import torch
from snn_core import Backend
from torch import Tensor

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
        generator: of their noise.
    """

    circuits: Circuits
    setup: Setup
    effects: Effects
    backends: tuple[Backend, ...]
    generator: torch.Generator

    def run(self, received: Tensor) -> tuple[Trace, int]:
        """What they did when these spikes arrived, and how many of theirs did not get out."""
        setup = self.setup
        fine = Input.of(received, self.circuits, setup.n_steps)
        if self.effects.residual_state:
            trace = run_one_after_the_other(
                self.circuits,
                fine,
                setup.step,
                wait=round(setup.wait * setup.units.acceleration / setup.step),
                backends=self.backends,
                generator=self.generator,
            )
        else:
            trace, _ = run_circuits(
                self.circuits, fine, setup.step, backends=self.backends, generator=self.generator
            )
        return self._emitted(trace)

    def _emitted(self, trace: Trace) -> tuple[Trace, int]:
        """The spikes that get out of the chip, and how many do not."""
        step = self.setup.step / self.setup.units.acceleration
        crowded = self.setup.wiring.crowd > capacity(step)
        if not (self.setup.fires and self.effects.links and crowded):
            return trace, 0
        channels = output_channels(self.setup.held.circuits)
        z, dropped = carried(trace.z, channels, int(EVENT_OUTPUTS.value), step)
        return trace._replace(z=z), dropped
