"""torch.compile of the loop that one writes by hand for a LIF layer."""

from __future__ import annotations

import snn_core as snn
import torch
from torch import Tensor
from work import DT, TAU_MEM, TAU_SYN, Forward, Variant

torch.compiler.config.force_disable_caches = True  # so that the time of compiling is one
THRESHOLD = snn.threshold("super_spike")


def bare(x: Tensor) -> Tensor:
    v = i = torch.zeros_like(x[0])
    spikes = []
    for row in x.unbind(0):
        v, i = v + DT / TAU_MEM * (i + (0.0 - v)), i * (1 - DT / TAU_SYN) + row
        z = THRESHOLD(v - 1.0)
        v = torch.where(z > 0.5, 0.0, v)
        spikes.append(z)
    return torch.stack(spikes)


def compiled() -> Forward:
    return torch.compile(bare, dynamic=False, fullgraph=True)


VERSION = torch.__version__
VARIANTS = {
    "bare loop": Variant(
        layers={"lif": compiled},
        plain={"lif": lambda: bare},
        shapes=((20, 64, 1024), (100, 32, 128)),  # the loop is unrolled: more steps take too long
    )
}
