"""Gradients through SpikeTensors: those of dense spikes, and only bits kept for them."""

from __future__ import annotations

import pytest
import torch
from snn_nodes.spikes import SpikeTensor, spike_linear
from torch import nn
from torch.nn import functional

DOUBLE = torch.float64


def drawn(*shape, rate=0.4, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate


def normal(*shape, seed=1, dtype=DOUBLE):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=draw, dtype=DOUBLE).to(dtype)


THROUGH = {
    "view": lambda x: x.view(4, 30),
    "permute": lambda x: x.permute(2, 0, 1),
    "expand": lambda x: x.unsqueeze(0).expand(3, 4, 5, 6),
    "index": lambda x: x[torch.tensor([2, 0, 2]), 1:],
    "cat": lambda x: torch.cat([x, x[:1]]),
    "cat with numbers": lambda x: torch.cat([normal(1, 5, 6), x]),
    "stack": lambda x: torch.stack([x, x[[1, 0, 3, 2]]]),
    "split": lambda x: x.split([1, 3])[1],
    "clone": lambda x: x.clone(),
    "to half and back": lambda x: x.to(torch.float16).to(DOUBLE),
    "to_dense": lambda x: x.to_dense() if isinstance(x, SpikeTensor) else x,
    "max_pool1d": lambda x: functional.max_pool1d(x, 2),
    "max_pool2d": lambda x: functional.max_pool2d(x, 3, 2, 1),
    "adaptive_max_pool2d": lambda x: functional.adaptive_max_pool2d(x, 2),
    "sum": lambda x: x.sum(0),
    "mean": lambda x: x.mean(),
    "mul": lambda x: x * normal(6),
    "square": lambda x: x * x,
    "divide": lambda x: x / normal(5, 6),
    "where": lambda x: torch.where(normal(6) > 0, x, 2.0),
    "matmul": lambda x: x @ normal(6, 3),
    "matmul from the left": lambda x: normal(2, 5) @ x,
    "matmul of spikes": lambda x: x[0] @ x[1].t(),
    "linear": lambda x: functional.linear(x, normal(3, 6), normal(3)),
    "conv1d": lambda x: functional.conv1d(x, normal(2, 5, 3), normal(2)),
    "conv2d": lambda x: functional.conv2d(x[:, None], normal(2, 1, 3, 2), padding=1),
    "pad": lambda x: functional.pad(x, (1, 2)),
    "add into numbers": lambda x: normal(4, 5, 6).add_(x),
}


@pytest.mark.parametrize("name", THROUGH)
def test_gradients_are_those_of_dense_spikes(name):
    source = drawn(4, 5, 6).double().requires_grad_()
    outs = [THROUGH[name](SpikeTensor.from_dense(source)), THROUGH[name](source)]
    weight = normal(*outs[1].shape, seed=2).to(outs[1].dtype)
    ours, theirs = (
        torch.autograd.grad((out * weight).sum(), source, create_graph=True)[0] for out in outs
    )
    assert type(ours) is torch.Tensor
    torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-13)


def test_the_gradient_of_a_leaf_is_dense():
    spikes = SpikeTensor(drawn(3, 4)).requires_grad_()
    (spikes * 3).sum().backward()
    assert type(spikes.grad) is torch.Tensor
    assert torch.equal(spikes.grad, torch.full((3, 4), 3.0))
    (2 * spikes).sum().backward()
    assert torch.equal(spikes.grad, torch.full((3, 4), 5.0))


def test_from_dense_passes_the_gradient_on_in_the_dtype_of_its_source():
    source = drawn(3, 4).to(torch.float16).requires_grad_()
    spikes = SpikeTensor.from_dense(source, DOUBLE)
    (spikes.to_dense(torch.float32) * 3).sum().backward()
    assert source.grad.dtype == torch.float16
    assert torch.equal(source.grad, torch.full((3, 4), 3.0, dtype=torch.float16))


def test_a_surrogate_before_it_learns():
    v = normal(5, 6, dtype=torch.float32).requires_grad_()
    weight = normal(6, dtype=torch.float32)
    for mark in (SpikeTensor.from_dense, SpikeTensor.from_spikes):
        # zeros and ones forward, the slope of the sigmoid backward
        z = (v > 0).float() + 0 * v + (torch.sigmoid(v) - torch.sigmoid(v).detach())
        spikes = mark(z)
        assert torch.equal(spikes.elem, v > 0)
        (grad,) = torch.autograd.grad((spikes * weight).sum(), v)
        slope = torch.sigmoid(v) * (1 - torch.sigmoid(v))
        torch.testing.assert_close(grad, slope * weight)


def kept(run):
    """The bytes that autograd keeps for the backward pass, by type of tensor and dtype."""
    sizes = {}

    def pack(x):
        name = "spikes" if isinstance(x, SpikeTensor) else str(x.dtype)
        sizes[name] = sizes.get(name, 0) + x.nbytes
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        run()
    return sizes


