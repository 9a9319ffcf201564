"""Backend ``bss2`` by its name: chip 0, calibrated to the neurons of each call.

A call knows nothing of another: each layer is alone on the chip. ``Chip`` is the same with all
layers of a network side by side, another serial number, and a report. Its trial noise comes from
torch's own random numbers.
"""

from __future__ import annotations

import functools

import torch
from snn_core import Backend, Output, Problem

from snn_hardware.calibration import Calibration, calibrate
from snn_hardware.chip import Chip
from snn_hardware.effects import Effects
from snn_hardware.pattern import Pattern
from snn_hardware.target import Target

SEED = 0


def _supports(problem: Problem) -> str | None:
    try:
        return _chip(problem).as_backend().supports(problem)
    except ValueError as reason:
        return str(reason)


def _run(problem: Problem) -> Output:
    return _chip(problem).as_backend().run(problem)


def _chip(problem: Problem) -> Chip:
    """A chip that knows of this call only."""
    chip = Chip(SEED)
    chip.reseed(int(torch.randint(2**62, ())))
    if {"tau_mem", "tau_syn", "v_leak"} <= set(problem.neuron.Params._fields):
        chip.use(_calibrated(chip.target_for(problem.params)))
    return chip.at("layer")


@functools.lru_cache(maxsize=16)
def _calibrated(target: Target) -> Calibration:
    """Calibrations are constant: the same chip and target give the same one."""
    return calibrate(target, Pattern(SEED), Effects())


BSS2 = Backend("bss2", None, _supports, _run, ("cpu",))
