"""The contract of the nodes: signatures, memories, the four charges, firing, the two resets."""

from __future__ import annotations

import inspect

import pytest
import torch
from snn_nodes.memory import MemoryModule
from snn_nodes.neuron import BaseNode, IFNode, LIFNode, ParametricLIFNode
from snn_nodes.surrogate import Sigmoid

BASE = {
    "v_threshold": 1.0,
    "v_reset": 0.0,
    "surrogate_function": None,
    "detach_reset": False,
    "parallel_optim": False,
    "T": 1,
    "spike_out": False,
}
MORE = {"step_mode": "s", "store_v_seq": False, "backend": "auto", "on_new_shape": "restart"}


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        (BaseNode, {}),
        (IFNode, {}),
        (LIFNode, {"tau": 2.0, "decay_input": True}),
        (ParametricLIFNode, {"init_tau": 2.0, "decay_input": True}),
    ],
)
def test_names_order_and_defaults_are_the_references(kind, first):
    parameters = inspect.signature(kind.__init__).parameters.values()
    given = [one for one in parameters if one.name != "self"]
    ordered = {one.name: one.default for one in given if one.kind is one.POSITIONAL_OR_KEYWORD}
    by_name = {one.name: one.default for one in given if one.kind is one.KEYWORD_ONLY}
    assert list(ordered.items()) == list((first | BASE).items())
    assert by_name == MORE


def test_arguments_by_place_land_where_their_names_say():
    surrogate = Sigmoid(2.0)
    node = LIFNode(3.0, False, 1.5, None, surrogate, True, True, 4, True)
    names = ("tau", "decay_input", *BASE)
    assert [getattr(node, name) for name in names] == [
        3.0,
        False,
        1.5,
        None,
        surrogate,
        True,
        True,
        4,
        True,
    ]


def test_the_default_surrogate_is_a_spiking_sigmoid_of_alpha_4():
    surrogate = BaseNode().surrogate_function
    assert isinstance(surrogate, Sigmoid)
    assert (surrogate.alpha, surrogate.spiking) == (4.0, True)


# Memories


def test_a_memory_acts_as_an_attribute_and_is_nowhere_else():
    module = MemoryModule()
    module.register_memory("trace", 1.5)
    assert module.trace == 1.5
    assert "trace" in dir(module)
    module.trace = torch.ones(2)
    assert "trace" not in vars(module)
    assert [name for name, _ in module.named_memories()] == ["trace"]
    assert [value is module.trace for value in module.memories()] == [True]
    assert not module.state_dict()
    assert not list(module.buffers())
    del module.trace
    assert not hasattr(module, "trace")
    assert "trace" not in dir(module)
    module.reset()
    assert not hasattr(module, "trace")


@pytest.mark.parametrize("name", ["v", "v_threshold", "tau", "reset", "T", "surrogate_function"])
def test_a_name_that_is_taken_is_refused(name):
    with pytest.raises(ValueError, match=rf"LIFNode.* has an attribute '{name}' already; give"):
        LIFNode().register_memory(name, 0.0)


def test_reset_brings_back_copies_of_the_reset_values():
    module, start = MemoryModule(), torch.zeros(3)
    module.register_memory("u", start)
    module.register_memory("n", {"steps": [0]})
    start.add_(7)
    for _ in range(2):
        module.reset()
        assert module.u.tolist() == [0.0, 0.0, 0.0]
        assert module.n == {"steps": [0]}
        module.u += 1
        module.n["steps"].append(1)
    module.set_reset_value("u", torch.full((3,), 2.0, requires_grad=True) * 1)
    assert module.u.tolist() == [1.0, 1.0, 1.0]
    module.reset()
    assert module.u.tolist() == [2.0, 2.0, 2.0]
    assert not module.u.requires_grad


def test_a_reset_value_of_no_memory_is_an_error_that_lists_those_there_are():
    with pytest.raises(KeyError, match=r"IFNode.* has no memory 'w'; it has: v"):
        IFNode().set_reset_value("w", 0.0)


def test_detach_cuts_the_graph_and_keeps_the_values():
    node, x = IFNode(), torch.full((1, 2), 0.4, requires_grad=True)
    node(x)
    node.detach()
    assert not node.v.requires_grad
    assert torch.equal(node.v, x)


@pytest.mark.parametrize(("v_reset", "start"), [(0.0, 0.0), (-0.5, -0.5), (None, 0.0)])
def test_v_is_the_float_of_v_reset_before_the_first_call_and_after_reset(v_reset, start):
    node = LIFNode(v_reset=v_reset)
    for _ in range(2):
        assert isinstance(node.v, float)
        assert node.v == start
        x = torch.zeros(2, 3, dtype=torch.bfloat16)
        node.v_float_to_tensor(x)
        assert node.v.shape == x.shape
        assert node.v.dtype == x.dtype
        assert (node.v == start).all()
        node.reset()


# Equations

V, X, TAU, V_RESET = 0.75, 0.5, 4.0, -0.25


