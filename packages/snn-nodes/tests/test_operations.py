"""Synaptic operations: cases counted by hand."""

from __future__ import annotations

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY
from snn_core.types import Backend, Output
from snn_nodes.layer import Recurrent, Sequential, SparseSynapse
from snn_nodes.neuron import IFNode
from snn_nodes.recording import OperationCounter, energy, synaptic_operations
from snn_nodes.spikes import SpikeTensor
from torch import nn


def only(net, x):
    (row,) = synaptic_operations(net, x).layers
    return row


def spikes_of(*shape, seed=0, rate=0.3):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


# Counted by hand.


def test_a_spike_into_a_linear_layer_costs_one_addition_an_output():
    row = only(nn.Linear(4, 3), torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 1]]))
    assert row.accumulations == 3 * 3
    assert row.multiplications == 0
    assert row.biases == 2 * 3
    assert row.updates == 0
    assert row.dense == 2 * 4 * 3
    assert (row.name, row.kind) == ("Linear", "Linear")


def test_an_analog_input_costs_all_multiplications_zeros_too():
    row = only(nn.Linear(4, 3, bias=False), torch.tensor([[0.5, 0, 1, 0]]))
    assert (row.accumulations, row.multiplications, row.biases) == (0, 12, 0)


def test_spikes_of_another_height_are_analog():
    row = only(nn.Linear(4, 3, bias=False), 2 * torch.tensor([[1.0, 0, 1, 0]]))
    assert (row.accumulations, row.multiplications) == (0, 12)


def test_only_connections_that_exist_count():
    connections = torch.tensor([[1, 1, 0], [1, 0, 0]]).bool()  # fan-out 2, 1, 0
    layer = SparseSynapse(3, 2, connections, bias=False)
    assert only(layer, torch.tensor([[1.0, 0, 1]])).accumulations == 2
    assert only(layer, torch.tensor([[1.0, 1, 1]])).accumulations == 3
    assert only(layer, torch.tensor([[0.5, 1, 1]])).multiplications == 3


def test_the_border_of_a_convolution():
    layer = nn.Conv1d(1, 2, 3, padding=1, bias=False)  # an end has 2 taps within, the middle 3
    assert only(layer, torch.tensor([[[1.0, 0, 0, 0]]])).accumulations == 2 * 2
    assert only(layer, torch.tensor([[[0.0, 1, 0, 0]]])).accumulations == 3 * 2
    row = only(layer, torch.full((1, 1, 4), 0.5))
    assert row.multiplications == (2 + 3 + 3 + 2) * 2


def test_feedback_comes_a_step_later():
    layer = Recurrent(IFNode(), 3, step_mode="m")
    with torch.no_grad():
        layer.recurrent.weight.zero_()
    x = torch.zeros(4, 1, 3)
    x[0, 0, 0] = x[2, 0, :2] = x[3, 0, 2] = 1  # the last spike is not fed back any more
    rows = {row.name: row for row in synaptic_operations(layer, x).layers}
    assert rows["recurrent"].accumulations == 3 * 3
    assert rows["recurrent"].dense == 4 * 9
    assert rows["Recurrent"].updates == 4 * 3
    assert set(rows) == {"Recurrent", "recurrent"}


def recurrent_counts(make, x, mode):
    torch.manual_seed(0)
    layer = Recurrent(IFNode(), make(), step_mode=mode)
    with OperationCounter(layer) as counter, torch.no_grad():
        outputs = layer(x) if mode == "m" else torch.stack([layer(step) for step in x])
    rows = {row.name: row for row in counter.operations().layers}
    return rows["recurrent"], torch.cat((torch.zeros_like(outputs[:1]), outputs[:-1]))


@pytest.mark.parametrize("mode", ["s", "m"])
def test_feedback_is_counted_once_however_it_is_run(mode):
    x = 2 * torch.rand(6, 2, 4, generator=torch.Generator().manual_seed(3))
    row, fed = recurrent_counts(lambda: nn.Linear(4, 4), x, mode)
    assert fed.sum() > 0
    assert row.accumulations == 4 * fed.sum()
    assert row.biases == 6 * 2 * 4
    grid = torch.eye(4).bool()
    row, fed = recurrent_counts(lambda: SparseSynapse(4, 4, grid, bias=False), x, mode)
    assert row.accumulations == fed.sum()
    image = x.view(6, 2, 1, 4)
    row, fed = recurrent_counts(lambda: nn.Conv1d(1, 1, 3, padding=1, bias=False), image, mode)
    taps = torch.tensor([2.0, 3, 3, 2])
    assert row.accumulations == (fed * taps).sum() > 0


def test_feedback_goes_on_from_call_to_call():
    layer = Recurrent(IFNode(), 2, step_mode="m")
    with OperationCounter(layer) as counter, torch.no_grad():
        layer.recurrent.weight.zero_()
        layer(torch.ones(1, 1, 2))
        assert counter.operations().total.accumulations == 0
        layer(torch.ones(1, 1, 2))
        assert counter.operations().total.accumulations == 4