PRODUCTS = {
    "linear": (lambda x: functional.linear(x, nn.Parameter(torch.ones(2, 64))), (10, 64)),
    "matmul": (lambda x: x @ nn.Parameter(torch.ones(64, 2)), (10, 64)),
    "conv1d": (lambda x: nn.Conv1d(4, 2, 3)(x), (2, 4, 64)),
    "conv2d": (lambda x: nn.Conv2d(4, 2, 3)(x), (2, 4, 9, 9)),
    "mul": (lambda x: x * nn.Parameter(torch.ones(1)), (10, 64)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_what_is_kept_for_the_backward_is_bits(name):
    run, shape = PRODUCTS[name]
    elem = drawn(*shape)
    sizes = kept(lambda: run(SpikeTensor(elem)))
    floats = kept(lambda: run(elem.float()))
    assert sizes["spikes"] == elem.numel()
    assert sum(floats.values()) - sum(sizes.values()) == 3 * elem.numel()


def test_second_derivatives():
    source = drawn(5, 4).double().requires_grad_()
    weight, bias = normal(3, 4).requires_grad_(), normal(3).requires_grad_()
    grads = []
    for spikes in (SpikeTensor.from_dense(source), source):
        out = functional.linear(spikes, weight, bias).tanh().sum()
        one = torch.autograd.grad(out, (source, weight, bias), create_graph=True)
        grads.append(torch.autograd.grad(sum(g.pow(2).sum() for g in one), (source, weight, bias)))
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_second_derivatives_of_a_convolution():
    source = drawn(2, 3, 5, 5).double().requires_grad_()
    weight = normal(4, 3, 3, 3).requires_grad_()
    grads = []
    for spikes in (SpikeTensor.from_dense(source), source):
        out = functional.conv2d(spikes, weight).tanh().sum()
        one = torch.autograd.grad(out, (source, weight), create_graph=True)
        grads.append(torch.autograd.grad(sum(g.pow(2).sum() for g in one), (source, weight)))
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_gradcheck_of_the_weight():
    spikes = SpikeTensor(drawn(5, 4), DOUBLE)
    given = (normal(3, 4).requires_grad_(), normal(3).requires_grad_())
    assert torch.autograd.gradcheck(lambda w, b: spike_linear(spikes, w, b), given)
    assert torch.autograd.gradgradcheck(lambda w, b: spike_linear(spikes, w, b).tanh(), given)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, at its first use
def test_forward_mode():
    spikes = SpikeTensor(drawn(5, 4), DOUBLE)
    weight, tangent = normal(3, 4), normal(3, 4, seed=2)
    out, slope = torch.func.jvp(lambda w: functional.linear(spikes, w), (weight,), (tangent,))
    numbers = spikes.to_dense()
    torch.testing.assert_close(out, numbers @ weight.t())
    torch.testing.assert_close(slope, numbers @ tangent.t())


def test_func_grad_and_vmap():
    spikes = SpikeTensor(drawn(5, 6, 4), DOUBLE)
    numbers, weight = spikes.to_dense(), normal(3, 4)

    def loss(w, x):
        return functional.linear(x, w).tanh().sum()

    ours = torch.func.vmap(torch.func.grad(loss), (None, 0))(weight, spikes)
    theirs = torch.func.vmap(torch.func.grad(loss), (None, 0))(weight, numbers)
    torch.testing.assert_close(ours, theirs)
    many = normal(7, 3, 4)
    ours = torch.func.vmap(functional.linear, (None, 0))(spikes, many)
    torch.testing.assert_close(ours, torch.func.vmap(functional.linear, (None, 0))(numbers, many))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, at its first use
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_functions_give_the_same(backend):
    weight, bias = normal(3, 4).requires_grad_(), normal(3).requires_grad_()

    def run(x):
        return functional.linear(x.flatten(0, 1), weight, bias).tanh() + x.sum()

    compiled = torch.compile(run, backend=backend, fullgraph=True)
    for seed in (0, 1):
        spikes = SpikeTensor(drawn(2, 5, 4, seed=seed), DOUBLE)
        out, expected = compiled(spikes), run(spikes.to_dense())
        torch.testing.assert_close(out, expected)
        ours = torch.autograd.grad(out.sum(), (weight, bias))
        torch.testing.assert_close(ours, torch.autograd.grad(expected.sum(), (weight, bias)))
    torch._dynamo.reset()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, at its first use
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_spikes_may_be_made_in_a_compiled_function(backend):
    weight = normal(3, 4).requires_grad_()

    def run(v):
        spikes = SpikeTensor.from_dense((v > 0).to(v.dtype))
        return functional.linear(spikes, weight)

    compiled = torch.compile(run, backend=backend)
    for seed in (0, 1):
        v = normal(5, 4, seed=seed)
        out = compiled(v)
        torch.testing.assert_close(out, (v > 0).double() @ weight.t())
        (grad,) = torch.autograd.grad(out.sum(), weight)
        torch.testing.assert_close(grad, (v > 0).double().sum(0).expand(3, 4))
    with pytest.raises(ValueError, match="takes only 0 and 1"):
        torch.compile(SpikeTensor.from_dense, backend=backend)(normal(3))
    torch._dynamo.reset()