@pytest.mark.parametrize(
    ("name", "takes_reset", "expected"),
    [
        # 0.75 + (0.5 - (0.75 + 0.25)) / 4      0.75 + (0.5 - 0.75) / 4
        # 0.75 - (0.75 + 0.25) / 4 + 0.5        0.75 - 0.75 / 4 + 0.5
        ("neuronal_dynamics_decay_input", True, 0.625),
        ("neuronal_dynamics_decay_input_reset0", False, 0.6875),
        ("neuronal_dynamics_no_decay_input", True, 1.0),
        ("neuronal_dynamics_no_decay_input_reset0", False, 1.0625),
    ],
)
def test_the_four_charges_of_lif_by_hand(name, takes_reset, expected):
    x, v = torch.tensor([X]), torch.tensor([V])
    charge = getattr(LIFNode, name)
    assert charge(x, v, *([V_RESET] if takes_reset else []), TAU).item() == expected
    by_name = {"x": x, "v": v, "tau": TAU} | ({"v_reset": V_RESET} if takes_reset else {})
    assert charge(**by_name).item() == expected
    node = LIFNode(TAU, "no_decay" not in name, 10.0, V_RESET if takes_reset else None)
    node.v = v.clone()
    node.neuronal_dynamics(x)
    assert node.v.item() == expected
    node.v = v.clone()
    node.neuronal_charge(x)  # the same by SpikingJelly's name
    assert node.v.item() == expected


def test_if_adds_its_input():
    node = IFNode()
    node.v = torch.tensor([0.25])
    node.neuronal_dynamics(torch.tensor([0.5]))
    assert node.v.item() == 0.75


def test_the_resets_by_hand():
    v, spike = torch.tensor([2.5, 0.5]), torch.tensor([1.0, 0.0])
    assert BaseNode.hard_reset(v, spike, -0.25).tolist() == [-0.25, 0.5]
    assert BaseNode.hard_reset(v, spike, -0.25, True).tolist() == [-0.25, 0.5]
    assert BaseNode.soft_reset(v, spike, 1.25).tolist() == [1.25, 0.5]
    assert BaseNode.soft_reset(v, spike, 1.25, False).tolist() == [1.25, 0.5]


def test_a_neuron_fires_at_its_threshold_and_above():
    node = IFNode(v_threshold=0.75)
    below = torch.nextafter(torch.tensor(0.75), torch.tensor(0.0)).item()
    assert node(torch.tensor([[below, 0.75, 0.8]])).tolist() == [[0.0, 1.0, 1.0]]
    node.v = torch.tensor([[0.75, 0.7]])
    assert node.neuronal_fire().tolist() == [[1.0, 0.0]]
    assert node.neuronal_fire(torch.zeros(1)).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    ("x", "v_reset", "fired"),
    [
        (0.6, 0.0, [1, 3, 5, 7, 9]),
        (0.625, None, [1, 3, 4, 6, 7, 9]),  # 0.625 (k + 1) reaches 1, 2, 3 ... at these k
    ],
)
def test_the_spikes_of_if_counted_by_hand(x, v_reset, fired):
    node = IFNode(v_reset=v_reset, step_mode="m")
    out = node(torch.full((10, 1, 1), x)).flatten()
    assert out.nonzero().flatten().tolist() == fired


@pytest.mark.parametrize("v_reset", [None, -0.3])
@pytest.mark.parametrize("decay_input", [False, True])
def test_the_primitive_makes_a_node_that_is_differentiable_throughout(decay_input, v_reset):
    torch.manual_seed(0)
    x = torch.rand(4, 2, 3, dtype=torch.float64, requires_grad=True)
    v_th = torch.full((3,), 0.6, dtype=torch.float64, requires_grad=True)
    tau = torch.full((3,), 2.5, dtype=torch.float64, requires_grad=True)

    def run(x, v_th, tau):
        node = LIFNode(2.0, decay_input, 1.0, v_reset, Sigmoid(4.0, spiking=False), step_mode="m")
        node.v_threshold, node.tau = v_th, tau
        return node(x), node.v

    assert torch.autograd.gradcheck(run, (x, v_th, tau))


def test_the_settings_are_in_the_repr():
    text = repr(LIFNode(3.0, v_reset=None, parallel_optim=True, T=4, spike_out=True))
    for part in ("tau=3.0", "decay_input=True", "v_reset=None", "T=4", "spike_out=True", "Sigmoid"):
        assert part in text


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"tau": 1.0}, ValueError, "tau .* must be above 1, got 1.0; pass tau=2.0"),
        ({"tau": torch.tensor([2.0, 0.5])}, ValueError, r"tau .* must be above 1, got \(2,\)"),
        ({"tau": float("nan")}, ValueError, "tau must be finite, got nan"),
        ({"tau": True}, TypeError, "tau must be a number or a tensor, got True"),
        ({"v_threshold": "1"}, TypeError, "v_threshold must be a number or a tensor, got '1'"),
        ({"v_threshold": None}, TypeError, "v_threshold must be a number or a tensor, got None"),
        ({"v_reset": float("inf")}, ValueError, "v_reset must be finite, got inf"),
        (
            {"surrogate_function": 4.0},
            TypeError,
            "surrogate_function must be an object to call, such as",
        ),
        ({"T": 0}, ValueError, "T of LIFNode.* must be at least 1, got 0; pass T=4"),
        ({"T": 2.0}, TypeError, "T of LIFNode.* must be an integer, got 2.0; pass T=4"),
        ({"step_mode": "x"}, ValueError, "step_mode of LIFNode.* must be 's' .* or 'm' .*got 'x'"),
        ({"on_new_shape": "keep"}, ValueError, "must be 'restart' or 'raise', got 'keep'"),
        ({"backend": "nmba"}, LookupError, "nmba"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_construction(settings, error, message):
    with pytest.raises(error, match=message):
        LIFNode(**settings)


def test_a_node_that_does_not_say_what_charges_it_says_so():
    with pytest.raises(NotImplementedError, match=r"BaseNode must override neuronal_dynamics"):
        BaseNode()(torch.ones(1, 1))
