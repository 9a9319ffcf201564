"""Network to graph to network, to the bit: by what nodes have in their metadata, or without."""

import copy
import json

import nir
import numpy as np
import pytest
import snn_core as snn
import torch
from snn_nodes.exchange import Scale, Threshold, from_nir, to_nir
from snn_nodes.functional import set_backend
from snn_nodes.layer import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Delay,
    Dropout,
    Flatten,
    Linear,
    Recurrent,
    Sequential,
    SparseSynapse,
    SumPool2d,
)
from snn_nodes.neuron import (
    CubaLIFNode,
    IAFNode,
    IFNode,
    LIFNode,
    LINode,
    NeuronNode,
    ParametricLIFNode,
)
from snn_nodes.surrogate import ATan
from torch import nn

from .nir_graphs import DT, assert_same_outputs, spikes


def learning_lif():
    lif = snn.neuron("lif")
    params = lif.Params(tau_mem=torch.tensor([8e-3, 9e-3, 10e-3]), v_th=torch.full((3,), 0.3))
    threshold = snn.threshold("atan", alpha=3.0)
    return NeuronNode(lif, dt=DT, params=params, learn=("tau_mem", "v_leak"), threshold=threshold)


def per_neuron_lif():
    tau, v_th = torch.tensor([2.0, 3.0, 7.5]), nn.Parameter(torch.tensor([0.5, 0.6, 0.7]))
    return LIFNode(tau, False, v_threshold=v_th, v_reset=torch.tensor([0.0, -0.1, 0.1]))


NODES = {
    "IF": lambda: IFNode(0.7, -0.2),
    "IF soft": lambda: IFNode(0.7, None, ATan(3.0), detach_reset=True),
    "LIF": lambda: LIFNode(tau=3.7, v_threshold=0.4),
    "LIF per neuron": per_neuron_lif,
    "PLIF": lambda: ParametricLIFNode(torch.tensor([2.5, 3.0, 7.0]), v_threshold=0.3),
    "lif": lambda: CubaLIFNode(dt=DT, params=snn.neuron("lif").Params(v_th=0.3)),
    "lif learning": learning_lif,
    "li": lambda: LINode(dt=DT),
    "iaf": lambda: IAFNode(dt=DT),
    "lif_box": lambda: NeuronNode("lif_box", dt=DT, params=snn.neuron("lif_box").Params(r=9.0)),
    "li_box": lambda: NeuronNode("li_box", dt=DT),
    "if_box": lambda: NeuronNode("if_box", dt=DT),
    "iaf_integrate_first": lambda: NeuronNode("iaf_integrate_first", dt=DT),
    "lif_refractory": lambda: NeuronNode(
        "lif_refractory",
        dt=DT,
        params=snn.neuron("lif_refractory").Params(v_th=0.3, refractory_time=2e-3),
    ),
}


@pytest.mark.parametrize("recurrent", [False, True], ids=["forward", "recurrent"])
@pytest.mark.parametrize("name", NODES)
def test_a_network_comes_back_to_the_bit(name, recurrent, tmp_path):
    torch.manual_seed(0)
    node = NODES[name]()
    inner = Recurrent(node, 3) if recurrent else node
    net = Sequential(Linear(4, 3), inner, Dropout(0.5), Linear(3, 2, bias=False)).eval()
    with torch.no_grad():
        net[0].weight *= 4
    graph, _ = to_nir(net, 4, dt=DT, accept=("soft_reset", "refractory"))
    nir.write(tmp_path / "net.nir", graph)
    for source in (graph, tmp_path / "net.nir"):
        back, report = from_nir(source, dt=DT)
        assert not report.of("card")
        assert back.state_dict().keys() == net.state_dict().keys()
        for key, value in net.state_dict().items():
            assert back.state_dict()[key].dtype == value.dtype, key
            assert torch.equal(back.state_dict()[key], value), key
        assert_same_outputs(net, back, spikes((4,)))
        made = back[1].node if recurrent else back[1]
        assert type(made) is type(node)
        node.step_mode = "m"
        assert repr(made) == repr(node)
        learnt = [key for key, _ in node.named_parameters()]
        assert [key for key, _ in made.named_parameters()] == learnt


