"""The numbers of the chip, each with its unit and its source; "assumption" where it is our choice.

halco, haldls, calix, grenade, hxtorch and the demos are the public repositories of the chip's
makers: coordinates, registers, calibration, execution, training and tutorials.
"""

from __future__ import annotations

from typing import NamedTuple

ASSUMPTION = "assumption"


class Figure(NamedTuple):
    """One number of the chip.

    >>> CLOCK.value, CLOCK.unit
    (8e-09, 's')
    """

    value: float
    unit: str
    source: str


CIRCUITS = Figure(512, "", "halco: 2 rows of 256 columns")
COLUMNS = Figure(256, "", "halco: of a hemisphere")
ROWS = Figure(256, "", "halco: synapse rows of a hemisphere")
QUADRANT = Figure(128, "", "halco: circuits that share a parameter memory")
BUSES = Figure(4, "", "halco: synapse-driver buses of a hemisphere")
BUS_ROWS = Figure(64, "", "halco: 32 drivers of two rows each")
LABELS = Figure(64, "", "halco: 6-bit synapse addresses that share a row")
LINKS = Figure(4, "", "halco: external links into the crossbar")
EVENT_OUTPUTS = Figure(8, "", "halco: of 32 columns of both rows each")
OUTPUT_COLUMNS = Figure(32, "", "halco: columns of one event output")
MAX_WEIGHT = Figure(63, "", "halco: 6 bits")

CLOCK = Figure(8e-9, "s", "haldls: 125 MHz, the clock of event times")
FIFO = Figure(8, "events", ASSUMPTION)

LOWEST_CODE = Figure(10, "", "hxtorch: codes of its laws are clipped to 10...1020")
HIGHEST_CODE = Figure(1020, "", "hxtorch: codes of its laws are clipped to 10...1020")

CADC_LEVELS = Figure(256, "LSB", "hxtorch: 8 bits")
CADC_PERIOD = Figure(1.7e-6, "s", "grenade: at the least")
SRAM_SAMPLES = Figure(100, "", "grenade")
DRAM_PERIOD = Figure(6e-6, "s", "grenade: to DRAM")
DRAM_SAMPLES = Figure(204_800, "", "grenade")
MADC_PERIOD = Figure(17 / 500e6, "s", "haldls: 500 MHz / 17")
MADC_SAMPLES = Figure(65_535, "", "haldls: without continuous mode")
MADC_LEVELS = Figure(1024, "LSB", "haldls: 10 bits")
MADC_PER_CADC = Figure(4.7 / 2, "", "calix, strobe: 4.7 and 2 mV an LSB")

GAIN = Figure(0.35, "LSB", "calix, hxtorch: PSP peak of one weight step at GAIN_AT")
"""PSP peak in CADC LSB of a weight of 1 at tau 10/10 us, dac_bias 600, gm 500, capacitance 63."""

AFTER_CALIBRATING = {
    "leak": Figure(0.30, "", "calix: std after / before, 5 % trimmed"),
    "reset": Figure(0.20, "", "calix: std after / before, 5 % trimmed"),
    "threshold": Figure(0.35, "", "calix: std after / before, 5 % trimmed"),
    "tau_mem": Figure(0.45, "", "calix: std after / before, 5 % trimmed"),
    "tau_syn": Figure(0.20, "", "calix: std after / before, 5 % trimmed"),
}
REPEATABILITY = Figure(0.8, "", ASSUMPTION)
"""What each write of a parameter adds at random, over the spread that calibration leaves."""
