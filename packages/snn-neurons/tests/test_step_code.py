"""CuBaStepCode: the printed step is the step that runs; another text is refused, never executed."""

import itertools

import pytest
import torch
from snn_core import Observed, inject
from snn_core.thresholds import SUPER_SPIKE
from snn_neurons import refractory, terms, with_refractoriness, with_terms
from snn_neurons.functional import CuBaStepCode, HardwareObservables, cuba_aelif_integration
from snn_neurons.functional.specialising import specialised

DT = 1e-3
AELIF = dict.fromkeys(
    (
        "exp_slope",
        "exp_threshold",
        "subthreshold_adaptation_strength",
        "spike_triggered_adaptation_increment",
        "tau_adap",
        "refractory_time",
        "leak",
        "reset",
    ),
    0.0,
) | {"threshold": 1.0, "tau_syn": 1e-5, "c_mem": 1e-5, "g_l": 1.0, "method": "super"}
AELIF["alpha"] = 50.0


def step_of(code):
    """The functions of a text that CuBaStepCode made, as (step, refractory_step)."""
    neuron = with_terms(code.terms)
    held = with_refractoriness(neuron)
    namespace = {
        "torch": torch,
        "inject": inject,
        "State": neuron.State,
        "Params": neuron.Params,
        "RefractoryState": held.State,
        "refractory_steps": refractory.refractory_steps,
        "check_countable": refractory.check_countable,
    }
    exec(code.generate(), namespace)
    if code.refractory and code.fire:
        return held, namespace["refractory_step"]
    return neuron, namespace["step"]


@pytest.mark.parametrize("flags", list(itertools.product((False, True), repeat=6)))
def test_the_text_computes_what_the_step_computes(flags, draw):
    for v, z, w in itertools.product((False, True), repeat=3):
        code = CuBaStepCode(*flags, v, z, hw_adaptation_trace_available=w)
        if w and not code.terms.adapts:
            continue
        neuron, printed = step_of(code)
        params = neuron.Params()
        state = neuron.State(*(draw(0.0, 1.6, 2, 3) for _ in neuron.State._fields))
        if "ref" in neuron.State._fields:
            state = state._replace(ref=(state.ref * 2).floor())
        observed = Observed(
            v=draw(1.0, 2.0, 2, 3) if v else None,
            w=draw(0.0, 1.0, 2, 3) if w else None,
            z=(draw(0.0, 1.0, 2, 3) > 0.5).double() if z else None,
        )
        arguments = (draw(0.0, 3.0, 2, 3), state, params, SUPER_SPIKE, DT, observed)
        expected, after = neuron.step(*arguments)
        given, printed_after = printed(*arguments)
        assert torch.equal(given, expected)
        assert all(torch.equal(a, b) for a, b in zip(printed_after, after, strict=True))


def test_flags_that_are_off_leave_no_trace():
    text = CuBaStepCode().generate()
    for word in ("exp", "tau_adap", "params.b", "ref", "inject", "terms.", "seen", "if "):
        assert word not in "".join(text.splitlines(keepends=True)[3:])
    assert text == CuBaStepCode(True, True).generate()


def test_different_flags_give_different_texts():
    texts = {
        CuBaStepCode(*flags[:8], hw_adaptation_trace_available=flags[8]).generate()
        for flags in itertools.product((False, True), repeat=9)
        if sum(flags) <= 3
    }
    assert len(texts) == 1 + 9 + 36 + 84


def test_the_text_is_made_once_for_the_same_flags():
    code = CuBaStepCode(exponential=True, refractory=True)
    assert code.generate() is CuBaStepCode(exponential=True, refractory=True).generate()


def test_the_ninth_flag_is_by_keyword_only():
    with pytest.raises(TypeError, match="positional arguments"):
        CuBaStepCode(*[True] * 9)


def test_the_text_of_the_call_is_accepted():
    x = torch.ones(4, 1, 1)
    expected = cuba_aelif_integration(x, **AELIF)
    code = CuBaStepCode().generate()
    given = cuba_aelif_integration(x, **AELIF, integration_step_code=code)
    assert torch.equal(given.membrane, expected.membrane)
    hw = HardwareObservables(spikes=torch.ones(4, 1, 1))
    code = CuBaStepCode(leaky=False, hw_spikes_available=True).generate()
    cuba_aelif_integration(x, **AELIF, hw_data=hw, leaky=False, integration_step_code=code)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            CuBaStepCode(refractory=True).generate(),
            r"line 2: expected '# terms: leaky, fire', got '# terms: leaky, fire, refractory'",
        ),
        (
            CuBaStepCode(hw_voltage_trace_available=True).generate(),
            r"line 3: expected '# recorded: nothing', got '# recorded: membrane'",
        ),
        (
            CuBaStepCode().generate().replace("dt / params.c_mem", "2 * dt / params.c_mem"),
            r"line 9: expected '    v = v \+ dt / params.c_mem \* current', got",
        ),
        (CuBaStepCode().generate() + "import os\n", r"line 13: expected '\(no line\)', got 'impo"),
        ("", r"line 1: expected '# one step of cuba_aelif_integration', got '\(no line\)'"),
        (CuBaStepCode().generate().rstrip(), "its line ends differ"),
    ],
)
def test_another_text_is_refused_and_the_difference_named(code, message):
    with pytest.raises(ValueError, match=message) as caught:
        cuba_aelif_integration(torch.ones(4, 1, 1), **AELIF, integration_step_code=code)
    assert "It is compared, never executed" in str(caught.value)


def test_a_callers_text_is_never_executed(tmp_path):
    target = tmp_path / "executed"
    evil = f"import pathlib; pathlib.Path({str(target)!r}).touch()\n"
    for code in (evil, CuBaStepCode().generate() + evil, evil + CuBaStepCode().generate()):
        with pytest.raises(ValueError, match="integration_step_code is not the step of this call"):
            cuba_aelif_integration(torch.ones(4, 1, 1), **AELIF, integration_step_code=code)
    assert not target.exists()


def test_what_is_no_text_is_refused():
    with pytest.raises(TypeError, match="integration_step_code must be a str, got CuBaStepCode"):
        cuba_aelif_integration(torch.ones(4, 1, 1), **AELIF, integration_step_code=CuBaStepCode())


def test_undecided_branches_are_an_error():
    def undecided(a, b):
        if a:
            return b
        return a

    def undecided_or(a, b):
        return b if a or b else a

    with pytest.raises(ValueError, match="the test is not decided: a"):
        specialised(undecided, "f", {}, terms)
    with pytest.raises(ValueError, match="the test is not decided: a or b"):
        specialised(undecided_or, "f", {"a": "True"}, terms)
    assert specialised(undecided, "f", {"a": "0"}, terms) == "def f(a, b):\n    return 0"
