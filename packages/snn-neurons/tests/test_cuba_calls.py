"""How the integrations are called: results, recorded traces, cutting, warnings, refusals."""

import warnings
from types import SimpleNamespace

import pytest
import torch
from snn_core import NumericsWarning, UnknownName
from snn_neurons.functional import (
    HardwareObservables,
    cuba_aelif_integration,
    cuba_li_integration,
    cuba_lif_integration,
    exp_cuba_li_integration,
    exp_cuba_lif_integration,
)

AELIF = {
    "leak": 0.0,
    "reset": 0.0,
    "threshold": 1.0,
    "tau_syn": 5e-6,
    "c_mem": 10e-6,
    "g_l": 1.0,
    "refractory_time": 2e-6,
    "method": "superspike",
    "alpha": 50.0,
    "exp_slope": 0.1,
    "exp_threshold": 1.0,
    "subthreshold_adaptation_strength": 0.1,
    "spike_triggered_adaptation_increment": 0.1,
    "tau_adap": 100e-6,
}
LIF = {"leak": 0.0, "reset": 0.0, "threshold": 1.0, "method": "super_spike", "alpha": 50.0}
LIF |= {"tau_syn": 5e-6, "tau_mem": 10e-6}
LI = {"leak": 0.0, "tau_syn": 5e-6, "tau_mem": 10e-6}
EXP_LI = {"leak": 0.0, "tau_syn_exp": 0.8, "tau_mem_exp": 0.9}
EXP_LIF = EXP_LI | {"reset": 0.0, "threshold": 1.0, "method": "super_spike", "alpha": 50.0}


@pytest.fixture
def x(draw):
    return draw(0.0, 3.0, 12, 2, 3)


def test_results_have_the_documented_fields_in_their_order(x):
    four = ("spikes", "membrane", "adaptation", "current")
    assert cuba_aelif_integration(x, **AELIF)._fields == four
    assert cuba_lif_integration(x, **LIF)._fields == four
    assert cuba_li_integration(x, **LI)._fields == four
    with_madc = ("spikes", "membrane", "current", "membrane_madc")
    assert exp_cuba_lif_integration(x, **EXP_LIF)._fields == with_madc
    assert exp_cuba_li_integration(x, **EXP_LI)._fields == with_madc[1:]


def test_several_inputs_are_summed(x):
    parts = (0.25 * x, 0.75 * x)
    whole = cuba_aelif_integration(parts[0] + parts[1], **AELIF)
    assert torch.equal(cuba_aelif_integration(parts, **AELIF).membrane, whole.membrane)
    assert torch.equal(cuba_lif_integration(list(parts), **LIF).spikes, whole.spikes)


@pytest.mark.parametrize("given", [0.5, torch.tensor(0.5), torch.tensor([0.5, 0.5, 0.5])])
def test_parameters_are_numbers_or_tensors(given, x):
    given = given.double() if isinstance(given, torch.Tensor) else given
    out = cuba_aelif_integration(x, **AELIF | {"threshold": given})
    assert torch.equal(out.spikes, cuba_lif_integration(x, **LIF | {"threshold": 0.5}).spikes)


# Faster backends need not know every dtype; that auto says so is no matter of this test.
@pytest.mark.filterwarnings("ignore::snn_core.BackendWarning")
def test_dtype_follows_the_input(x):
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        assert {one.dtype for one in cuba_aelif_integration(x.to(dtype), **AELIF)} == {dtype}


def test_a_parameter_of_a_term_that_is_off_is_not_looked_at(x):
    off = dict.fromkeys(
        (
            "exp_slope",
            "exp_threshold",
            "subthreshold_adaptation_strength",
            "spike_triggered_adaptation_increment",
            "tau_adap",
            "refractory_time",
        )
    )
    expected = cuba_aelif_integration(x, **AELIF)
    assert torch.equal(cuba_aelif_integration(x, **AELIF | off).membrane, expected.membrane)
    with pytest.raises(TypeError, match="'exp_slope' must be a number or a Tensor, got NoneType"):
        cuba_aelif_integration(x, **AELIF | off, exponential=True)


def test_silence_of_a_neuron_that_does_not_fire(x):
    out = cuba_aelif_integration(
        100 * x, **AELIF, fire=False, refractory=True, spike_triggered_adaptation=True
    )
    assert out.spikes.shape == x.shape
    assert out.spikes.abs().sum() == 0
    assert out.adaptation.abs().sum() == 0
    assert out.membrane.max() > 1


@pytest.mark.parametrize("extra", [-4, 0, 1])
@pytest.mark.parametrize("recorded", ["spikes", "membrane_cadc", "adaptation"])
def test_every_output_is_cut_to_the_shortest_trace(recorded, extra, x, draw):
    # The reference leaves the rows beyond as uninitialised memory; a chip's traces have T + 1.
    n_steps = len(x) + extra
    trace = (draw(0.0, 1.0, n_steps, 2, 3) > 0.7).double()
    hw = HardwareObservables(**{recorded: trace})
    out = cuba_aelif_integration(x, **AELIF, hw_data=hw, subthreshold_adaptation=True)
    kept = min(n_steps, len(x))
    assert {len(one) for one in out} == {kept}
    name = {"spikes": "spikes", "membrane_cadc": "membrane", "adaptation": "adaptation"}[recorded]
    assert torch.equal(getattr(out, name), trace[:kept])
    full = cuba_aelif_integration(x[:kept], **AELIF, subthreshold_adaptation=True)
    assert torch.equal(out.current, full.current)