@pytest.mark.parametrize("recurrent", [False, True])
def test_a_layer_of_the_core(recurrent):
    layer = snn.Layer(4, 3, TOY, dt=1e-3, recurrent=recurrent)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.weight[:, 0] = 10.0  # the first input makes all three fire
    x = torch.zeros(5, 1, 4)
    x[0, 0, 0] = x[1, 0, 1] = x[4, 0, 0] = 1
    row = only(layer, x)
    assert row.accumulations == 3 * 3 + recurrent * 3 * 3
    assert row.updates == 5 * 3
    assert row.dense == 5 * 4 * 3 + recurrent * 5 * 9
    with OperationCounter(layer) as counter, torch.no_grad():
        state = layer(x[:1]).state
        layer(x[1:], state)
    assert counter.operations().layers[0] == row


def test_a_layer_of_the_core_counts_events():
    x, z = torch.zeros(5, 2, 4), torch.zeros(5, 2, 3)
    x[0, 0, 0] = x[1, 0, 1] = x[4, 1, 0] = 1  # samples of 2 and of 1 spikes: one is padded
    z[1, 0, 2] = 1
    out = Output(snn.Events.from_grid(z, 1e-3), None, None)
    backend = Backend("of events", None, lambda problem: None, lambda problem: out)
    layer = snn.Layer(4, 3, TOY, recurrent=True, backend=backend)
    row = only(layer, snn.Events.from_grid(x, 1e-3))
    assert row.accumulations == 3 * 3 + 1 * 3
    assert (row.updates, row.dense) == (0, 0)


def test_a_whole_network():
    torch.manual_seed(0)
    net = Sequential(nn.Linear(4, 3, bias=False), IFNode(), nn.Linear(3, 2), IFNode())
    with torch.no_grad():
        net[0].weight.fill_(0.5)
    x = torch.zeros(5, 1, 4)
    x[:, 0, :2] = 1  # each hidden neuron gets 1 and fires at every step
    found = synaptic_operations(net, x)
    assert [row.name for row in found.layers] == ["0", "1", "2", "3"]
    assert [row.accumulations for row in found.layers] == [5 * 2 * 3, 0, 5 * 3 * 2, 0]
    assert [row.updates for row in found.layers] == [0, 15, 0, 10]
    assert [row.biases for row in found.layers] == [0, 0, 10, 0]
    assert found.total.accumulations == 60
    assert found.total.dense == 5 * (12 + 6)
    assert found.not_counted == ()
    text = str(found).splitlines()
    assert text[0].split() == [
        *("layer", "kind", "accumulations", "MACs", "biases", "updates"),
        *("MACs", "if", "dense"),
    ]
    assert text[-1].split() == ["total", "60", "0", "10", "25", "90"]


def test_step_by_step_is_the_same():
    torch.manual_seed(0)
    net = Sequential(nn.Linear(4, 3), IFNode(), nn.Linear(3, 2), IFNode())
    x = spikes_of(6, 2, 4)
    at_once = synaptic_operations(net, x)
    net.step_mode = "s"
    with OperationCounter(net) as counter, torch.no_grad():
        for step in x:
            net(step)
    assert counter.operations() == at_once
    net(x[0])
    assert counter.operations() == at_once  # it counts no more


def test_spike_tensors_count_as_their_spikes():
    net = Sequential(nn.Conv2d(1, 2, 3), IFNode(spike_out=True), nn.Flatten(), nn.Linear(18, 2))
    plain = Sequential(*net[:1], IFNode(), *net[2:])
    x = spikes_of(4, 2, 1, 5, 5)
    numbers = [row[2:] for row in synaptic_operations(net, x).layers]
    assert numbers == [row[2:] for row in synaptic_operations(plain, x).layers]
    spikes = SpikeTensor.from_dense(torch.tensor([[1.0, 0, 1]]))
    assert only(nn.Linear(3, 2), spikes).accumulations == 4


def test_what_is_not_counted_is_named():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ConvTranspose2d(2, 1, 3))
    found = synaptic_operations(net, torch.ones(1, 1, 5, 5))
    assert found.not_counted == ("BatchNorm2d '1'", "ConvTranspose2d '2'")
    assert "not counted: BatchNorm2d '1', ConvTranspose2d '2'" in str(found)
    assert "not counted: BatchNorm2d '1'" in str(energy(found))


def test_the_network_is_left_as_it_was():
    torch.manual_seed(0)
    net = Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(), IFNode())
    net(spikes_of(2, 2, 4))
    v, mean, drawn = net[3].v, net[1].running_mean.clone(), torch.get_rng_state()
    synaptic_operations(net, spikes_of(3, 5, 4))
    assert net[3].v is v
    assert torch.equal(net[1].running_mean, mean)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert not net[0]._forward_hooks