def test_layers_of_all_kinds_come_back_to_the_bit():
    torch.manual_seed(1)
    net = Sequential(
        Sequential(
            Conv2d(2, 6, (3, 2), stride=(2, 1), padding=(1, 0), bias=False, groups=2),
            LIFNode(tau=2.0, v_threshold=0.2),
            nn.AvgPool2d(2, padding=1),
        ),
        SumPool2d(2, 1),
        Flatten(2),
        Conv1d(6, 3, 3, padding="same", dilation=2),
        Delay(2),
        nn.Flatten(),
        SparseSynapse.from_density(12, 5, 0.5),
        Delay(torch.tensor([0, 1, 2, 3, 4])),
        Scale(torch.full((5,), 2.0)),
        Threshold(torch.tensor(0.1)),
        nn.Identity(),
    )
    graph, report = to_nir(net, (2, 8, 5), dt=DT)
    assert report.of("type_check")[0].node == "0.0"
    assert set(graph.nodes) >= {"0.0", "0.1", "0.2", "9"}
    back, _ = from_nir(graph, dt=DT)
    assert list(back.state_dict()) == [k for k in net.state_dict() if "connections" not in k]
    assert isinstance(back[0], Sequential)
    assert isinstance(back[0][2], AvgPool2d)
    x = spikes((2, 8, 5))
    assert_same_outputs(net, back, x)


def test_bfloat16_and_spike_in_come_back():
    net = Sequential(Linear(4, 3, spike_in=True), LIFNode(v_threshold=0.2)).to(torch.bfloat16)
    graph, _ = to_nir(net, 4, dt=DT)
    assert graph.nodes["0"].weight.dtype == np.float32
    back, _ = from_nir(graph, dt=DT)
    assert back[0].weight.dtype == torch.bfloat16
    assert back[0].spike_in
    set_backend(net, "eager")
    set_backend(back, "eager")
    assert_same_outputs(net, back, spikes((4,), dtype=torch.bfloat16))


def test_a_core_layer_comes_back_as_its_parts():
    torch.manual_seed(2)
    layer = snn.Layer(4, 3, "lif", dt=DT, recurrent=True)
    with torch.no_grad():
        layer.weight *= 5
        layer.recurrent_weight *= 3
    graph, _ = to_nir(layer, 4, dt=DT)
    assert set(graph.nodes) == {"input", "weight", "neuron", "recurrent_weight", "output"}
    net, _ = from_nir(graph, dt=DT)
    x = spikes((4,), steps=40)
    assert torch.equal(net(x), layer(x).output)
    assert net(x).sum() > 0


def test_a_card_is_believed_only_if_the_arrays_agree():
    """Soft reset and surrogate live in the card; a changed array makes it a plain LIF."""
    net = Sequential(LIFNode(tau=4.0, v_reset=None))
    graph, _ = to_nir(net, 3, dt=DT, accept=("soft_reset",))
    assert isinstance(from_nir(graph, dt=DT).net[0], LIFNode)
    for change in ("tau", "v_threshold"):
        changed = copy.deepcopy(graph)
        getattr(changed.nodes["0"], change)[...] *= 2
        back, report = from_nir(changed, dt=DT)
        assert back[0].neuron.name == "lif_box"
        assert "its arrays, or dt, are others now" in report.of("card")[0].consequence
    back, report = from_nir(graph, dt=2 * DT)  # tau in steps belongs to the other dt
    assert back[0].neuron.name == "lif_box"
    assert len(report.of("card")) == 1


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("IF soft", ["strictness", "soft_reset"]),
        ("IF", ["strictness", "start"]),
        ("LIF", ["strictness"]),
        ("lif", ["latency"]),
        ("lif_refractory", ["refractory", "latency"]),
        ("lif_box", []),
        ("li_box", []),
    ],
)
def test_what_comes_back_and_the_numbers_do_not_say_is_noted(name, what):
    graph, _ = to_nir(NODES[name](), 3, dt=DT, accept=("soft_reset", "refractory"))
    _, report = from_nir(graph, dt=DT)
    assert [note.what for note in report] == what
    if "soft_reset" in what:
        assert "comes back from the node's card; by the numbers alone" in str(report)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("snn_nodes.settings", "{"),
        ("snn_nodes.settings", json.dumps({"tensors": {}})),
        ("snn_nodes.class", "IFNode"),
        ("snn_nodes.class", "os.system"),
    ],
)
def test_a_broken_card_is_ignored_and_noted(key, value):
    graph, _ = to_nir(Sequential(LIFNode(tau=4.0)), 3, dt=DT)
    graph.nodes["0"].metadata[key] = value
    back, report = from_nir(graph, dt=DT)
    assert back[0].neuron.name == "lif_box"
    assert report.of("card")[0].node == "0"


def test_a_card_has_every_tensor_whatever_its_name():
    node = IFNode()
    node.register_buffer("extra_current", torch.ones(2))
    metadata = to_nir(node, 2, dt=DT).graph.nodes["ifnode"].metadata
    assert np.array_equal(metadata["snn_nodes.tensor.extra_current"], np.ones(2))
