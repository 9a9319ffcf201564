"""The registered neurons against independent implementations and against each other."""

import pytest
import torch
from snn_core import NumericsWarning, Observed, integrate
from snn_core.thresholds import SUPER_SPIKE
from snn_neurons import ADEX, EXP_LI, EXP_LIF, IAF, IAF_INTEGRATE_FIRST, LI, LIF, Terms, with_terms
from snn_neurons.functional import cuba_aelif_integration, cuba_li_integration, cuba_lif_integration

ALPHA, DT = 5.0, 1e-3
SPIKE = SUPER_SPIKE.with_alpha(ALPHA)
UNUSED = dict.fromkeys(
    (
        "refractory_time",
        "exp_slope",
        "exp_threshold",
        "subthreshold_adaptation_strength",
        "spike_triggered_adaptation_increment",
        "tau_adap",
    ),
    0.0,
)


def per_neuron(draw, neuron):
    """Parameters around their defaults, different for each of three neurons."""
    return neuron.Params(
        *(
            (float(value) * draw(0.8, 1.2, 3) + draw(-1e-4, 1e-4, 3)).requires_grad_()
            for value in neuron.Params()
        )
    )


def run(neuron, x, params, **more):
    record = neuron.State._fields
    return integrate(neuron, x, params=params, dt=DT, threshold=SPIKE, record=record, **more)


@pytest.mark.parametrize(("neuron", "fire"), [(LIF, True), (LI, False)])
def test_lif_and_li_agree_with_the_independent_step(neuron, fire, independent, draw, agree):
    x, params = draw(0.0, 3.0, 20, 2, 3).requires_grad_(), per_neuron(draw, neuron)
    given = run(neuron, x, params)
    p = params._asdict()
    firing = {"threshold": p["v_th"], "reset": p["v_reset"]} if fire else {}
    z, v, _, i = independent.aelif(
        x,
        **firing,
        leak=p["v_leak"],
        tau_syn=p["tau_syn"],
        c_mem=p["tau_mem"],
        fire=fire,
        alpha=ALPHA,
        dt=DT,
    )
    agree((given.output, *given.traces), (z if fire else v, v, i), (x, *params))


def test_adex_agrees_with_the_independent_step(independent, draw, agree):
    x, params = draw(0.0, 3.0, 20, 2, 3).requires_grad_(), per_neuron(draw, ADEX)
    given = run(ADEX, x, params)
    p = params._asdict()
    renamed = {"v_th": "threshold", "v_leak": "leak", "v_reset": "reset"}
    z, v, w, i = independent.aelif(
        x,
        **{renamed.get(name, name): value for name, value in p.items()},
        exponential=True,
        subthreshold_adaptation=True,
        spike_triggered_adaptation=True,
        alpha=ALPHA,
        dt=DT,
    )
    assert 0 < given.output.sum() < given.output.numel()
    agree((given.output, *given.traces), (z, v, i, w), (x, *params))


@pytest.mark.parametrize(("neuron", "fire"), [(EXP_LIF, True), (EXP_LI, False)])
def test_exponential_euler_agrees_with_the_independent_step(neuron, fire, independent, draw, agree):
    x, params = draw(0.0, 2.0, 20, 2, 3).requires_grad_(), per_neuron(draw, neuron)
    given = run(neuron, x, params)
    p = params._asdict()
    firing = {"threshold": p["v_th"], "reset": p["v_reset"]} if fire else {}
    z, v, i = independent.exp_lif(
        x,
        **firing,
        leak=p["v_leak"],
        es=(-DT / p["tau_syn"]).exp(),
        em=(-DT / p["tau_mem"]).exp(),
        fire=fire,
        alpha=ALPHA,
    )
    agree((given.output, *given.traces), (z if fire else v, v, i), (x, *params))


