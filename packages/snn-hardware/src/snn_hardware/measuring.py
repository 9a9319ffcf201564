"""Measuring: membranes and spikes as the converters and the clock of the chip see them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from snn_core import Events, Observed
from torch import Tensor

from snn_hardware.effects import Effects
from snn_hardware.madc import read_madc
from snn_hardware.observation import Lost, Observation, Trace, stamped
from snn_hardware.preparing import Setup
from snn_hardware.readout import read_cadc


class Measuring(NamedTuple):
    """What is to be measured: a trace, and how.

    Args:
        trace: of the circuits of a layer, in units of the model.
        setup: of the call.
        effects: of the chip.
        dt: of the call, in seconds of the model.
        dtype: of the model.
        seed: of the noise of this call's reads: they are the same whenever one looks.
    """

    trace: Trace
    setup: Setup
    effects: Effects
    dt: float
    dtype: torch.dtype
    seed: int

    def observation(self, spikes: Tensor | None, lost: Lost) -> Observation:
        """The measurements, and of them what the model takes."""
        measured: dict[str, Any] = {}
        read: Callable[[], Tensor] = self.read
        if "v" in self.setup.injected:
            measured["v"] = self.read()
            read = functools.partial(_kept, measured["v"])
        if "z" in self.setup.injected:
            measured["z"] = spikes
        fast = None if self.setup.settings.madc is None else self.read_fast
        return Observation(spikes, self.trace, Observed(**measured), lost, read, self.stamp, fast)

    def read(self) -> Tensor:
        """The membranes as the CADC reads them, on the rows of the grid, in units of the model."""
        setup, effects = self.setup, self.effects
        if not (effects.cadc or effects.cadc_period or effects.read_noise or effects.read_offset):
            return self.trace.v[:: setup.per_row].to(self.dtype)
        units = setup.units
        step = setup.step / units.acceleration
        looked = _whole(effects.cadc_period / step) if effects.cadc_period else setup.per_row
        rows = read_cadc(
            self.trace.v[::looked],
            step * looked,
            dt=self.dt / units.acceleration,
            n_rows=setup.n_steps // setup.per_row,
            effects=effects,
            offset=setup.wiring.offset,
            generator=self._generator(),
            zero=units.leak_lsb - units.v_leak * units.per_unit,
            per_unit=units.per_unit,
        ).rows
        return rows.to(self.dtype)

    def read_fast(self) -> tuple[Tensor, Tensor]:
        """The membrane of the one neuron that the MADC reads: times and values."""
        units = self.setup.units
        times, values = read_madc(
            units.to_lsb(self.trace.v[:, :, self.setup.settings.madc]),
            self.setup.step / units.acceleration,
            effects=self.effects,
            generator=self._generator(),
        )
        return times * units.acceleration, units.to_model(values)

    def stamp(self) -> Events:
        """The spikes with their times on the chip's clock."""
        return stamped(self.trace, clock=self.setup.clock, duration=self.setup.duration)

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed ^ 0x5EED)


def _whole(ratio: float) -> int:
    """Every how many steps a row is looked at: so many if that is a whole number, else each."""
    return round(ratio) if abs(ratio - round(ratio)) < 1e-6 else 1


def _kept(measured: Tensor) -> Tensor:
    """A measurement that has been made."""
    return measured
