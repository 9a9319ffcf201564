"""Modules that do not run as their class says: refused, for a graph would be of another network."""

import types

import nir
import pytest
import snn_core as snn
import torch
from snn_nodes.exchange import ExchangeError, NirSequential, from_nir, to_nir
from snn_nodes.layer import Conv2d, Linear, Recurrent, Sequential
from snn_nodes.neuron import IFNode, LIFNode, NeuronNode
from snn_nodes.recording import Recorder
from snn_nodes.surrogate import ATan, Sigmoid, Surrogate
from torch import nn
from torch.nn.utils import parametrizations, prune, remove_weight_norm, weight_norm

from .nir_parts import DT, chain, full

# surrogate functions


def step(x):
    return (x >= 0).to(x.dtype)


def strict_step(x):
    return (x > 0).to(x.dtype)


class Halved(Surrogate):
    def forward(self, x):
        return super().forward(x) / 2


@pytest.mark.parametrize("kind", [IFNode, LIFNode])
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            Sigmoid(spiking=False),
            r"Sigmoid\(alpha=4.0, spiking=False\) is no step: at v - v_thresh",
        ),
        (ATan(spiking=False), r"pass one of snn_nodes.surrogate, with spiking=True"),
        (torch.sigmoid, r"surrogate_function sigmoid is no step: .* it puts out 4.54e-05, "),
        (
            torch.sign,
            r"surrogate_function sign is no step: .* puts out -1, .*neurons put out 0 and",
        ),
        (torch.relu, r"surrogate_function relu is no step"),
        (lambda x: step(x - 0.5), r"is no step"),
        (lambda x: 1 - step(x), r"is no step"),
        (lambda x: (x > 0) + 0.5 * (x == 0), r"is no step"),
        (Halved("atan"), r"Halved\('atan', alpha=2.0, spiking=True\) is no step"),
    ],
)
def test_a_node_that_does_not_spike(kind, function, message):
    with pytest.raises(ExchangeError, match=rf"(?i)node '0': its .*{message}"):
        to_nir(Sequential(kind(surrogate_function=function)), (2, 3), dt=DT)


def test_one_neuron_that_fires_elsewhere_is_enough():
    shift = torch.tensor([0.0, 0.0, 0.5])
    with pytest.raises(ExchangeError, match="is no step"):
        to_nir(Sequential(IFNode(surrogate_function=lambda x: step(x - shift))), 3, dt=DT)


@pytest.mark.parametrize(("function", "at_equality"), [(step, True), (strict_step, False)])
def test_a_step_of_others_is_written_and_noted(function, at_equality):
    graph, report = to_nir(Sequential(IFNode(surrogate_function=function)), 2, dt=DT)
    assert [note.what for note in report] == ["strictness"] * at_equality + [
        "training",
        "surrogate",
    ]
    assert type(from_nir(graph, dt=DT).net[0].surrogate_function) is Sigmoid
    x = torch.tensor([1.0, 0.5]).view(1, 1, 2)  # the first membrane meets its threshold exactly
    assert IFNode(surrogate_function=function, step_mode="m")(x)[0, 0, 0] == at_equality


# a forward of one's own


class OwnSequential(Sequential):
    def forward(self, x, lengths=None):
        return 2 * super().forward(x, lengths)


class OwnTorchSequential(nn.Sequential):
    def forward(self, x):
        return 2 * super().forward(x)


class OwnRecurrent(Recurrent):
    def forward(self, x, lengths=None):
        return super().forward(2 * x, lengths)


class OwnNode(NeuronNode):
    def forward(self, x, lengths=None):
        return super().forward(2 * x, lengths)


class OwnDropout(nn.Dropout):
    def forward(self, x):
        return 2 * x


class OwnLayer(snn.Layer):
    def forward(self, x, state=None):
        return super().forward(2 * x, state)


class OwnNir(NirSequential):
    def forward(self, x, lengths=None):
        return 2 * super().forward(x, lengths)


@pytest.mark.parametrize(
    "module",
    [
        lambda: OwnSequential(Linear(2, 2)),
        lambda: OwnTorchSequential(nn.Linear(2, 2)),
        lambda: OwnRecurrent(LIFNode(), 2),
        lambda: OwnNode("lif_box", dt=DT),
        lambda: OwnDropout(),
        lambda: OwnLayer(2, 2, "lif", dt=DT),
        lambda: OwnNir(Linear(2, 2)),
    ],
)
def test_a_forward_of_one_s_own(module):
    own = module()
    kind = type(own).__name__
    with pytest.raises(ExchangeError, match=rf"node '0': {kind} has no counterpart in NIR; a forw"):
        to_nir(nn.Sequential(own), 2, dt=DT)


