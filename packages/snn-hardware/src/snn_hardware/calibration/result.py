"""Calibration: what was found for one chip and one target, how good it is, kept in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from snn_hardware.calibration import storage, table
from snn_hardware.calibration.spread import Spread, deviation, difference, trimmed_std
from snn_hardware.circuits import POTENTIALS, Codes, Values
from snn_hardware.effects import Effects
from snn_hardware.figures import CIRCUITS, HIGHEST_CODE, LOWEST_CODE
from snn_hardware.target import Target

TOLERANCES = {"leak": 8.0, "reset": 8.0, "threshold": 8.0, "tau_mem": 0.25, "tau_syn": 0.25}
"""How far from its target a circuit may be: in LSB (calix has 8 for the threshold; for the others
an assumption), and for times relative (assumption)."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Codes for the circuits of one chip, and what was measured before and with them.

    Args:
        seed: of the chip.
        target: that was asked for.
        effects: of the chip.
        codes: that were found, and were written by
        write: the number of the last write. ``circuits.values`` of both are the circuits.
        before: measured with the typical codes.
        after: measured after the last write; nan where there was nothing to measure.

    ``print`` shows a table and histograms.

    >>> from snn_hardware.calibration import calibrate
    >>> from snn_hardware.pattern import Pattern
    >>> found = calibrate(Target(), Pattern(7), Effects.none())
    >>> bool(found.ok.all()), found.residual.leak.abs().max()
    (True, tensor(0., dtype=torch.float64))
    """

    seed: int
    target: Target
    effects: Effects
    codes: Codes
    write: int
    before: Values
    after: Values

    @property
    def residual(self) -> Values:
        """What was measured after calibrating less the target, in LSB and s."""
        return difference(self.after, self.target)

    @property
    def reasons(self) -> dict[int, str]:
        """Why a circuit failed, by its number; those not named have what was asked for."""
        found: dict[int, list[str]] = {}
        for name in Values._fields:
            for circuit, reason in self._failed(name).items():
                found.setdefault(circuit, []).append(reason)
        for circuit in _numbers(self.after.leak >= self.after.threshold):
            found.setdefault(circuit, []).append("fires at rest: leak not below threshold")
        for circuit in _numbers(self.after.reset >= self.after.threshold):
            found.setdefault(circuit, []).append("fires without end: reset not below threshold")
        return {circuit: "; ".join(found[circuit]) for circuit in sorted(found)}

    @property
    def ok(self) -> Tensor:
        """Which circuits have what was asked for, ``(512,)``."""
        ok = torch.ones(int(CIRCUITS.value), dtype=torch.bool)
        ok[list(self.reasons)] = False
        return ok

    def spread(self) -> dict[str, Spread]:
        """How wide each quantity scatters around its target, 5 % left out at each end."""
        before = deviation(self.before, self.target)
        after = deviation(self.after, self.target)
        return {
            name: Spread(trimmed_std(getattr(before, name)), trimmed_std(getattr(after, name)))
            for name in Values._fields
        }

    def differs(self, target: Target) -> tuple[str, ...]:
        """The fields in which another target has other values: it needs another calibration."""
        return self.target.differs_from(target)

    def save(self, path: str | Path) -> None:
        """Write it to a file, as JSON; ``load`` gives back the same to the bit."""
        text = storage.encode(vars(self))
        Path(path).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Read one from a file.

        Raises:
            ValueError: no calibration, or a damaged one; it says what is wrong.
            OSError: there is no such file, or it cannot be read.
        """
        try:
            return cls(**storage.decode(Path(path).read_bytes()))
        except ValueError as error:
            raise ValueError(f"{path} holds no calibration: {error}") from error

    def __str__(self) -> str:
        failed = {name: len(self._failed(name)) for name in Values._fields}
        return "\n".join(
            (
                f"Calibration of chip {self.seed}, write {self.write}: "
                f"{int(self.ok.sum())} of {len(self.ok)} circuits have what was asked for",
                *table.table(self.target, self.spread(), failed),
                *table.histograms(
                    deviation(self.before, self.target), deviation(self.after, self.target)
                ),
            )
        )

    def _failed(self, name: str) -> dict[int, str]:
        """By circuit, what is wrong with one quantity."""
        after, code = getattr(self.after, name), getattr(self.codes, name)
        away = getattr(deviation(self.after, self.target), name)
        at_end = (code <= LOWEST_CODE.value) | (code >= HIGHEST_CODE.value)
        missed = "never fires" if name == "threshold" else f"{name} cannot be measured"
        reasons = dict.fromkeys(_numbers(after.isnan()), missed)
        for circuit in _numbers(away.abs() > TOLERANCES[name]):
            reasons[circuit] = f"{name} is {_amount(name, away[circuit].item())} from its target"
        for circuit in _numbers(at_end):
            end = f"{name} has its code at the end, {code[circuit].item():g}"
            reasons[circuit] = f"{reasons[circuit]}; {end}" if circuit in reasons else end
        return reasons


def _numbers(mask: Tensor) -> list[int]:
    found: list[int] = mask.nonzero().flatten().tolist()
    return found


def _amount(name: str, away: float) -> str:
    return f"{away:+.1f} LSB" if name in POTENTIALS else f"{100 * away:+.0f} %"
