"""Each way in which a backend can be wrong and look right is found by check_agreement."""

import pytest
import snn_core as snn
import torch
from snn_core.eager import EAGER
from snn_core.testing import TOY, agreement, check_agreement
from snn_core.thresholds import SUPER_SPIKE


def observing(x, state, params, threshold, dt, observed=None):
    z, after = TOY.step(x, state, params, threshold, dt)
    return (z if observed is None else snn.inject(z, observed.z)), after


NEURON = TOY._replace(name="observing", step=observing, observes=("z",))


def backend(run):
    return snn.Backend("wrong", 1, lambda problem: None, run)


def on_problem(change):
    return lambda problem: EAGER.run(change(problem))


def on_output(change):
    return lambda problem: change(problem, EAGER.run(problem))


def forgets_recurrent_start(problem):
    if problem.recurrent_weight is None:
        return problem
    state = problem.state._replace(output=torch.zeros_like(problem.state.output))
    return problem._replace(state=state)


def forgets_recurrent_end(problem, out):
    if problem.recurrent_weight is None:
        return out
    return out._replace(state=out.state._replace(output=torch.zeros_like(out.output[-1])))


def adds_gradient(problem, out):
    if not isinstance(problem.x, torch.Tensor) or not problem.x.requires_grad:
        return out
    total = problem.x.sum()
    return out._replace(output=out.output + 1e-3 * (total - total.detach()))


def detaches_numbers(problem):
    if isinstance(problem.params.tau_mem, float):
        raise TypeError("no tensor")
    return problem


def flattens(problem):
    if isinstance(problem.x, torch.Tensor):
        problem.x.reshape(len(problem.x), problem.x.shape[1], problem.x.shape[2])
    return problem


def scales_state(problem, out):
    if problem.recurrent_weight is not None:
        return out
    return out._replace(state=type(out.state)(*(1.001 * value for value in out.state)))


def scales_traces(problem, out):
    scaled = (None if one is None else 1.001 * one for one in out.traces)
    return out._replace(traces=type(out.traces)(*scaled))


WRONG = {
    "ignores observed": on_problem(lambda p: p._replace(observed=None)),
    "one threshold": on_problem(lambda p: p._replace(threshold=SUPER_SPIKE)),
    "one alpha": on_problem(lambda p: p._replace(threshold=p.threshold.with_alpha(50.0))),
    "always strict": on_problem(lambda p: p._replace(threshold=p.threshold.with_strictness(True))),
    "one dt": on_problem(lambda p: p._replace(dt=1e-3)),
    "forgets the last output it began with": on_problem(forgets_recurrent_start),
    "forgets the last output at the end": on_output(forgets_recurrent_end),
    "no recurrence": on_problem(
        lambda p: (
            p._replace(recurrent_weight=p.recurrent_weight * 0)
            if p.recurrent_weight is not None
            else p
        )
    ),
    "records everything": on_problem(lambda p: p._replace(record=p.neuron.State._fields)),
    "records nothing": on_problem(lambda p: p._replace(record=())),
    "needs tensors": on_problem(detaches_numbers),
    "needs floats": on_problem(
        lambda p: (
            p._replace(x=p.x.detach().requires_grad_() * 1) if isinstance(p.x, torch.Tensor) else p
        )
    ),
    "one axis": on_problem(flattens),
    "scaled output": on_output(lambda p, out: out._replace(output=1.001 * out.output)),
    "scaled state": on_output(scales_state),
    "scaled traces": on_output(scales_traces),
    "another gradient": on_output(adds_gradient),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_backend_is_found(name):
    with pytest.raises((AssertionError, TypeError, RuntimeError)):
        check_agreement(backend(WRONG[name]), NEURON)


def test_eager_agrees_with_itself_to_the_bit_on_every_case():
    compared = check_agreement(EAGER, NEURON)
    assert compared == len(agreement.CASES) * len(agreement.THRESHOLDS)


def test_single_precision_is_compared_as_such():
    def coarse(problem, out):
        return out._replace(output=out.output * (1 + 1e-9))

    single = [case for case in agreement.CASES if case.dtype == torch.float32]
    check_agreement(backend(on_output(coarse)), NEURON, ulps=1e3, cases=single)
    with pytest.raises(AssertionError, match=r"wrong, observing, super_spike, Case"):
        check_agreement(backend(on_output(coarse)), NEURON, ulps=1e3)


@pytest.mark.parametrize("reason", ["", False])
def test_a_backend_that_declines_needs_a_reason(reason):
    silent = snn.Backend("silent", 1, lambda problem: reason, EAGER.run)
    with pytest.raises(AssertionError, match=r"silent declines without a reason"):
        check_agreement(silent, TOY)


def test_a_ranked_backend_that_runs_nothing_is_found_and_one_without_a_rank_is_left_alone():
    idle = snn.Backend("idle", 1, lambda problem: "it supports nothing", EAGER.run)
    assert check_agreement(idle, TOY) == 0
    with pytest.raises(AssertionError, match=r"idle runs none of \d+ neurons"):
        agreement.check_agrees(idle)
    agreement.check_agrees(idle._replace(rank=None))