def test_the_madc_is_passed_through_and_cuts_nothing(x, draw):
    madc = draw(0.0, 1.0, 3, 2, 3)
    out = exp_cuba_lif_integration(x, **EXP_LIF, hw_data=(None, None, madc))
    assert out.membrane_madc is madc
    assert len(out.spikes) == len(x)
    assert len(cuba_aelif_integration(x, **AELIF, hw_data=(None, None, madc)).spikes) == len(x)


@pytest.mark.parametrize("nothing", [None, HardwareObservables(), (None, None, None)])
def test_nothing_recorded_is_no_hw_data(nothing, x):
    expected = cuba_lif_integration(x, **LIF)
    given = cuba_lif_integration(x, **LIF, hw_data=nothing)
    assert all(torch.equal(a, b) for a, b in zip(given, expected, strict=True))


def test_a_tuple_of_three_and_the_newest_form_mean_the_same(x, draw):
    spikes, cadc = (draw(0, 1, 12, 2, 3) > 0.5).double(), draw(0, 1, 12, 2, 3)
    newest = SimpleNamespace(
        spikes=spikes,
        voltage=SimpleNamespace(cadc=cadc, madc=None),
        adaptation=SimpleNamespace(cadc=None, madc=None),
    )
    expected = HardwareObservables(spikes, cadc, None)
    assert HardwareObservables.of(newest) == expected
    assert HardwareObservables.of((spikes, cadc, None)) == expected
    bare = SimpleNamespace(spikes=None, voltage=None, adaptation=None)
    assert HardwareObservables.of(bare) == HardwareObservables()
    out = cuba_lif_integration(x, **LIF, hw_data=newest)
    assert torch.equal(out.spikes, spikes)
    assert torch.equal(out.membrane, cadc)


def test_recorded_booleans_and_halves_take_the_dtype_of_the_input(x):
    spikes = torch.ones(12, 2, 3, dtype=torch.bool)
    assert torch.equal(cuba_lif_integration(x, **LIF, hw_data=(spikes, None, None)).spikes, x**0)


def test_exponential_integrators_take_recorded_traces(x, draw, independent, agree):
    x = x.requires_grad_()
    spikes, cadc = (draw(0, 1, 12, 2, 3) > 0.5).double(), draw(0, 1.5, 12, 2, 3)
    factors = {"es": 0.8, "em": 0.9, "alpha": 50.0}
    for one in ({"spikes": spikes}, {"membrane": cadc}, {"spikes": spikes, "membrane": cadc}):
        out = exp_cuba_lif_integration(
            x, **EXP_LIF, hw_data=(one.get("spikes"), one.get("membrane"), None)
        )
        agree(out[:3], independent.exp_lif(x, **factors, **one), (x,))
    out = exp_cuba_li_integration(x, **EXP_LI, hw_data=(None, cadc[:5], None))
    _, v, i = independent.exp_lif(x[:5], **factors, fire=False, membrane=cadc[:5])
    agree(out[:2], (v, i), (x,))


def test_exponential_integrators_give_gradients_to_every_parameter(x, draw, independent, agree):
    names = {"leak": "leak", "reset": "reset", "threshold": "threshold"}
    names |= {"tau_syn_exp": "es", "tau_mem_exp": "em"}
    x = x.requires_grad_()
    values = [(EXP_LIF[name] + draw(-0.05, 0.05, 3)).requires_grad_() for name in names]
    given = dict(zip(names, values, strict=True))
    out = exp_cuba_lif_integration(x, **EXP_LIF | given)
    expected = independent.exp_lif(x, **dict(zip(names.values(), values, strict=True)), alpha=50.0)
    assert 0 < out.spikes.sum() < out.spikes.numel()
    agree(out[:3], expected, (x, *values))


def test_hw_data_of_a_leaky_integrator_without_cadc_works(x, draw):
    madc = draw(0.0, 1.0, 3, 2, 3)
    out = exp_cuba_li_integration(x, **EXP_LI, hw_data=(None, None, madc))
    assert torch.equal(out.membrane, exp_cuba_li_integration(x, **EXP_LI).membrane)
    assert out.membrane_madc is madc


