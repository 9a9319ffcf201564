"""Each check of the conformance kit fails for the broken thing that it is there to find."""

import dataclasses

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY, conformance, neurons, thresholds
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


def barely_converges(x, state, params, threshold, dt):
    """A term of order sqrt(dt) per unit of time: halving dt changes the state by 0.7 each time."""
    z, after = TOY.step(x, state, params, threshold, dt)
    return z, TOY.State(after.v + 10 * dt**1.5)


def double_where_parameters_are(x, state, params, threshold, dt):
    tau = params.tau_mem
    if isinstance(tau, torch.Tensor) and tau.ndim == 0:
        x = x * tau.new_ones(1)
    return TOY.step(x, state, params, threshold, dt)


def fails_when_empty(x, state, params, threshold, dt):
    return TOY.step(x - x.max(), state, params, threshold, dt)


@pytest.mark.parametrize(
    ("check", "step"),
    [
        (neurons.check_pure, impure),
        (neurons.check_pure, forgetful),
        (neurons.check_shapes_and_dtypes, single_precision),
        (neurons.check_shapes_and_dtypes, wrong_shape),
        (neurons.check_shapes_and_dtypes, double_where_parameters_are),
        (neurons.check_empty_batch, fails_when_empty),
        (neurons.check_parameters_per_neuron, first_parameter_only),
        (neurons.check_vmap, mixes_samples),
        (neurons.check_gradients, cuts_gradient),
        (neurons.check_gradients, deaf),
        (neurons.check_compiles, branches_on_data),
        (neurons.check_converges, diverges),
        (neurons.check_converges, barely_converges),
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


SHARED = torch.zeros(2, 3)


@pytest.mark.parametrize(
    "start",
    [
        lambda params, shape, *, dtype, device: TOY.State(torch.zeros(shape, dtype=dtype)),
        lambda params, shape, *, dtype, device: TOY.State(torch.zeros(shape, device=device)),
        lambda params, shape, *, dtype, device: TOY.State(SHARED.to(device, dtype)),
    ],
    ids=["no device", "no dtype", "shared memory"],
)
def test_a_broken_initial_state_is_found(start):
    with pytest.raises(AssertionError, match=r"initial"):
        neurons.check_initial_state(broken(initial_state=start))
    neurons.check_initial_state(TOY)


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


def test_a_derivative_that_only_its_own_primitive_believes_is_found():
    """The primitive's autograd is bent to the wrong derivative; differences are not."""

    class Bent(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return ATAN.primitive(x, 2.0)

        @staticmethod
        def backward(ctx, grad):
            return 1.01 * grad * ATAN.derivative(*ctx.saved_tensors, 2.0)

    bent = snn.Threshold(
        "bent", lambda x, a: 1.01 * ATAN.derivative(x, a), lambda x, a: Bent.apply(x), 2.0
    )
    with pytest.raises(AssertionError, match=r"close"):
        thresholds.check_derivative(bent)


def test_a_backward_that_forgets_another_alpha_is_found():
    class Stubborn(snn.Threshold):
        def __call__(self, x):
            return ATAN(x)

    with pytest.raises(AssertionError, match=r"close"):
        thresholds.check_backward(Stubborn("stubborn", ATAN.derivative, ATAN.primitive, ATAN.alpha))


def test_a_backward_that_is_not_the_derivative_is_found():
    class Detached(snn.Threshold):
        def __call__(self, x):
            return 2 * super().__call__(x) - super().__call__(x).detach()

    with pytest.raises(AssertionError):
        thresholds.check_backward(Detached("detached", ATAN.derivative, ATAN.primitive))


def test_an_unknown_kind_is_refused():
    with pytest.raises(
        ValueError, match=r"kind must be one of neuron, threshold, backend, got 'x'"
    ):
        conformance("toy", "x")
