"""The decay factors of the exp_cuba functions: warnings, and refusals by the caller's names."""

import pytest
import torch
from snn_core import NumericsWarning
from snn_neurons.functional import exp_cuba_li_integration, exp_cuba_lif_integration

EXP_LI = {"leak": 0.0, "tau_syn_exp": 0.8, "tau_mem_exp": 0.9}
EXP_LIF = EXP_LI | {"reset": 0.0, "threshold": 1.0, "method": "super_spike", "alpha": 50.0}


@pytest.fixture
def x(draw):
    return draw(0.0, 3.0, 12, 2, 3)


@pytest.mark.parametrize("factor", [1.0, 1.02, 0.0, -0.5])
@pytest.mark.parametrize("name", ["tau_mem_exp", "tau_syn_exp"])
def test_decay_factors_outside_the_unit_interval_warn(name, factor, x):
    for function, known in ((exp_cuba_li_integration, EXP_LI), (exp_cuba_lif_integration, EXP_LIF)):
        for value in (factor, torch.tensor([0.5, factor, 0.5]).double()):
            with pytest.warns(
                NumericsWarning, match=rf"{name} lies outside \(0, 1\); it should be"
            ):
                function(x, **known | {name: value})


@pytest.mark.parametrize("name", ["tau_mem_exp", "tau_syn_exp"])
def test_a_decay_factor_that_is_none_or_does_not_fit_is_named_as_it_was_given(name, x):
    for function, known in ((exp_cuba_li_integration, EXP_LI), (exp_cuba_lif_integration, EXP_LIF)):
        with pytest.raises(TypeError, match=f"'{name}' must be a number or a Tensor, got NoneType"):
            function(x, **known | {name: None})
        with pytest.raises(ValueError, match=f"'{name}' of shape .2,. does not broadcast"):
            function(x, **known | {name: torch.full((2,), 0.5).double()})
        with pytest.raises(ValueError, match=f"{name} must be finite, got nan"):
            function(x, **known | {name: float("nan")})
