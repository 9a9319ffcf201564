"""Each check of the conformance kit fails for the broken thing that it is there to find."""

import dataclasses

import pytest
import snn_core as snn
import torch
from snn_core.eager import EAGER
from snn_core.testing import TOY, agreement, check_agreement, conformance, neurons, thresholds
from snn_core.thresholds import ATAN

test_toy = conformance(TOY)
test_eager = conformance("eager", "backend")


def broken(**changes):
    return TOY._replace(**changes)


def impure(x, state, params, threshold, dt):
    state.v.mul_(0.9)
    return TOY.step(x, state, params, threshold, dt)


def forgetful(x, state, params, threshold, dt, memory=[0.0]):  # noqa: B006
    memory[0] += 1e-3
    return TOY.step(x + memory[0], state, params, threshold, dt)


def single_precision(x, state, params, threshold, dt):
    z, after = TOY.step(x, state, params, threshold, dt)
    return z.float(), after


def wrong_shape(x, state, params, threshold, dt):
    z, after = TOY.step(x, state, params, threshold, dt)
    return z.sum(0, keepdim=True), after


def first_parameter_only(x, state, params, threshold, dt):
    tau = params.tau_mem
    tau = tau.flatten()[0] * 2 if isinstance(tau, torch.Tensor) else tau
    return TOY.step(x, state, params._replace(tau_mem=tau), threshold, dt)


def mixes_samples(x, state, params, threshold, dt):
    return TOY.step(x - x.mean(), state, params, threshold, dt)


def cuts_gradient(x, state, params, threshold, dt):
    return TOY.step(x, TOY.State(state.v.detach()), params, threshold, dt)


def deaf(x, state, params, threshold, dt):
    return TOY.step(0 * x, state, params, threshold, dt)


def branches_on_data(x, state, params, threshold, dt):
    return TOY.step(x if x.sum().item() > 1e9 else 2 * x, state, params, threshold, dt)


def diverges(x, state, params, threshold, dt):
    z, after = TOY.step(x, state, params, threshold, dt)
    return z, TOY.State(after.v * (1 + 1e-2))


def fails_when_empty(x, state, params, threshold, dt):
    return TOY.step(x - x.max(), state, params, threshold, dt)


@pytest.mark.parametrize(
    ("check", "step"),
    [
        (neurons.check_pure, impure),
        (neurons.check_pure, forgetful),
        (neurons.check_shapes_and_dtypes, single_precision),
        (neurons.check_shapes_and_dtypes, wrong_shape),
        (neurons.check_empty_batch, fails_when_empty),
        (neurons.check_parameters_per_neuron, first_parameter_only),
        (neurons.check_vmap, mixes_samples),
        (neurons.check_gradients, cuts_gradient),
        (neurons.check_gradients, deaf),
        (neurons.check_compiles, branches_on_data),
        (neurons.check_converges, diverges),
    ],
)
def test_a_broken_step_is_found(check, step):
    with pytest.raises(Exception, match=r".+"):
        check(broken(step=step))
    check(TOY)


@pytest.mark.parametrize("observes", [("v",), ("z",), ("temperature",)])
def test_a_claim_to_observe_is_put_to_the_test(observes):
    def step(x, state, params, threshold, dt, observed=None):
        return TOY.step(x, state, params, threshold, dt)

    with pytest.raises(AssertionError, match=r"does not replace|is no measurement"):
        neurons.check_measurements(broken(step=step, observes=observes))


def test_a_state_that_cannot_be_saved_is_found():
    class Box:
        pass

    def step(x, state, params, threshold, dt):
        _, after = TOY.step(x, TOY.State(state.v), params, threshold, dt)
        return x, after

    class Params(TOY.Params):
        def _asdict(self):
            return {**super()._asdict(), "box": Box()}

    with pytest.raises(Exception, match=r"(?i)weights|pickle|local"):
        neurons.check_state_round_trip(broken(step=step, Params=Params))


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        (thresholds.check_fires, {"strict": None, "name": "x"}),
        (thresholds.check_derivative, {"derivative": lambda x, a: 1.01 * ATAN.derivative(x, a)}),
        (thresholds.check_finite, {"derivative": lambda x, a: torch.exp(x) / torch.exp(x)}),
        (thresholds.check_compiles, {"derivative": lambda x, a: x if x.sum() > 0 else -x}),
        (thresholds.check_transforms, {"derivative": lambda x, a: x * x.sum()}),
    ],
)
def test_a_broken_threshold_is_found(check, changes):
    one = dataclasses.replace(ATAN, **changes)
    if check is thresholds.check_fires:

        class Inclusive(snn.Threshold):
            def __call__(self, x):
                return (x >= 0).to(x.dtype)

        one = Inclusive("inclusive", ATAN.derivative, ATAN.primitive)
    with pytest.raises(Exception, match=r".+"):
        check(one)
    check(ATAN)


def test_a_backward_that_is_not_the_derivative_is_found():
    class Detached(snn.Threshold):
        def __call__(self, x):
            return 2 * super().__call__(x) - super().__call__(x).detach()

    with pytest.raises(AssertionError):
        thresholds.check_backward(Detached("detached", ATAN.derivative, ATAN.primitive))


def perturbed(field):
    def run(problem):
        out = EAGER.run(problem)
        if field == "gradient":
            output = out.output + 1e-3 * (problem.x.sum() - problem.x.sum().detach())
            return out._replace(output=output)
        if field == "state":
            return out._replace(state=type(out.state)(*(1.001 * value for value in out.state)))
        return out._replace(**{field: 1.001 * getattr(out, field)})

    return snn.Backend("perturbed", 1, lambda problem: None, run)


@pytest.mark.parametrize("field", ["output", "gradient", "state"])
def test_a_backend_that_differs_from_eager_is_found(field):
    cases = [case for case in agreement.CASES if not case.recurrent]
    with pytest.raises(AssertionError, match=r"perturbed, toy, Case"):
        check_agreement(perturbed(field), TOY, cases=cases)


def test_a_backend_that_declines_needs_a_reason():
    silent = snn.Backend("silent", 1, lambda problem: "", EAGER.run)
    with pytest.raises(AssertionError, match=r"silent declines without a reason"):
        check_agreement(silent, TOY)


def test_agreement_counts_what_it_compared():
    no = snn.Backend("no", 1, lambda problem: "it supports nothing", EAGER.run)
    assert check_agreement(no, TOY) == 0
    assert check_agreement(EAGER, TOY) == len(agreement.CASES)


def test_an_unknown_kind_is_refused():
    with pytest.raises(
        ValueError, match=r"kind must be one of neuron, threshold, backend, got 'x'"
    ):
        conformance("toy", "x")
