"""cuba_aelif_integration against an independent implementation: values and every gradient."""

import itertools

import pytest
import torch
from snn_neurons.functional import HardwareObservables, cuba_aelif_integration

FLAGS = (
    "leaky",
    "fire",
    "refractory",
    "exponential",
    "subthreshold_adaptation",
    "spike_triggered_adaptation",
)
N_STEPS, DT = 14, 1e-3
SIMPLE = dict.fromkeys(
    ("leak", "reset", "exp_slope", "exp_threshold", "a", "b", "tau_adap"), 0.0
) | {"threshold": 1.0, "tau_syn": 10 * DT, "c_mem": 10 * DT, "g_l": 1.0}


def leaves_of(draw, strongest=3.0):
    """Input and every parameter, per neuron, as float64 leaves."""
    ranges = {
        "leak": (-0.1, 0.1),
        "reset": (-0.2, 0.0),
        "threshold": (0.8, 1.2),
        "tau_syn": (4e-3, 8e-3),
        "c_mem": (5e-3, 9e-3),
        "g_l": (0.8, 1.2),
        "exp_slope": (0.1, 0.3),
        "exp_threshold": (0.8, 1.0),
        "a": (0.1, 0.5),
        "b": (0.1, 0.5),
        "tau_adap": (10e-3, 30e-3),
    }
    leaves = {name: draw(*bounds, 3).requires_grad_() for name, bounds in ranges.items()}
    return draw(0.0, strongest, N_STEPS, 2, 3).requires_grad_(), leaves


def ours(x, leaves, flags, hw_data=None, steps=2):
    renamed = {
        "a": "subthreshold_adaptation_strength",
        "b": "spike_triggered_adaptation_increment",
    }
    return cuba_aelif_integration(
        x,
        **{renamed.get(name, name): value for name, value in leaves.items()},
        refractory_time=steps * DT,
        method="super_spike",
        alpha=5.0,
        dt=DT,
        hw_data=hw_data,
        **flags,
    )


@pytest.mark.parametrize("values", list(itertools.product((False, True), repeat=6)))
def test_every_combination_of_terms_agrees_with_the_independent_step(
    values, independent, draw, agree
):
    flags = dict(zip(FLAGS, values, strict=True))
    # a membrane that is never reset runs away along the exponential if it is driven hard
    x, leaves = leaves_of(draw, strongest=3.0 if flags["fire"] else 0.1)
    given = ours(x, leaves, flags)
    expected = independent.aelif(x, **leaves, **flags, n=2, alpha=5.0, dt=DT)
    if flags["fire"]:
        assert 0 < given.spikes.sum() < given.spikes.numel()
    agree(given, expected, (x, *leaves.values()))


@pytest.mark.parametrize("refractory", [False, True])
@pytest.mark.parametrize(
    "recorded", [("spikes",), ("membrane",), ("adaptation",), ("spikes", "membrane", "adaptation")]
)
def test_recorded_traces_replace_values_and_leave_the_gradient_to_the_model(
    recorded, refractory, independent, draw, agree
):
    flags = dict.fromkeys(FLAGS, True) | {"refractory": refractory}
    x, leaves = leaves_of(draw, strongest=0.3 if recorded == ("spikes",) else 3.0)
    traces = {
        "spikes": (draw(0, 1, N_STEPS, 2, 3) < 0.3).double(),
        "membrane": draw(-0.5, 1.5, N_STEPS, 2, 3),
        "adaptation": draw(0.0, 1.0, N_STEPS, 2, 3),
    }
    traces = {name: traces[name].requires_grad_() for name in recorded}
    hw = HardwareObservables(
        spikes=traces.get("spikes"),
        membrane_cadc=traces.get("membrane"),
        adaptation=traces.get("adaptation"),
    )
    given = ours(x, leaves, flags, hw)
    assert 0 < given.spikes.sum() < given.spikes.numel()
    plain = {name: trace.detach() for name, trace in traces.items()}
    expected = independent.aelif(x, **leaves, **flags, **plain, n=2, alpha=5.0, dt=DT)
    agree(given, expected, (x, *leaves.values()))
    names = {"spikes": given.spikes, "membrane": given.membrane, "adaptation": given.adaptation}
    for name, trace in traces.items():
        assert torch.equal(names[name], trace), "the recorded values are what comes out"
        total = sum(one.sum() for one in given)
        (none,) = torch.autograd.grad(total, trace, allow_unused=True, retain_graph=True)
        assert none is None, "no gradient to what was measured"


def test_a_measured_membrane_is_not_reset_and_passes_its_gradient_as_if_there_were_none(draw):
    x = draw(0.0, 1.0, 4, 1, 1).requires_grad_()
    cadc = torch.tensor([0.0, 2.0, 0.3, 0.0], dtype=torch.float64).reshape(4, 1, 1)
    out = ours(x, SIMPLE, {}, HardwareObservables(membrane_cadc=cadc))
    assert out.spikes.flatten().tolist() == [0.0, 1.0, 0.0, 0.0]
    assert out.membrane.flatten().tolist() == [0.0, 2.0, 0.3, 0.0]
    (gradient,) = torch.autograd.grad(out.membrane[3].sum(), x)
    k = 0.1  # the impulse response n k (1 - k)^(n - 1): the spike at step 1 cuts nothing
    expected = torch.tensor([3 * k * (1 - k) ** 2, 2 * k * (1 - k), k, 0.0], dtype=torch.float64)
    torch.testing.assert_close(gradient.flatten(), expected, rtol=1e-12, atol=1e-12)


def test_adaptation_counts_emitted_spikes_only():
    # The reference adds b before it masks: 13 crossings then make w = 12.9, 3 spikes 2.98.
    x = torch.full((14, 1, 1), 1000.0, dtype=torch.float64)
    flags = {"refractory": True, "spike_triggered_adaptation": True}
    out = ours(x, SIMPLE | {"b": 1.0, "tau_adap": 1000 * DT}, flags, steps=5)
    fired = out.spikes.flatten().nonzero().flatten().tolist()
    assert fired == [1, 7, 13]
    assert sum(0.999**k for k in range(13)) == pytest.approx(12.9, abs=0.05)
    expected = sum(0.999 ** (13 - step) for step in fired)
    assert expected == pytest.approx(2.98, abs=0.005)
    assert out.adaptation[-1].item() == pytest.approx(expected, abs=1e-12)


def test_a_spike_shows_the_reset_and_the_input_acts_one_step_later():
    x = torch.zeros(4, 1, 1, dtype=torch.float64)
    x[0] = 20.0
    out = ours(x, SIMPLE | {"reset": -0.5}, {})
    assert out.current[0].item() == 20.0
    assert out.membrane[0].item() == 0.0
    assert out.spikes[1].item() == 1.0
    assert out.membrane[1].item() == -0.5


def test_spikes_are_strictly_above_threshold():
    out = ours(torch.zeros(3, 1, 1), SIMPLE | {"threshold": 0.0}, {})
    assert out.spikes.sum().item() == 0.0
