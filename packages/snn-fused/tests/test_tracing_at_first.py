"""A first call, at which a step is traced, inside what its caller has set up."""

from __future__ import annotations

import snn_core as snn
import torch
from snn_core.testing import TOY
from torch.utils.checkpoint import checkpoint


def test_a_first_call_under_checkpoint_recomputes_once():
    """A step is traced at its first call; what that saves is none of checkpoint's business."""
    fresh = TOY._replace(name="fresh", step=lambda *given: TOY.step(*given))
    calls, x = [], torch.rand(7, 3, 6).requires_grad_()

    def run(x):
        calls.append(len(calls))
        return snn.integrate(fresh, x, dt=1e-3, backend="numba").output

    checkpoint(run, x, use_reentrant=False).sum().backward()
    assert calls == [0, 1]