@pytest.mark.parametrize(("neuron", "fires_first"), [(IAF, True), (IAF_INTEGRATE_FIRST, False)])
def test_iaf_agrees_with_the_independent_step(neuron, fires_first, independent, draw, agree):
    x, params = draw(0.0, 1.0, 20, 2, 3).requires_grad_(), per_neuron(draw, neuron)
    v, rows = torch.zeros(2, 3, dtype=torch.float64), []
    for x_t in x.unbind(0):
        v = v if fires_first else v + x_t
        z = independent.spike(v - params.v_th, ALPHA)
        v = v - z * v + z * params.v_reset
        v = v + x_t if fires_first else v
        rows.append((z, v))
    given = run(neuron, x, params)
    assert 0 < given.output.sum() < given.output.numel()
    agree(
        (given.output, *given.traces),
        [torch.stack(c) for c in zip(*rows, strict=True)],
        (x, *params),
    )


def test_lif_is_cuba_aelif_to_the_bit(draw):
    x = draw(0.0, 3.0, 50, 2, 3).float()
    common = {"leak": 0.1, "tau_syn": 3e-3, "dt": DT}
    firing = {"reset": -0.2, "threshold": 0.9, "method": "super_spike", "alpha": 50.0}
    whole = cuba_aelif_integration(x, **common, **firing, **UNUSED, c_mem=7e-3, g_l=None)
    part = cuba_lif_integration(x, **common, **firing, tau_mem=7e-3)
    assert whole.spikes.sum() > 0
    assert all(torch.equal(a, b) for a, b in zip(whole, part, strict=True))
    whole = cuba_aelif_integration(x, **common, **firing, **UNUSED, c_mem=7e-3, g_l=1.0, fire=False)
    part = cuba_li_integration(x, **common, tau_mem=7e-3)
    assert all(torch.equal(a, b) for a, b in zip(whole, part, strict=True))


def test_lif_refractory_is_cuba_aelif_to_the_bit(draw):
    x = draw(0.0, 3.0, 50, 2, 3).float()
    common = {"leak": 0.0, "tau_syn": 3e-3, "dt": DT, "reset": 0.0, "threshold": 0.9}
    common |= {"method": "super_spike", "alpha": 50.0}
    unused = UNUSED | {"refractory_time": 3e-3}
    whole = cuba_aelif_integration(x, **common, **unused, c_mem=7e-3, g_l=1, refractory=True)
    part = cuba_lif_integration(x, **common, tau_mem=7e-3, refractory_time=3e-3)
    assert whole.spikes.sum() > 0
    assert all(torch.equal(a, b) for a, b in zip(whole, part, strict=True))


def test_a_firing_neuron_without_input_current_keeps_its_leak():
    params = LIF.Params(v_leak=torch.tensor([0.25, -0.5], dtype=torch.float64))
    out = run(LIF, torch.zeros(5, 1, 2, dtype=torch.float64), params)
    assert out.traces.v[-1].tolist() == [[0.25, -0.5]]


