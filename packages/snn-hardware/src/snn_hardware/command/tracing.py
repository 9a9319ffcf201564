"""``snn chip trace``: one neuron under a burst of spikes, ideal and on the chip."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import snn_core as snn
import torch
from snn_neurons import lif_refractory
from torch import Tensor

from snn_hardware.calibration import Calibration
from snn_hardware.chip import Chip
from snn_hardware.command.options import (
    add_chip,
    add_pictures,
    add_target,
    chip_options,
    folder_for,
    option,
    pictures_wanted,
    say_written,
    target_options,
)
from snn_hardware.command.records import Recording
from snn_hardware.effects import Effects
from snn_hardware.figures import MAX_WEIGHT
from snn_hardware.laws import gain
from snn_hardware.madc import check_madc_memory
from snn_hardware.readout import check_memory
from snn_hardware.target import Target

BURST = (5e-6, 7e-6, 9e-6, 11e-6, 13e-6, 15e-6)
DURATION = 60e-6
STEP = 0.25e-6
"""Of the integration, where the effect time_step is off."""


def add_to(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "trace",
        help="one neuron under a burst of spikes, ideal and on the chip",
        description="Send spikes to one neuron of a calibrated chip and of an ideal one; print "
        "both and draw them.",
    )
    add_chip(parser)
    add_target(parser)
    parser.add_argument(
        "--calibration", type=Path, metavar="FILE",
        help="of `snn chip calibrate`; chip and target are those of the file",
    )  # fmt: skip
    parser.add_argument("--circuit", type=int, metavar="N", help="default: the first that can")
    parser.add_argument(
        "--spikes", type=float, nargs="+", default=BURST, metavar="T",
        help="times of the input (default: six from 5 to 15 us)",
    )  # fmt: skip
    parser.add_argument(
        "--weight", type=int, default=int(MAX_WEIGHT.value), metavar="W",
        help="of the synapse, -63 to 63 (default: 63)",
    )  # fmt: skip
    parser.add_argument(
        "--duration", type=float, default=DURATION, metavar="T", help="default: 60e-6"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder (default: chip-SEED)")
    add_pictures(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    draws = pictures_wanted(options)
    chip, target = _chip(options)
    step = chip.effects.time_step or STEP
    _check(options, chip.effects, step)
    found = chip.calibrate(target) if isinstance(target, Target) else chip.use(target)
    circuit = _circuit(found, options.circuit)
    target = found.target.at(torch.tensor([circuit]))
    ideal = Chip(effects=Effects.none()._replace(time_step=chip.effects.time_step))
    ideal.calibrate(target)
    burst = torch.tensor(options.spikes, dtype=torch.float64)
    asked = (burst, options.weight, options.duration, step)
    intended, real = (record(one, circuit, target, *asked) for one in (ideal, chip))
    title = f"Chip {chip.seed}, circuit {circuit}"
    print(f"{title}, weight {options.weight}")
    for name, one in (("ideal", intended), ("chip", real)):
        at = ", ".join(f"{1e6 * t:.3f}" for t in one.spikes.tolist()) or "none"
        print(
            f"{name:5}  membrane {one.membrane.min():.1f} to {one.membrane.max():.1f} LSB, "
            f"spikes (us): {at}"
        )
    if draws:
        from snn_hardware.command import drawing  # only here: it needs matplotlib

        folder = folder_for(options, chip.seed)
        threshold = float(target.threshold)
        path = drawing.draw_trace(burst, intended, real, threshold, title, folder)
        say_written([path])
    return 0


def record(
    chip: Chip,
    circuit: int,
    target: Target,
    burst: Tensor,
    weight: int,
    duration: float,
    step: float,
) -> Recording:
    """One neuron of a chip under a burst, through one synapse.

    Args:
        chip: calibrated to the target.
        circuit: of the neuron.
        target: in numbers.
        burst: times of spikes, ``(K,)``.
        weight: of the synapse, in steps.
        duration, step: of the recording, in seconds.

    >>> chip, target = Chip.ideal(), Target()
    >>> found = chip.calibrate(target)
    >>> peak = record(chip, 0, target, torch.tensor([5e-6]), 63, 40e-6, 0.25e-6).membrane.max()
    >>> 100 < peak < 103  # 80 + 63 * 0.35
    tensor(True)
    """
    # A model whose unit is the LSB: the map to the chip changes nothing.
    params = lif_refractory.Params(
        tau_mem=target.tau_mem,
        tau_syn=target.tau_syn,
        v_th=target.threshold,
        v_reset=target.reset,
        v_leak=target.leak,
        refractory_time=target.refractory_time,
    )
    x = torch.zeros(round(duration / step), 1, 1, dtype=torch.float64)
    rows = (burst / step).round().long()
    x.index_put_((rows, torch.zeros_like(rows), torch.zeros_like(rows)), x.new_ones(()), True)
    synapse = torch.full((1, 1), weight * float(gain(target)[0]), dtype=torch.float64)
    backend = chip.at("trace", circuits=(circuit,), madc=0)
    seen = snn.integrate(
        "lif_refractory", x, weight=synapse, params=params, dt=step, backend=backend
    ).observed
    times = torch.arange(len(x), dtype=torch.float64) * step
    madc_times, madc = seen.madc
    cadc, membrane = seen.membrane_cadc.flatten(), seen.trace.v.flatten()
    return Recording(times, membrane, cadc, (madc_times, madc[:, 0]), seen.events.times.flatten())


def _chip(options: argparse.Namespace) -> tuple[Chip, Target | Calibration]:
    """The chip of the line, and what it is to be calibrated to or was."""
    if options.calibration is None:
        seed, effects = chip_options(options)
        return Chip(seed, effects=effects), target_options(options)
    names = ("seed", "only", "effect", *Target._fields)
    given = [option(name) for name in names if getattr(options, name) is not None]
    if given:
        raise ValueError(f"--calibration has its chip and target; leave out {', '.join(given)}")
    found = Calibration.load(options.calibration)
    return Chip(found.seed, effects=found.effects), found


def _circuit(found: Calibration, asked: int | None) -> int:
    """The circuit asked for, or the first that has what was asked for."""
    if asked is None:
        able: list[int] = found.ok.nonzero().flatten().tolist()
        if not able:
            raise ValueError("no circuit of this chip has what was asked for; change the target")
        return able[0]
    if not 0 <= asked < len(found.ok):
        raise ValueError(f"there are circuits 0 to {len(found.ok) - 1}, got {asked}")
    if asked in found.reasons:
        raise ValueError(f"circuit {asked} failed: {found.reasons[asked]}; take another one")
    return asked


def _check(options: argparse.Namespace, effects: Effects, step: float) -> None:
    largest = int(MAX_WEIGHT.value)
    if abs(options.weight) > largest:
        raise ValueError(f"a weight is {-largest} to {largest}, got {options.weight}")
    if not 0 < options.duration < torch.inf:
        raise ValueError(f"the duration must be above 0 and finite, got {options.duration}")
    for time in options.spikes:
        if not 0 <= time < options.duration - step:
            raise ValueError(
                f"spikes must come within the {options.duration:g} s of the recording, got {time:g}"
            )
    check_memory(options.duration, effects)
    check_madc_memory(options.duration, effects)
