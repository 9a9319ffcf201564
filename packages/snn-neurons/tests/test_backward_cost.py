"""Backward costs O(T) on ``eager``: elements that its operations write, counted, not timed."""

import pytest
import torch
from snn_neurons.functional import cuba_aelif_integration, exp_cuba_lif_integration
from torch.utils._python_dispatch import TorchDispatchMode

LIF = dict.fromkeys(
    (
        "refractory_time",
        "exp_slope",
        "exp_threshold",
        "subthreshold_adaptation_strength",
        "spike_triggered_adaptation_increment",
        "tau_adap",
        "leak",
        "reset",
    ),
    0.0,
) | {
    "threshold": 1.0,
    "tau_syn": 5e-6,
    "c_mem": 10e-6,
    "g_l": 1.0,
    "method": "super",
    "alpha": 50.0,
}
EXP_LIF = {"leak": 0.0, "reset": 0.0, "threshold": 1.0, "tau_syn_exp": 0.8, "tau_mem_exp": 0.9}
EXP_LIF |= {"method": "super", "alpha": 50.0}


class Written(TorchDispatchMode):
    """Counts the elements of everything that operations return, views left out."""

    def __init__(self):
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        views = any(one.alias_info is not None for one in func._schema.returns)
        if isinstance(out, torch.Tensor) and not views:
            self.elements += out.numel()
        return out


def backward_cost(integrate, n_steps):
    x = torch.full((n_steps, 2, 3), 0.7, requires_grad=True)
    spikes, membrane = integrate(x)
    total = spikes.sum() + membrane.sum()
    with Written() as written:
        total.backward()
    assert x.grad.abs().sum() > 0
    return written.elements


def indexing(x):
    """A loop as in the reference: reads input[t], writes out[t] in place."""
    out = torch.zeros_like(x)
    v = torch.zeros_like(x[0])
    for t in range(len(x)):
        v = 0.9 * v + x[t]
        out[t] = v
    return out, out


@pytest.mark.parametrize(
    "integrate",
    [
        lambda x: cuba_aelif_integration(x, **LIF, backend="eager")[:2],
        lambda x: exp_cuba_lif_integration(x, **EXP_LIF, backend="eager")[:2],
    ],
)
def test_backward_is_linear_in_the_number_of_steps(integrate):
    costs = [backward_cost(integrate, n_steps) for n_steps in (20, 40, 80)]
    assert costs[2] - costs[1] == pytest.approx(2 * (costs[1] - costs[0]), rel=0.01)


def test_the_count_notices_a_quadratic_backward():
    costs = [backward_cost(indexing, n_steps) for n_steps in (20, 40, 80)]
    assert costs[2] - costs[1] > 3 * (costs[1] - costs[0])
