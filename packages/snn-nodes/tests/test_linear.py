"""Linear: torch's layer on steps and sequences, of spikes too; what it says about its way."""

from __future__ import annotations

import copy
import pickle
import re

import pytest
import torch
from snn_nodes.layer.linear import Linear
from snn_nodes.spikes import SpikeTensor
from torch import nn


def drawn(*shape, rate=0.03, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate


def layers(n_in=784, n_out=512, **options):
    """Ours and torch's with the same weights, whole numbers: sums are exact in any order."""
    ours, theirs = Linear(n_in, n_out, **options), nn.Linear(n_in, n_out)
    draw = torch.Generator().manual_seed(0)
    for parameter in theirs.parameters():
        whole = torch.randint(-8, 9, parameter.shape, generator=draw)
        parameter.data = whole.to(options.get("dtype", torch.float32))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def shown(layer):
    return layer.extra_repr().partition("spike_in=True, ")[2]


@pytest.mark.parametrize(("mode", "leading"), [("s", (60,)), ("m", (3, 20)), ("m", (3, 4, 5))])
@pytest.mark.parametrize("spike_in", [False, True])
@pytest.mark.parametrize("rate", [0.0, 0.02, 0.4])
def test_it_is_linear(mode, leading, spike_in, rate):
    ours, theirs = layers(step_mode=mode, spike_in=spike_in)
    elem = drawn(*leading, 784, rate=rate)
    source = elem.float().requires_grad_()
    grads = []
    for layer, x in ((theirs, source), (ours, source), (ours, SpikeTensor.from_dense(source))):
        out = layer(x)
        given = (source, layer.weight, layer.bias)
        grads.append((out, *torch.autograd.grad(out, given, torch.ones_like(out))))
    for got in grads[1:]:
        assert type(got[0]) is torch.Tensor
        for value, expected in zip(got, grads[0], strict=True):
            assert torch.equal(value, expected)


def test_arguments_in_spikingjellys_order():
    layer = Linear(3, 2, False, "m", dtype=torch.float64)
    assert layer.bias is None
    assert layer.step_mode == "m"
    assert layer.weight.dtype == torch.float64
    assert list(Linear(3, 2).state_dict()) == ["weight", "bias"]
    assert isinstance(layer, nn.Linear)


def test_values_other_than_spikes_are_multiplied_as_they_are():
    ours, theirs = layers(spike_in=True)
    x = drawn(1000, 784).float()
    x[500, 500] = 0.5
    assert torch.equal(ours(x), theirs(x))
    assert shown(ours) == "last path: dense (values other than 0 and 1)"
    x = torch.rand(1000, 784, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(x), theirs(x))
    assert shown(ours) == "last path: dense (about 100 % active)"


def test_it_says_which_way_it_takes():
    ours, _ = layers(spike_in=True)
    assert shown(ours) == (
        "for (1000, 784): additions up to 16 % active, weight gradient: additions up to 15 % active"
    )
    assert "dense, weight gradient: dense" in shown(Linear(10, 2, spike_in=True))
    spikes = SpikeTensor(drawn(1000, 784))
    ours(spikes)
    said = f"additions ({100 * spikes.activity():.1f} % active), weight gradient: additions"
    assert shown(ours) == f"last path: {said}"
    ours(SpikeTensor(drawn(1000, 784, rate=1.0)))
    assert shown(ours) == "last path: dense (about 100 % active)"
    ours(drawn(1000, 784).float())
    assert shown(ours) == f"last path: {said}"
    ours(drawn(1000, 784, rate=0.5).float())
    about = re.fullmatch(r"last path: dense \(about (\d+) % active\)", shown(ours))
    assert 45 <= int(about[1]) <= 55
    ours(drawn(2, 784).float())
    assert shown(ours) == "last path: dense"


def test_without_spikes_it_shows_no_way():
    layer = Linear(784, 512)
    layer(torch.ones(2, 784))
    assert layer.extra_repr() == "in_features=784, out_features=512, bias=True, step_mode='s'"
    layer(SpikeTensor(drawn(1000, 784)))
    assert "last path: additions" in layer.extra_repr()


def test_what_it_says_is_what_runs():
    """An infinite weight that no spike selects: a sum leaves it out, a product makes NaN of it."""
    layer = Linear(784, 512, spike_in=True)
    with torch.no_grad():
        layer.weight[:, 0] = torch.inf
    for rate in (0.03, 0.1, 0.14, 0.18, 0.22, 0.3):
        elem = drawn(1000, 784, rate=rate)
        elem[:, 0], elem[0] = False, False
        out = layer(SpikeTensor(elem))
        grad = torch.zeros_like(out)
        grad[0] = torch.inf
        (weight_grad,) = torch.autograd.grad(out, layer.weight, grad)
        adds = "last path: additions" in layer.extra_repr()
        adds_gradient = "weight gradient: additions" in layer.extra_repr()
        assert bool(out.isnan().any()) is not adds
        assert bool(weight_grad.isnan().any()) is not adds_gradient


def test_bits_are_kept_where_a_dense_input_holds_spikes():
    sizes = []

    def pack(x):
        sizes.append(x.nbytes)
        return x

    x = drawn(1000, 784).float()
    for spike_in, size in ((True, 784_000), (False, 4 * 784_000)):
        sizes.clear()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            Linear(784, 512, spike_in=spike_in)(x)
        assert size in sizes


def test_bool_inputs():
    ours, theirs = layers(spike_in=True)
    elem = drawn(20, 784)
    expected = theirs(elem.float())
    out = ours(elem)
    elem.fill_(True)  # it keeps its own
    assert torch.equal(out, expected)
    (grad,) = torch.autograd.grad(out.sum(), ours.weight)
    assert grad.sum() == 512 * drawn(20, 784).sum()
    with pytest.raises(RuntimeError, match="dtype"):
        layers()[0](elem)


@pytest.mark.parametrize("rate", [0.02, 0.5])
def test_a_wrong_dtype_is_refused_whatever_the_activity(rate):
    layer = Linear(784, 512, spike_in=True)
    with pytest.raises(RuntimeError, match="dtype"):
        layer(drawn(1000, 784, rate=rate).double())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(dtype):
    ours, theirs = layers(spike_in=True, dtype=dtype)
    elem = drawn(1000, 784, rate=0.03)
    for x in (SpikeTensor(elem), SpikeTensor(elem, dtype), elem.to(dtype)):
        out = ours(x)
        assert out.dtype == dtype
        assert torch.equal(out, theirs(elem.to(dtype)))
        assert "additions" in shown(ours)


def test_under_autocast():
    ours, theirs = layers(spike_in=True)
    elem = drawn(1000, 784)
    with torch.autocast("cpu", torch.bfloat16):
        expected = theirs(elem.float())
        for x in (SpikeTensor(elem), elem.float()):
            out = ours(x)
            assert out.dtype == torch.bfloat16
            assert torch.equal(out, expected)


def test_copies_work_after_a_call():
    ours, _ = layers(spike_in=True)
    x = SpikeTensor(drawn(1000, 784))
    expected = ours(x)
    for layer in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(layer(x), expected)
        assert shown(layer) == shown(ours)


def test_inside_torch_func():
    ours, theirs = layers(20, 4, spike_in=True)
    x = drawn(5, 6, 20, rate=0.5).float()
    assert torch.equal(torch.func.vmap(ours)(x), theirs(x))
    weights = dict(ours.named_parameters())

    def loss(weights):
        return torch.func.functional_call(ours, weights, (x,)).sum()

    grads = torch.func.grad(loss)(weights)
    assert torch.equal(grads["weight"], x.sum((0, 1)).expand(4, 20))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, at its first use
def test_compiled():
    ours, theirs = layers(20, 4, spike_in=True)
    compiled = torch.compile(ours, backend="aot_eager", fullgraph=True)
    elem = drawn(6, 20, rate=0.5)
    for x in (elem.float(), SpikeTensor(elem)):
        out = compiled(x)
        assert torch.equal(out, theirs(elem.float()))
        (grad,) = torch.autograd.grad(out.sum(), ours.weight)
        assert torch.equal(grad, elem.sum(0).float().expand(4, 20))
    torch._dynamo.reset()


def test_wrong_shapes_name_the_layer():
    layer = Linear(4, 3, step_mode="m")
    with pytest.raises(ValueError, match=r"Linear\(in_features=4, .*takes 4 features, got 5 in .*"):
        layer(torch.zeros(6, 2, 5))
    with pytest.raises(ValueError, match=r"takes \(T, B, \*, N_in\) in step_mode='m', got \(4,\)"):
        layer(torch.zeros(4))
    with pytest.raises(ValueError, match=r"step_mode of Linear.* must be 's'"):
        Linear(4, 3, step_mode="x")
