"""Energy by hand, and the fan-out of convolutions against brute force."""

from __future__ import annotations

import itertools

import pytest
import torch
from snn_nodes.layer import Sequential
from snn_nodes.neuron import IFNode
from snn_nodes.recording import EnergyPerOperation, energy, synaptic_operations
from snn_nodes.recording.fan_out import fan_out
from torch import nn


def only(net, x):
    (row,) = synaptic_operations(net, x).layers
    return row


def spikes_of(*shape, seed=0, rate=0.3):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def reached(layer, position, shape):
    """Into how many outputs one input leads: those that change with it, weights all positive."""
    with torch.no_grad():
        layer.weight.uniform_(0.5, 1.0)
        if layer.bias is not None:
            layer.bias.zero_()
        x = torch.zeros(1, *shape)
        x[(0, *position)] = 1
        return int((layer(x) != 0).sum())


GEOMETRIES = [
    {"padding": 0},
    {"padding": 1, "stride": 2},
    {"padding": 2, "dilation": 2},
    {"padding": 1, "stride": 3, "groups": 2},
    {"padding": "same", "dilation": 3},
    {"padding": 0, "stride": 4},  # some inputs lead nowhere
]


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize(
    ("kind", "shape"), [(nn.Conv1d, (2, 8)), (nn.Conv2d, (2, 6, 7)), (nn.Conv3d, (2, 3, 5, 4))]
)
def test_fan_out_is_the_number_of_outputs_that_change(kind, shape, geometry):
    torch.manual_seed(0)
    if geometry.get("padding") == 0 and kind is nn.Conv3d:
        geometry = geometry | {"padding": 1}
    layer = kind(2, 4, 3, **geometry)
    fan = fan_out(layer, shape)
    for position in itertools.product(*map(range, shape)):
        assert fan[position] == reached(layer, position, shape)


def taps(layer, x):
    """Multiplications of a weight and an input within the image, one by one."""
    (ky, kx), (sy, sx), (dy, dx), (py, px) = (
        layer.kernel_size,
        layer.stride,
        layer.dilation,
        layer.padding,
    )
    _, _, height, width = x.shape
    _, channels, rows, columns = layer(x).shape
    per_group = layer.in_channels // layer.groups
    total = 0.0
    for row, column, i, j in itertools.product(range(rows), range(columns), range(ky), range(kx)):
        y, z = row * sy + i * dy - py, column * sx + j * dx - px
        if 0 <= y < height and 0 <= z < width:
            for out in range(channels):
                group = out // (channels // layer.groups)
                inputs = x[:, group * per_group : (group + 1) * per_group, y, z]
                total += inputs.sum().item()
    return total


@pytest.mark.parametrize(
    "geometry",
    [
        {"kernel_size": (3, 2), "padding": (1, 0), "stride": (2, 1)},
        {"kernel_size": 3, "padding": 2, "dilation": (1, 2), "groups": 2},
        {"kernel_size": 5, "stride": 2},
    ],
)
def test_accumulations_of_a_convolution_against_loops(geometry):
    layer = nn.Conv2d(4, 6, bias=False, **geometry)
    x = spikes_of(3, 4, 7, 9)
    assert only(layer, x).accumulations == taps(layer, x) > 0
    assert only(layer, x).dense == taps(layer, torch.ones_like(x))
    assert only(layer, x * 0.5).multiplications == taps(layer, torch.ones_like(x))


def test_padding_that_repeats_the_image_leads_further():
    layer = nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular", bias=False)
    assert fan_out(layer, (1, 5)).tolist() == [[3.0] * 5]
    layer = nn.Conv1d(1, 1, 3, padding=1, padding_mode="reflect", bias=False)
    assert fan_out(layer, (1, 5)).tolist() == [[2.0, 4.0, 3.0, 4.0, 2.0]]


def test_energy_by_hand():
    net = Sequential(nn.Linear(4, 3), IFNode())
    x = torch.zeros(2, 1, 4)
    x[0, 0, :2] = 1  # 2 spikes, 3 outputs: 6 additions; 2 steps of 3 biases and of 3 neurons
    found = energy(synaptic_operations(net, x))
    synapses, neurons = found.layers
    assert synapses.synapses == pytest.approx((6 + 6) * 0.9e-12)
    assert synapses.dense == pytest.approx(24 * 4.6e-12 + 6 * 0.9e-12)
    assert neurons.neurons == pytest.approx(6 * 4.6e-12)
    assert found.total == pytest.approx(12 * 0.9e-12 + 6 * 4.6e-12)
    assert found.dense == pytest.approx(24 * 4.6e-12 + 6 * 0.9e-12 + 6 * 4.6e-12)
    assert "without access to memory" in str(found)
    assert str(found).splitlines()[-2].split() == [
        *("total", "10.8", "pJ", "27.6", "pJ", "38.4", "pJ", "143", "pJ")
    ]


def test_other_figures():
    counted = synaptic_operations(nn.Linear(4, 3), torch.tensor([[0.5, 0, 0, 0]]))
    per = EnergyPerOperation(accumulation=0, multiplication=2.0, bias=1.0, update=0)
    assert energy(counted, per).total == 12 * 2.0 + 3


def test_the_published_figures():
    add, multiply = 0.9e-12, 3.7e-12  # Horowitz 2014, 32-bit floating point
    assert EnergyPerOperation() == pytest.approx((add, add + multiply, add, add + multiply))


def test_a_network_without_neurons_is_counted_too():
    assert only(nn.Linear(2, 2, bias=False), torch.ones(1, 2)).accumulations == 4