class Named(Sequential):
    """A class that says what is in it, and no more."""

    def __init__(self):
        super().__init__(Linear(2, 3), LIFNode())


def test_a_subclass_that_keeps_its_forward_is_written():
    assert list(to_nir(Named(), 2, dt=DT).graph.nodes) == ["input", "0", "1", "output"]


# hooks, and methods replaced


def hooked(module, register):
    getattr(module, register)(lambda *_: None)
    return module


@pytest.mark.parametrize(
    ("module", "place"),
    [
        (lambda: hooked(Linear(2, 2), "register_forward_hook"), "0: Linear"),
        (lambda: hooked(nn.Linear(2, 2), "register_forward_pre_hook"), "0: Linear"),
        (lambda: prune.random_unstructured(nn.Linear(2, 2), "weight", 0.5), "0: Linear"),
        (lambda: hooked(LIFNode(), "register_forward_hook"), "0: LIFNode"),
        (lambda: hooked(Sequential(LIFNode()), "register_forward_hook"), "0: Sequential"),
        (lambda: Recurrent(hooked(LIFNode(), "register_forward_hook"), 2), "0.node: LIFNode"),
        (
            lambda: LIFNode(surrogate_function=hooked(Sigmoid(), "register_forward_hook")),
            "0.surrogate_function: Sigmoid",
        ),
        (lambda: hooked(snn.Layer(2, 2, "lif", dt=DT), "register_forward_hook"), "0: Layer"),
    ],
)
def test_hooks(module, place):
    node, kind = place.split(": ")
    with pytest.raises(ExchangeError, match=rf"node '{node}': {kind} has forward hooks, .* remove"):
        to_nir(nn.Sequential(module()), 2, dt=DT)


def test_weight_norm_is_written_once_it_is_fused():
    with pytest.warns(FutureWarning):
        net = nn.Sequential(weight_norm(nn.Linear(2, 2)))
    with torch.no_grad():
        net[0].weight_g.mul_(2)  # the weight is another one only when it is run
    with pytest.raises(ExchangeError, match=r"has forward hooks.*remove_weight_norm"):
        to_nir(net, 2, dt=DT)
    remove_weight_norm(net[0])
    weight = to_nir(net, 2, dt=DT).graph.nodes["0"].weight
    assert torch.equal(torch.from_numpy(weight), net[0].weight)
    net = nn.Sequential(parametrizations.weight_norm(nn.Linear(2, 2)))
    with pytest.raises(ExchangeError, match=r"Linear has no .*parametrize.remove_parametrizations"):
        to_nir(net, 2, dt=DT)


def test_a_recorder_is_named_and_gone_after_its_block():
    net = Sequential(Linear(2, 2), LIFNode())
    with Recorder(net), pytest.raises(ExchangeError, match=r"node '1': .* block of a Recorder"):
        to_nir(net, 2, dt=DT)
    assert "1" in to_nir(net, 2, dt=DT).graph.nodes


@pytest.mark.parametrize(
    ("module", "method"),
    [
        (lambda: Linear(2, 2), "forward"),
        (lambda: LIFNode(), "neuronal_charge"),
        (lambda: IFNode(), "neuronal_reset"),
        (lambda: NeuronNode("lif_box", dt=DT), "forward"),
        (lambda: Sequential(LIFNode()), "forward"),
    ],
)
def test_a_method_replaced_on_the_object(module, method):
    net = nn.Sequential(module())
    setattr(net[0], method, types.MethodType(lambda self, x: x, net[0]))
    with pytest.raises(ExchangeError, match=rf"node '0': {method} of this .* replaced on the obj"):
        to_nir(net, 2, dt=DT)
    delattr(net[0], method)
    assert len(to_nir(net, 2, dt=DT).graph.nodes) == 3


def test_what_is_inside_a_pair_of_synapse_and_membrane_counts():
    cuba = nir.CubaLIF(full(2e-3), full(5e-3), full(1.0), full(0.0), full(1.0))
    net = from_nir(chain(cuba), dt=DT).net
    net[0][1].register_forward_hook(lambda *_: None)
    with pytest.raises(ExchangeError, match=r"node 'n0.1': NeuronNode has forward hooks"):
        to_nir(net, 2, dt=DT)


def test_compiled_in_place_is_as_it_was():
    net = Sequential(Conv2d(1, 2, 3), LIFNode())
    net.compile(backend="eager")
    net[1].compile(backend="eager")
    assert len(to_nir(net, (1, 4, 4), dt=DT).graph.nodes) == 4
