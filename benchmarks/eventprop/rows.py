"""The rows of the benchmark: what is timed, and what the package promises.

Nets are 5-200-3, all LIF:

    full    tau_mem 20 ms, tau_syn 5 ms, as often as they fire: the published recipe
    single  the same, but each neuron fires once at most, which some libraries are bound to
    ratio2  tau_mem 20 ms, tau_syn 10 ms, which jaxsnn is bound to (2 : 1, or equal)

Weights are ``drawn`` as in the recipe, or ``trained``.
"""

from __future__ import annotations

from typing import NamedTuple

NETS = {"full": (20e-3, 5e-3), "single": (20e-3, 5e-3), "ratio2": (20e-3, 10e-3)}
WEIGHTS = ("drawn", "trained")
PEER_BATCHES = (32, 128)
OWN_BATCHES = (32, 1000)


class Row(NamedTuple):
    """One line of the tables.

    Attributes:
        net: of ``NETS``, or a work of ours alone.
        weights: of ``WEIGHTS``; empty for works of ours alone.
        batch: samples that one run takes.
    """

    net: str
    weights: str
    batch: int

    def name(self) -> str:
        return "-".join(str(part) for part in self if part)


AGAINST_PEERS = [
    Row(net, weights, batch) for net in NETS for weights in WEIGHTS for batch in PEER_BATCHES
]
OWN = [Row("full", weights, batch) for weights in WEIGHTS for batch in OWN_BATCHES]
SILENT = Row("silent", "", 1)
WORKS = [Row("epoch", "", 5000), Row("mnist", "", 32), Row("recurrent", "", 8)]
GIVEN = Row("full", "trained", 1000)  # the problem that works take their weights from

TIMES_FASTER = 10.0  # than the fastest peer, at least
MICROSECONDS = 22.0  # a sample of the trained net, one processor, at most
TWO_PROCESSORS = 1.8  # times as fast as one, at least
