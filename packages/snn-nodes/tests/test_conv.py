"""Conv1d and Conv2d: torch's layers on steps and sequences, of spikes too."""

from __future__ import annotations

import pytest
import torch
from snn_nodes.layer.conv import Conv1d, Conv2d
from snn_nodes.spikes import SpikeTensor
from torch import nn


def drawn(*shape, rate=0.02, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate


def same(ours, theirs):
    """Both with the same weights, whole numbers: sums are exact in any order."""
    draw = torch.Generator().manual_seed(0)
    for parameter in theirs.parameters():
        whole = torch.randint(-8, 9, parameter.shape, generator=draw)
        parameter.data = whole.to(parameter.dtype)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def shown(layer):
    return layer.extra_repr().partition("spike_in=True, ")[2]


@pytest.mark.parametrize("spikes", [False, True])
@pytest.mark.parametrize("given", [(3,), (3, 2, 1, 2, 2, False), (3, 1, "same")])
def test_conv1d(spikes, given):
    ours, theirs = same(Conv1d(4, 6, *given), nn.Conv1d(4, 6, *given))
    elem = drawn(5, 2, 4, 9, rate=0.4)
    x = SpikeTensor(elem) if spikes else elem.float()
    expected = theirs(elem.float().flatten(0, 1)).unflatten(0, (5, 2))
    assert torch.equal(ours(x[0]), expected[0])
    ours.step_mode = "m"
    assert torch.equal(ours(x), expected)


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "circular"])
@pytest.mark.parametrize(
    "given",
    [(3,), (3, 1, 1), ((3, 2), (2, 1), (1, 0), 1, 1, False), (3, 1, "same"), (3, 1, 2, 2, 2)],
)
@pytest.mark.parametrize("rate", [0.01, 0.5])
def test_conv2d(padding_mode, given, rate):
    ours, theirs = same(
        Conv2d(256, 256, *given, padding_mode=padding_mode, spike_in=True),
        nn.Conv2d(256, 256, *given, padding_mode=padding_mode),
    )
    ours.step_mode = "m"
    source = drawn(2, 2, 256, 6, 6, rate=rate).float().requires_grad_()
    grads = []
    for layer, x in (
        (theirs, source.flatten(0, 1)),
        (ours, source),
        (ours, SpikeTensor.from_dense(source)),
    ):
        out = layer(x)
        parameters = tuple(layer.parameters())
        grad = torch.ones_like(out)
        out_grads = torch.autograd.grad(out, (source, *parameters), grad)
        grads.append((out.reshape(2, 2, *out.shape[-3:]), *out_grads))
    for got in grads[1:]:
        for value, expected in zip(got, grads[0], strict=True):
            assert torch.equal(value, expected)


def test_one_step():
    ours, theirs = same(Conv2d(2, 3, 3), nn.Conv2d(2, 3, 3))
    x = drawn(4, 2, 6, 6, rate=0.4).float()
    assert torch.equal(ours(x), theirs(x))
    assert torch.equal(ours(SpikeTensor.from_dense(x)), theirs(x))


def test_arguments_in_spikingjellys_order():
    for kind in (Conv1d, Conv2d):
        layer = kind(2, 4, 3, 2, 1, 1, 2, False, "zeros", "m", dtype=torch.float64)
        assert (layer.groups, layer.bias, layer.step_mode) == (2, None, "m")
        assert layer.weight.dtype == torch.float64
        assert list(kind(2, 4, 3).state_dict()) == ["weight", "bias"]


