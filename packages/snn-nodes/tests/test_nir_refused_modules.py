"""Modules that NIR cannot say: refused by a message that names the node, or noted."""

import nir
import numpy as np
import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY
from snn_nodes.exchange import ACCEPTABLE, CurrentFirst, ExchangeError, Report, to_nir
from snn_nodes.layer import (
    AvgPool2d,
    BatchNorm1d,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Recurrent,
    Sequential,
)
from snn_nodes.neuron import AdExNode, BaseNode, IFNode, LIFNode, NeuronNode
from snn_nodes.surrogate import Sigmoid
from torch import nn

DT = 1e-3


@pytest.mark.parametrize("shape", [0, (), (3, 0)])
def test_a_shape_has_axes(shape):
    with pytest.raises(ValueError, match=r"shape is that of one sample at one step"):
        to_nir(IFNode(), shape, dt=DT)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: torch.rand(1, 3), r"\(4,\), got a Tensor of shape \(1, 3\); .* batch.shape\[1:\]"),
        (lambda: torch.tensor(3.0), r"\(4,\), got a Tensor of shape \(\)"),
        (lambda: 2.5, r"shape is that of one sample at one step, such as \(4,\), got 2.5"),
        (lambda: (2.5,), r"such as \(4,\), got \(2.5,\)"),
        (lambda: "3", r"such as \(4,\), got '3'"),
    ],
)
def test_a_sample_is_no_shape(given, message):
    """snnTorch's export takes one."""
    with pytest.raises(TypeError, match=message):
        to_nir(IFNode(), given(), dt=DT)


@pytest.mark.parametrize("given", [3, (3,), [3], torch.Size([3]), np.int64(3), torch.tensor([3])])
def test_whatever_counts_is_a_shape(given):
    assert to_nir(IFNode(), given, dt=DT).graph.nodes["ifnode"].r.shape == (3,)


def refractory(seconds):
    params = snn.neuron("lif_refractory").Params(refractory_time=seconds)
    return NeuronNode("lif_refractory", dt=DT, params=params)


@pytest.mark.parametrize(
    ("node", "accept", "message"),
    [
        (lambda: IFNode(v_reset=None), "soft_reset", r"'0': v_reset=None resets by subtraction"),
        (lambda: LIFNode(v_reset=None), "soft_reset", r"'0': v_reset=None resets by subtraction"),
        (lambda: refractory(2e-3), "refractory", r"'0': NIR has no refractory period; set ref"),
    ],
)
def test_what_would_mean_something_else_is_refused_unless_accepted(node, accept, message):
    net = Sequential(node())
    with pytest.raises(ExchangeError, match=message) as error:
        to_nir(net, 2, dt=DT)
    assert f"pass accept=('{accept}',)" in str(error.value)
    _, report = to_nir(net, 2, dt=DT, accept=(accept,))
    assert report.of(accept)[0].consequence.endswith(ACCEPTABLE[accept])


def test_one_refractory_neuron_is_enough():
    with pytest.raises(ExchangeError, match=r"'0': NIR has no refractory period"):
        to_nir(Sequential(refractory(torch.tensor([0.0, 2e-3]))), 2, dt=DT)


def test_a_synapse_that_does_not_rest_at_0():
    params = snn.neuron("li_box").Params(v_leak=torch.tensor([0.0, 0.25]))
    node = CurrentFirst(
        NeuronNode("li_box", dt=DT, params=params), NeuronNode("lif_box", dt=DT), step_mode="m"
    )
    with pytest.raises(ExchangeError, match=r"node '0': its synapse rests at \[0. +0.25\], NIR's"):
        to_nir(Sequential(node), 2, dt=DT)


def test_no_refractory_time_is_no_difference():
    graph, _ = to_nir(Sequential(refractory(0.0)), 2, dt=DT)
    assert isinstance(graph.nodes["0"], nir.CubaLIF)


class Own(BaseNode):
    def neuronal_dynamics(self, x):
        self.v = self.v + 2 * x