@pytest.mark.parametrize(
    ("hw_data", "error", "message"),
    [
        ((None, None), ValueError, r"3 parts, \(spikes, membrane_cadc, membrane_madc\), got 2"),
        (3.0, TypeError, "hw_data must be HardwareObservables, a tuple .*; got float"),
        ((1.0, None, None), TypeError, "hw_data.spikes must be a Tensor, got float"),
        (
            (torch.zeros(12, 4, 3), None, None),
            ValueError,
            r"hw_data.spikes of shape \(T', B, N\) that fits the input \(12, 2, 3\), got "
            r"\(12, 4, 3\)",
        ),
        ((torch.zeros(0, 2, 3), None, None), ValueError, r"got \(0, 2, 3\); only T' may differ"),
        (HardwareObservables(adaptation=torch.zeros(12, 2, 3)), ValueError, "has adaptation, and"),
    ],
)
def test_recorded_traces_that_do_not_fit_are_refused(hw_data, error, message, x):
    with pytest.raises(error, match=message):
        cuba_lif_integration(x, **LIF, hw_data=hw_data)


@pytest.mark.parametrize("function", ["cuba", "exp"])
def test_spikes_of_a_neuron_that_does_not_fire_are_refused(function, x):
    call = {"cuba": (cuba_li_integration, LI), "exp": (exp_cuba_li_integration, EXP_LI)}[function]
    with pytest.raises(ValueError, match="hw_data has spikes, and this neuron has none"):
        call[0](x, **call[1], hw_data=(x, None, None))


def test_inputs_that_cannot_be_summed_are_refused(x):
    with pytest.raises(ValueError, match=r"shapes \(12, 2, 3\) and \(11, 2, 3\)"):
        cuba_lif_integration((x, x[1:]), **LIF)
    with pytest.raises(ValueError, match=r"dtypes torch.float64 and torch.float32; they must"):
        cuba_lif_integration((x, x.float()), **LIF)
    with pytest.raises(ValueError, match="input is an empty tuple"):
        cuba_lif_integration((), **LIF)
    with pytest.raises(TypeError, match=r"input must be a Tensor .* got int"):
        cuba_lif_integration((x, 1), **LIF)
    with pytest.raises(TypeError, match=r"input must be a Tensor .* got float"):
        cuba_lif_integration(1.0, **LIF)


def test_a_wrong_rank_is_refused(x):
    with pytest.raises(ValueError, match=r"shape \(T, B, N\), got \(12, 2\)"):
        cuba_aelif_integration(x[..., 0], **AELIF)


@pytest.mark.parametrize("name", ["tau_syn", "tau_adap"])
def test_time_constants_that_are_not_positive_are_refused(name, x):
    for value in (0.0, -1e-6, torch.tensor([1e-6, 0.0, 1e-6]).double()):
        with pytest.raises(ValueError, match=f"{name} must be positive, got"):
            cuba_aelif_integration(x, **AELIF | {name: value}, subthreshold_adaptation=True)
    with pytest.raises(ValueError, match="tau_mem must be positive, got 0"):
        cuba_lif_integration(x, **LIF | {"tau_mem": 0.0})
    with pytest.raises(ValueError, match="c_mem must be positive, got 0"):
        cuba_aelif_integration(x, **AELIF | {"c_mem": 0.0})


@pytest.mark.parametrize(
    ("change", "flags", "name"),
    [
        ({"tau_syn": 0.5e-6}, {}, "tau_syn"),
        ({"c_mem": 0.25e-6}, {}, "c_mem / g_l"),
        ({"c_mem": 1e-6, "g_l": torch.tensor([1.0, 2.0, 1.0]).double()}, {}, "c_mem / g_l"),
        ({"tau_adap": 0.8e-6}, {"spike_triggered_adaptation": True}, "tau_adap"),
    ],
)
def test_a_step_longer_than_a_time_constant_warns(change, flags, name, x):
    with pytest.warns(NumericsWarning, match=f"dt = 1e-06 s is longer than {name}") as caught:
        cuba_aelif_integration(x, **AELIF | change, **flags)
    assert len(caught) == 1


def test_a_step_as_long_as_a_time_constant_or_of_a_term_that_is_off_does_not_warn(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cuba_aelif_integration(x, **AELIF | {"tau_syn": 1e-6, "tau_adap": 1e-9})
        cuba_aelif_integration(x, **AELIF | {"c_mem": 1e-9}, leaky=False)


def test_lif_and_li_warn_as_well(x):
    with pytest.warns(NumericsWarning, match="dt = 1e-06 s is longer than tau_mem"):
        cuba_lif_integration(x, **LIF | {"tau_mem": 0.5e-6})
    with pytest.warns(NumericsWarning, match="dt = 1e-06 s is longer than tau_syn"):
        cuba_li_integration(x, **LI | {"tau_syn": 0.5e-6})


def test_a_layer_of_no_neurons_is_no_error(x):
    nobody, none = x[..., :0], torch.empty(0, dtype=x.dtype)
    for function, known in ((exp_cuba_li_integration, EXP_LI), (exp_cuba_lif_integration, EXP_LIF)):
        out = function(nobody, **known | {"tau_mem_exp": none, "tau_syn_exp": none})
        assert out.membrane.shape == (12, 2, 0)
    assert cuba_aelif_integration(nobody, **AELIF | {"g_l": none}).spikes.shape == (12, 2, 0)


def test_unknown_thresholds_are_named(x):
    with pytest.raises(UnknownName, match="unknown threshold 'super_spik'"):
        cuba_lif_integration(x, **LIF | {"method": "super_spik"})
