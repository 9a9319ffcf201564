"""The records of one layer that the kernels take."""

from __future__ import annotations

from typing import NamedTuple

from snn_eventprop.kernels.compiling import Floats, Ints, compiled


class Trains(NamedTuple):
    """Spike trains of a batch.

    Args:
        times: (B, K), ascending, padded with inf.
        rows: (B, K), the channel or the neuron of each; -1 where padded.
    """

    times: Floats
    rows: Ints


class Synapses(NamedTuple):
    """Weights and delays of a projection.

    Args:
        weight: (1 or B, R, N), one for all samples or one each; of no rows if there is none.
        delay: (1 or N, R) in seconds, or of no rows if there is none.
    """

    weight: Floats
    delay: Floats


class Cells(NamedTuple):
    """The neurons of a layer and the length of the recording.

    Args:
        params: (6, N), see ``arrivals``.
        shared: all have the same time constants.
        start: (B, 3, N): v, i, and for how long each is held, in seconds.
        duration: of the recording, in seconds.
    """

    params: Floats
    shared: bool
    start: Floats
    duration: float


@compiled
def own_weight(synapses: Synapses, b: int) -> Floats:
    """The weight (R, N) of sample b."""
    return synapses.weight[b if synapses.weight.shape[0] > 1 else 0]