class Strange(Linear):
    def forward(self, x):
        return super().forward(x) ** 2


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Linear(2, 2)

    def forward(self, x):
        return x + self.inner(x)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: Own(), r"node '0': Own has dynamics of its own, which NIR cannot say; it knows"),
        (lambda: AdExNode(dt=DT), r"node '0': neuron 'adex' adapts and has an exponential term"),
        (lambda: NeuronNode("exp_lif", dt=DT), r"'exp_lif' integrates by exact decays, importers"),
        (lambda: NeuronNode(TOY, dt=DT), r"neuron 'toy' has no counterpart in NIR; those that NIR"),
        (
            lambda: NeuronNode("lif", dt=2e-3),
            r"node '0' steps by dt = 0.002 s, the export by 0.001",
        ),
        (lambda: BatchNorm1d(2), r"node '0': BatchNorm1d has no counterpart in NIR; fuse it into"),
        (
            lambda: Strange(2, 2),
            r"node '0': Strange has no counterpart in NIR; those that have one",
        ),
        (
            lambda: Residual(),
            r"node '0': Residual has no counterpart in NIR; a forward of one's own",
        ),
        (
            lambda: Linear(3, 2),
            r"node '0' \(Affine\) takes \(3,\), as its weight \(2, 3\), but wha",
        ),
        (lambda: snn.Layer(2, 2, "lif", dt=2e-3), r"node '0.neuron' steps by dt = 0.002 s"),
    ],
)
def test_modules_that_nir_cannot_say(module, message):
    net = nn.Sequential(module())
    with pytest.raises(ExchangeError, match=message):
        to_nir(net, 2, dt=DT)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: MaxPool2d(2), r"node '0': MaxPool2d has no counterpart in NIR"),
        (lambda: AvgPool2d(2, ceil_mode=True), r"node '0': NIR's AvgPool2d has no ceil_mode"),
        (lambda: AvgPool2d(2, padding=1, count_include_pad=False), r"counts padded zeros"),
        (lambda: Linear(4, 4), r"node '0' \(Linear\) gets steps of shape \(2, 4, 4\).*a Flatten"),
        (lambda: Flatten(0, 1), r"node '0' would flatten the batch, which NIR does not have"),
        (
            lambda: Conv2d(2, 2, 3, padding=1, padding_mode="reflect"),
            r"padding_mode='reflect', NIR pads with zeros; train with padding_mode='zeros', or p",
        ),
        (lambda: Conv2d(2, 2, 5), r"node '0' \(Conv2d\) takes at least the size of its kernel"),
        (
            lambda: Recurrent(LIFNode(), Conv2d(2, 2, 3)),
            r"node '0.recurrent' leads back to '0.node' with \(2, 2, 2\), not \(2, 4, 4\)",
        ),
    ],
)
def test_layers_of_images_that_nir_cannot_say(module, message):
    with pytest.raises(ExchangeError, match=message):
        to_nir(nn.Sequential(module()), (2, 4, 4), dt=DT)


def test_what_is_noted_of_a_network():
    net = Sequential(Linear(2, 2), LIFNode(surrogate_function=Sigmoid()), NeuronNode("lif", dt=DT))
    _, report = to_nir(net, 2, dt=DT)
    assert [(note.node, note.what) for note in report] == [
        ("1", "strictness"),
        ("1", "training"),
        ("2", "training"),
        ("2", "latency"),
    ]
    assert str(report).splitlines()[0].startswith("1  strictness  fires where v >= v_threshold, N")
    assert repr(Report()) == "no differences"


def test_only_known_differences_can_be_accepted():
    with pytest.raises(ValueError, match=r"cannot accept 'anything'; differences are soft_reset, "):
        to_nir(IFNode(), 2, dt=DT, accept=("anything",))
    with pytest.raises(TypeError, match=r"accept is a collection of names, got 'soft_reset'; pass"):
        to_nir(IFNode(), 2, dt=DT, accept="soft_reset")
