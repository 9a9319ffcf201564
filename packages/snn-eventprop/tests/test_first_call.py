"""Whatever is called first compiles: a kernel must not depend on those compiled before it."""

import os
import subprocess
import sys

RECORDED_FIRST = """
import snn_core as snn, torch
x = snn.Events.of(torch.rand(1, 40).double() / 100, torch.arange(40)[None] % 3, (3,), 0.1)
z = snn.Events.of(torch.tensor([[3e-3, 5e-3]]).double(), torch.tensor([[0, 1]]), (2,), 0.1)
weight = torch.ones(2, 3).double().requires_grad_()
seen = snn.Observed(z=z)
out = snn.integrate("lif", x, weight=weight, backend="eventprop_exact", observed=seen)
assert torch.equal(out.output.times, z.times)
"""


def test_recorded_spikes_may_be_the_first_thing(tmp_path):
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", RECORDED_FIRST],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