def test_the_start_is_differentiable_and_has_memory_of_its_own():
    leak = torch.tensor([0.1, 0.2], dtype=torch.float64, requires_grad=True)
    start = LIF.initial_state(
        LIF.Params(v_leak=leak), (3, 2), dtype=torch.float64, device=torch.device("cpu")
    )
    assert torch.equal(torch.autograd.grad(start.v.sum(), leak)[0], torch.full_like(leak, 3.0))
    for neuron in (LIF, LI, ADEX, EXP_LIF, EXP_LI):
        params = neuron.Params()
        start = neuron.initial_state(params, (2, 3), dtype=torch.float32, device="cpu")
        start.v[0, 0] = 7.0
        assert start.v.flatten().tolist() == [7.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        assert all(float(other.abs().sum()) == 0.0 for other in start[1:])


@pytest.mark.parametrize(
    ("terms", "start"),
    [
        (Terms(), 0.5),
        (Terms(leaky=False), 0.5),
        (Terms(subthreshold_adaptation=False), 0.5),
        (Terms(leaky=False, subthreshold_adaptation=False), 0.0),
    ],
)
def test_adex_starts_at_its_leak_if_a_term_has_one(terms, start):
    neuron = with_terms(terms)
    state = neuron.initial_state(
        neuron.Params(v_leak=0.5), (1, 1), dtype=torch.float32, device="cpu"
    )
    assert state.v.item() == start


def test_the_same_terms_give_the_same_record():
    assert with_terms(Terms()) is ADEX
    assert with_terms(Terms(fire=False)).step is with_terms(Terms(fire=False)).step
    assert with_terms(Terms(leaky=False, fire=False)).name == "adex_without_leaky_fire"


@pytest.mark.parametrize("neuron", [LIF, EXP_LIF, ADEX])
def test_an_infinite_membrane_is_reset_to_a_finite_one(neuron):
    start = neuron.initial_state(neuron.Params(), (1, 1), dtype=torch.float32, device="cpu")
    start = start._replace(i=torch.full((1, 1), torch.inf))
    z, after = neuron.step(torch.zeros(1, 1), start, neuron.Params(), SPIKE, DT)
    assert (z.item(), after.v.item()) == (1.0, 0.0)


@pytest.mark.parametrize("neuron", [LIF, EXP_LIF, ADEX])
def test_no_gradient_passes_a_reset(neuron):
    start = neuron.initial_state(neuron.Params(), (1, 1), dtype=torch.float64, device="cpu")
    start = start._replace(v=torch.full((1, 1), 3.0, dtype=torch.float64, requires_grad=True))
    z, after = neuron.step(torch.zeros(1, 1).double(), start, neuron.Params(), SPIKE, DT)
    assert z.item() == 1.0
    (gradient,) = torch.autograd.grad(after.v.sum(), start.v, retain_graph=True)
    assert gradient.item() == 0.0
    (gradient,) = torch.autograd.grad(z.sum(), start.v)
    assert gradient.item() > 0.0


def test_the_gradient_of_iaf_passes_its_reset():
    reset = -0.3
    v = torch.tensor([[0.7, 1.4]], dtype=torch.float64, requires_grad=True)
    params = IAF.Params(v_reset=reset)
    _, after = IAF.step(torch.zeros(1, 2).double(), IAF.State(v), params, SPIKE, DT)
    (gradient,) = torch.autograd.grad(after.v.sum(), v)
    u = v.detach() - 1.0
    slope = 1 / (ALPHA * u.abs() + 1) ** 2
    expected = (1 - (u > 0).double()) + slope * (reset - v.detach())
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("neuron", [IAF, IAF_INTEGRATE_FIRST])
def test_iaf_takes_measurements(neuron, draw):
    x, v = draw(0.0, 1.0, 6, 1, 2), draw(0.0, 2.0, 6, 1, 2)
    out = run(neuron, x, neuron.Params(), observed=Observed(v=v))
    assert torch.equal(out.traces.v, v)
    # fire-first looks at the membrane of the step before, which is 0 at the first
    looked_at = torch.cat([torch.zeros(1, 1, 2), v[:-1]]) if neuron is IAF else v
    assert torch.equal(out.output, (looked_at > 1).double())
    z = (draw(0.0, 1.0, 6, 1, 2) > 0.5).double()
    assert torch.equal(run(neuron, x, neuron.Params(), observed=Observed(z=z)).output, z)


@pytest.mark.parametrize(
    ("neuron", "taus"),
    [(LIF, ("tau_mem", "tau_syn")), (LI, ("tau_mem", "tau_syn")), (ADEX, ("tau_syn", "tau_adap"))],
)
def test_integrate_warns_of_euler_steps_longer_than_a_time_constant(neuron, taus):
    for tau in taus:
        with pytest.warns(NumericsWarning, match=f"dt = 0.001 s is longer than {tau}"):
            run(neuron, torch.zeros(2, 1, 1), neuron.Params()._replace(**{tau: DT / 2}))


@pytest.mark.parametrize("neuron", [EXP_LIF, EXP_LI])
def test_exponential_euler_takes_any_step(neuron):
    x = torch.full((200, 1, 1), 0.5)
    out = run(neuron, x, neuron.Params(tau_mem=DT / 3, tau_syn=DT / 3))
    assert out.traces.v.isfinite().all()
    assert out.traces.v.abs().max() < 1
