"""What a user gets wrong: the message says what was given, what was expected, and where."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from snn_nodes import functional, surrogate
from snn_nodes.neuron import CubaLIFNode, LIFNode, ParametricLIFNode, node
from torch import nn


@pytest.mark.parametrize("x", [[1.0, 2.0], torch.ones(2, 3).numpy()])
def test_an_input_that_is_no_tensor(x):
    with pytest.raises(
        TypeError, match=rf"^LIFNode\(tau=.* takes a tensor, got {type(x).__name__}"
    ):
        LIFNode()(x)


def test_an_input_of_integers():
    with pytest.raises(TypeError, match=r"takes a floating-point input, got torch.int64; x.float"):
        LIFNode()(torch.ones(2, 3, dtype=torch.long))


def test_parameters_of_another_size_name_the_node():
    net = nn.Sequential(nn.Identity(), LIFNode(v_threshold=torch.ones(3), step_mode="m"))
    functional.reset_net(net)
    with pytest.raises(ValueError, match=r"'v_threshold' of shape \(3,\)") as caught:
        net(torch.ones(2, 2, 4))
    assert caught.value.__notes__ == ["in LIFNode '1'"]
    cuba = CubaLIFNode(dt=1e-3, step_mode="m")
    with pytest.raises(TypeError, match="dense") as caught:
        cuba(torch.ones(2, 2, 4).to_sparse())
    assert caught.value.__notes__[0].startswith("in CubaLIFNode(neuron=lif")


def test_a_network_that_is_none():
    with pytest.raises(TypeError, match=r"^net must be a torch.nn.Module, got Tensor$"):
        functional.reset_net(torch.ones(2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"parallel_optim": "m"}, "parallel_optim must be True or False, got 'm'; step_mode"),
        ({"decay_input": 1.0}, "decay_input must be True or False, got 1.0"),
        ({"detach_reset": None}, "detach_reset must be True or False"),
        ({"surrogate_function": surrogate.ATan}, r"an object to call, .*got <class .*ATan"),
        (
            {"tau": torch.tensor([2, 3])},
            r"tau must be floating point, got torch.int64; .*float\(\)",
        ),
    ],
)
def test_settings_of_another_kind(settings, message):
    with pytest.raises(TypeError, match=message):
        LIFNode(**settings)


def test_values_that_are_not_finite():
    with pytest.raises(ValueError, match="v_threshold must be finite, got a tensor with NaN"):
        LIFNode(v_threshold=torch.tensor([1.0, float("nan")]))


def test_an_unknown_backend_says_what_to_take():
    with pytest.raises(LookupError, match="unknown backend 'torch'") as caught:
        LIFNode(backend="torch")
    assert caught.value.__notes__ == ["backend='auto' takes the fastest that is installed"]


@pytest.mark.parametrize("make", [CubaLIFNode, lambda **k: node("lif", **k)])
def test_a_parameter_among_the_settings(make):
    with pytest.raises(TypeError, match=r"pass params=snn.neuron\('lif'\).Params\(tau_mem=0.003\)"):
        make(dt=1e-3, tau_mem=3e-3)


def test_numbers_of_numpy_will_do():
    made = LIFNode(tau=np.float32(3), T=np.int64(4))
    assert (made.tau, made.T) == (3.0, 4)


@pytest.mark.parametrize("make", [LIFNode, lambda **k: CubaLIFNode(dt=1e-3, **k)])
def test_flags_of_all_nodes_are_true_or_false(make):
    with pytest.raises(TypeError, match="store_v_seq must be True or False, got 'yes'"):
        make(store_v_seq="yes")


@pytest.mark.parametrize("make", [LIFNode, ParametricLIFNode])
@pytest.mark.parametrize(("tau", "error"), [("a", TypeError), (1.0, ValueError), (0.5, ValueError)])
def test_a_time_constant_that_is_none(make, tau, error):
    with pytest.raises(error, match=r"tau (must be a number or a tensor, got 'a'|is the membrane)"):
        make(tau)


def test_a_tensor_keeps_its_dtype():
    assert ParametricLIFNode(torch.full((3,), 2.0, dtype=torch.float64)).w.dtype == torch.float64


def test_all_steps_of_a_node_that_has_another_mode():
    with pytest.raises(ValueError, match="takes all steps by parallel_optim=True only"):
        LIFNode().parallel_optim_forward(torch.ones(4, 2))