def test_it_says_which_way_it_takes():
    layer = Conv2d(256, 256, 3, padding=1, spike_in=True)
    assert layer.extra_repr().endswith("step_mode='s', spike_in=True")  # of no shape yet
    layer(SpikeTensor(drawn(4, 256, 8, 8)))
    assert shown(layer).startswith("last path: additions (2.")
    assert shown(layer).endswith(" % active), weight gradient: additions")
    layer(drawn(4, 256, 8, 8).float())
    assert shown(layer).startswith("last path: additions (2.")
    layer(SpikeTensor(drawn(4, 256, 8, 8, rate=1.0)))
    assert shown(layer) == "last path: dense (about 100 % active)"
    layer(drawn(4, 256, 8, 8, rate=1.0).float())
    assert shown(layer) == "last path: dense (about 100 % active)"
    layer(2 * drawn(4, 256, 8, 8).float())
    assert shown(layer) == "last path: dense (values other than 0 and 1)"
    dilated = Conv2d(256, 256, 3, dilation=2, spike_in=True)
    dilated(SpikeTensor(drawn(4, 256, 8, 8)))
    assert shown(dilated) == "last path: dense"


def test_what_it_says_is_what_runs():
    """An infinite weight that no spike selects: a sum leaves it out, a product makes NaN of it."""
    layer = Conv2d(256, 256, 3, padding=1, spike_in=True)
    with torch.no_grad():
        layer.weight[:, 0] = torch.inf
    for rate in (0.01, 0.05, 0.1, 0.15, 0.2, 0.3):
        elem = drawn(4, 256, 8, 8, rate=rate)
        elem[:, 0], elem[0] = False, False
        out = layer(SpikeTensor(elem))
        grad = torch.zeros_like(out)
        grad[0] = torch.inf
        (kernel,) = torch.autograd.grad(out, layer.weight, grad)
        adds = "last path: additions" in layer.extra_repr()
        adds_gradient = "weight gradient: additions" in layer.extra_repr()
        assert bool(out.isnan().any()) is not adds
        assert bool(kernel.isnan().any()) is not adds_gradient


def test_bits_are_kept_for_the_gradient():
    sizes = []

    def pack(x):
        sizes.append(x.nbytes)
        return x

    elem = drawn(4, 256, 8, 8, rate=0.01)
    layer = Conv2d(256, 256, 3, padding=1, spike_in=True)
    for x in (SpikeTensor(elem), elem.float()):
        sizes.clear()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            layer(x)
        assert sorted(sizes)[0] == elem.numel()
        assert 4 * elem.numel() not in sizes


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(dtype):
    ours, theirs = same(
        Conv2d(8, 6, 3, spike_in=True, dtype=dtype), nn.Conv2d(8, 6, 3, dtype=dtype)
    )
    elem = drawn(2, 8, 6, 6, rate=0.2)
    for x in (SpikeTensor(elem), elem.to(dtype)):
        out = ours(x)
        assert out.dtype == dtype
        assert torch.equal(out, theirs(elem.to(dtype)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, at its first use
def test_compiled():
    ours, theirs = same(Conv2d(8, 6, 3, spike_in=True), nn.Conv2d(8, 6, 3))
    compiled = torch.compile(ours, backend="aot_eager", fullgraph=True)
    elem = drawn(2, 8, 6, 6, rate=0.2)
    for x in (elem.float(), SpikeTensor(elem)):
        assert torch.equal(compiled(x), theirs(elem.float()))
    torch._dynamo.reset()


def test_wrong_shapes_name_the_layer():
    layer = Conv2d(2, 3, 3, step_mode="m")
    with pytest.raises(
        ValueError, match=r"^Conv2d\(2, 3, .*takes 2 channels, got 4 in .*\(5, 1, 4"
    ):
        layer(torch.zeros(5, 1, 4, 6, 6))
    with pytest.raises(
        ValueError, match=r"takes \(T, B, C, H, W\) .*got \(1, 2, 6, 6\); this fits"
    ):
        layer(torch.zeros(1, 2, 6, 6))
    with pytest.raises(ValueError, match=r"^Conv1d\(.*takes \(B, C, L\) in .*got \(5, 1, 2, 6\)"):
        Conv1d(2, 3, 3)(torch.zeros(5, 1, 2, 6))
    with pytest.raises(ValueError, match=r"^Conv1d\(.*takes 2 channels, got 3 in"):
        Conv1d(2, 3, 3)(torch.zeros(1, 3, 6))
    with pytest.raises(ValueError, match=r"step_mode of Conv2d.* must be 's'"):
        Conv2d(2, 3, 3, step_mode="x")
