"""The report of a chip: what lies where, in which units, and what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from snn_hardware.hardware import Hardware
from snn_hardware.held import Held, Seen
from snn_hardware.observation import Lost
from snn_hardware.placement import Usage, describe, usage

if TYPE_CHECKING:
    from snn_hardware.preparing import Setup
    from snn_hardware.synapses import Weights


def note(
    seen: Seen,
    setup: Setup,
    weights: tuple[Weights, Weights | None],
    lost: Lost,
    samples: int,
) -> None:
    """Add one call of a layer to what was seen of it; of its weights, the recurrent ones too."""
    seen.calls += 1
    seen.samples += samples
    each = setup.duration / setup.units.acceleration + setup.wait
    seen.chip_time += samples * len(setup.held.runs) * each
    seen.lost = seen.lost.plus(lost)
    # without the weight itself: the chip knows by its memory when it is gone
    seen.weights = tuple(one._replace(model=one.steps) for one in weights if one is not None)
    seen.scale, seen.units = setup.wiring.scale, setup.units


class LayerReport(NamedTuple):
    """One layer of the report.

    Args:
        name: of the layer.
        held: its circuits, in one run or several.
        longer: by what part merging makes tau_mem longer.
        seen: what happened to it.
    """

    name: str
    held: Held
    seen: Seen
    longer: float

    def __str__(self) -> str:
        first, seen = self.held.runs[0], self.seen
        neurons = sum(one.request.n_out for one in self.held.runs)
        lines = [
            f"{self.name}: {neurons} neurons of {first.circuits.shape[1]} circuits, "
            f"{first.request.n_in} inputs of {first.request.replicas} row pairs, "
            f"{len(self.held.runs)} run{'s' if len(self.held.runs) > 1 else ''}"
        ]
        if self.longer:
            lines.append(f"  tau_mem is {self.longer:.1%} longer, because circuits are merged")
        if seen.units is not None:
            units, lost = seen.units, seen.lost
            lines += [
                f"  units: {units.leak_lsb:g} LSB + (v - {units.v_leak:g}) * {units.per_unit:g} "
                f"LSB; a weight of 1 is {seen.scale:.1f} steps; {units.acceleration:g} s of the "
                f"model are one of the chip",
                *(
                    f"  {kind}: {one.saturated:.1%} saturated, rounding {one.rounding:.2f} steps"
                    for kind, one in zip(
                        ("weights", "recurrent weights"), seen.weights, strict=False
                    )
                ),
                f"  spikes: {lost.sent} sent, {lost.dropped_in} dropped; {lost.fired} fired, "
                f"{lost.dropped_out} dropped, {lost.merged} merged in a row, {lost.late} after the "
                f"end; {lost.clipped} reads at 0 or 255 LSB",
                f"  {seen.samples} samples in {seen.calls} calls, {seen.chip_time * 1e3:.3g} ms of "
                f"the chip",
            ]
        return "\n".join(lines)


class Report(NamedTuple):
    """What is on a chip and what happened to it.

    Args:
        seed: of the chip.
        calibrated: in words.
        layers: in the order of their placing.
        usage: of circuits, rows, buses and labels, of the layers that are there together.
    """

    seed: int
    calibrated: str
    layers: tuple[LayerReport, ...]
    usage: Usage

    @property
    def lost(self) -> Lost:
        """What was lost of all layers together."""
        return Lost(
            *(sum(one) for one in zip(*(part.seen.lost for part in self.layers), strict=True))
        )

    def __str__(self) -> str:
        head = f"chip {self.seed}, {self.calibrated}"
        if not self.layers:
            return f"{head}; no layer is on it"
        parts = [head, describe(self.usage), *map(str, self.layers)]
        return "\n".join(parts)


def report_of(hardware: Hardware) -> Report:
    """The report of a chip as it is now."""
    found = hardware.calibration
    calibrated = "not calibrated, typical settings"
    if found is not None:
        target, failed = found.target, int((~found.ok).sum())
        calibrated = (
            f"calibrated (threshold {_shown(target.threshold)}, leak {_shown(target.leak)}, reset "
            f"{_shown(target.reset)} LSB), {failed} circuits failed and are not used"
        )
    layers = tuple(
        LayerReport(
            one.name,
            one,
            hardware.seen[one.name],
            hardware.effects.merging * (one.runs[0].circuits.shape[1] - 1),
        )
        for one in hardware.held
    )
    places = [place for held in hardware.held if not held.alone for place in held.runs]
    return Report(hardware.pattern.seed, calibrated, layers, usage(places))


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "per circuit"
