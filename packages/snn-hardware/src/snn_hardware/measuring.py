"""Measuring: membranes and spikes as the converters and the clock of the chip see them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from snn_core import Events, Observed
from torch import Tensor

from snn_hardware.analog.layer import Analog
from snn_hardware.effects import Effects
from snn_hardware.madc import read_madc
from snn_hardware.observation import Lost, Observation, Trace, stamped
from snn_hardware.preparing import Setup
from snn_hardware.readout import check_memory, read_cadc

_CADC, _MADC = 0x5EED, 0xFA57


class Replay(NamedTuple):
    """The circuits of a call once more: the spikes that arrived, and how to notice a change.

    Nobody keeps the moments of crossings that few look at; the circuits are run again for them.
    """

    analog: Analog
    received: Tensor
    version: int

    def trace(self) -> Trace:
        """The same trace with the moments of its spikes.

        Raises:
            RuntimeError: the input was changed in place since.
        """
        if self.received._version != self.version:
            raise RuntimeError(
                "the input of this layer was changed in place after the call, and the times of its "
                "spikes are only found when one asks for them: ask before, or change a clone()"
            )
        return self.analog.run(self.received, self.analog.noise(), crossings=True)[0]


class Measuring(NamedTuple):
    """What is to be measured, and how: the source of an observation.

    Args:
        rows: what the circuits of a layer did, in units of the model, as far as it was kept.
        replay: the call.
        dt: of the call, in seconds of the model.
        dtype: of the model.
        membranes: what the CADC read, if it has read already.
    """

    rows: Trace
    replay: Replay
    dt: float
    dtype: torch.dtype
    membranes: Tensor | None = None

    @property
    def setup(self) -> Setup:
        """The setup of the call."""
        return self.replay.analog.setup

    @property
    def effects(self) -> Effects:
        """The effects of the chip."""
        return self.replay.analog.effects

    def observation(self, spikes: Tensor | None, lost: Lost) -> Observation:
        """The measurements, and of them what the model takes."""
        measured: dict[str, Any] = {}
        source = self
        if "v" in self.setup.injected:
            measured["v"], clipped = self._readout()
            lost = lost._replace(clipped=clipped)
            source = self._replace(membranes=measured["v"])
        if "z" in self.setup.injected:
            measured["z"] = spikes
        return Observation(spikes, Observed(**measured), lost, source)

    def trace(self) -> Trace:
        """Every step of the circuits, and the moments of their spikes."""
        return self.replay.trace()

    def read(self) -> Tensor:
        """The membranes as the CADC reads them, on the rows of the grid, in units of the model.

        Raises:
            ValueError: the recording is longer than the memory for its samples.
        """
        if self.membranes is not None:
            return self.membranes
        check_memory(self.setup.duration / self.setup.units.acceleration, self.effects)
        return self._readout()[0]

    def _readout(self) -> tuple[Tensor, int]:
        """The same, and how many reads were at an end of the converter."""
        setup, effects = self.setup, self.effects
        if not (effects.cadc or effects.cadc_period or effects.read_noise or effects.read_offset):
            return self.rows.v[:: self._per_row].to(self.dtype), 0
        units = setup.units
        step = self.rows.step / units.acceleration
        looked = _whole(effects.cadc_period / step) if effects.cadc_period else self._per_row
        rows, clipped = read_cadc(
            self.rows.v[::looked],
            step * looked,
            dt=self.dt / units.acceleration,
            n_rows=setup.n_steps // setup.per_row,
            effects=effects,
            offset=setup.wiring.offset,
            generator=self._generator(_CADC),
            zero=units.leak_lsb - units.v_leak * units.per_unit,
            per_unit=units.per_unit,
        )
        return rows.to(self.dtype), clipped

    @property
    def _per_row(self) -> int:
        """Rows of the trace in one of the grid."""
        return round(self.dt / self.rows.step)

    def read_fast(self) -> tuple[Tensor, Tensor] | None:
        """The membrane of the one neuron that the MADC reads: times and values."""
        if self.setup.settings.madc is None:
            return None
        units = self.setup.units
        times, values = read_madc(
            units.to_lsb(self.replay.trace().v[:, :, self.setup.settings.madc]),
            self.setup.step / units.acceleration,
            effects=self.effects,
            generator=self._generator(_MADC),
        )
        return times * units.acceleration, units.to_model(values)

    def stamp(self) -> Events:
        """The spikes with their times on the chip's clock."""
        return stamped(self.replay.trace(), clock=self.setup.clock, duration=self.setup.duration)

    def _generator(self, converter: int) -> torch.Generator:
        """Noise of its own for each converter, and none that the circuits have had."""
        return torch.Generator().manual_seed(self.replay.analog.seed ^ converter)


def _whole(ratio: float) -> int:
    """Every how many steps a row is looked at: so many if that is a whole number, else each."""
    return round(ratio) if abs(ratio - round(ratio)) < 1e-6 else 1
