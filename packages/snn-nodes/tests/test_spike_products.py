"""Products of spikes: both ways give the dense product, and each is taken where it should be."""

from __future__ import annotations

import itertools

import pytest
import torch
from snn_nodes.spikes import SpikeTensor, additions, products, spike_linear
from snn_nodes.spikes.additions import add_rows
from snn_nodes.spikes.choice import Product, break_even, costs
from snn_nodes.spikes.products import multiply
from torch.nn import functional

WAYS = pytest.mark.parametrize("way", [add_rows, multiply])
RATES = (0.0, 0.02, 0.3, 1.0)


def drawn(*shape, rate=0.3, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate


def whole(*shape, seed=1, dtype=torch.float32):
    """Small whole numbers: their sums are exact, in whatever order."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(-8, 9, shape, generator=draw).to(dtype)


def exact(elem, table, bias=None):
    product = elem.long() @ table.long()
    return product if bias is None else product + bias.long()


LAYOUTS = {
    "rows": lambda elem: elem,
    "columns": lambda elem: elem.t().contiguous().t(),
    "every other row": lambda elem: elem.repeat_interleave(2, 0)[::2],
    "every other column": lambda elem: elem.repeat_interleave(2, 1)[:, ::2],
    "beginning anywhere": lambda elem: torch.cat([elem[:1], elem])[1:],
    "one row for all": lambda elem: elem[:1].expand_as(elem),
}


@WAYS
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_layout_and_rate(way, layout, dtype):
    for shape, rate in itertools.product([(7, 5, 3), (1, 6, 2), (40, 1, 4), (3, 50, 1)], RATES):
        rows, columns, outputs = shape
        elem = LAYOUTS[layout](drawn(rows, columns, rate=rate))
        table, bias = whole(columns, outputs, dtype=dtype), whole(outputs, dtype=dtype)
        for given in (table, table.t().contiguous().t()):
            for added in (None, bias):
                out = way(elem, given, added)
                assert out.dtype == dtype
                assert torch.equal(out.long(), exact(elem, table, added))


@WAYS
@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_many_blocks(way, layout):
    elem = LAYOUTS[layout](drawn(2100, 2100, rate=0.3))
    assert elem.count_nonzero() > 2 * additions._LISTED
    assert elem.numel() > 2 * additions._ENTRIES
    assert 4 * elem.numel() > products._COLUMN_BUFFER > products._ROW_BUFFER
    table, bias = whole(2100, 9), whole(9)
    assert torch.equal(way(elem, table, bias).long(), exact(elem, table, bias))


@WAYS
@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(30, 200), (300, 2100)])
def test_half_precision_is_rounded_once(way, layout, dtype, shape, monkeypatch):
    monkeypatch.setattr(additions, "_ENTRIES", 200_000)
    monkeypatch.setattr(additions, "_LISTED", 20_000)
    elem = LAYOUTS[layout](drawn(*shape, rate=0.1))
    table = torch.randn(shape[1], 4, generator=torch.Generator().manual_seed(3)).to(dtype)
    expected = elem.double() @ table.double()
    size = (elem.double() @ table.double().abs()).sqrt()  # errors of sums in float32 are far below
    error = (way(elem, table).double() - expected).abs()
    assert (error <= torch.finfo(dtype).eps * (expected.abs() + 1e-3 * size)).all()


@WAYS
def test_nothing_to_add(way):
    bias = torch.tensor([1.0, 2.0])
    for rows, columns in ((0, 3), (4, 0)):
        out = way(torch.zeros(rows, columns, dtype=torch.bool), torch.zeros(columns, 2), bias)
        assert torch.equal(out, bias.expand(rows, 2))


@WAYS
def test_the_same_again_to_the_bit(way):
    elem = drawn(2000, 700, rate=0.1)
    table = torch.randn(700, 64, generator=torch.Generator().manual_seed(2))
    for spikes, rows in ((elem, table), (elem.t(), torch.cat([table] * 3)[:2000])):
        assert torch.equal(way(spikes, rows), way(spikes, rows))


# Which way is taken shows in what becomes of an infinite weight that no spike selects: a sum
# leaves it out, a dense product makes NaN of it.


def adds(rate, dtype=torch.float32):
    elem = drawn(1000, 784, rate=rate)
    elem[:, 0] = False
    weight = torch.zeros(512, 784, dtype=dtype)
    weight[:, 0] = torch.inf
    return not spike_linear(SpikeTensor(elem, dtype), weight).isnan().any()


def gradient_adds(rate):
    elem = drawn(1000, 784, rate=rate)
    elem[0] = False
    weight = torch.zeros(512, 784, requires_grad=True)
    grad = torch.zeros(1000, 512)
    grad[0] = torch.inf
    spike_linear(SpikeTensor(elem), weight).backward(grad)
    return not weight.grad.isnan().any()


@pytest.mark.parametrize("chosen", [adds, gradient_adds])
def test_rows_are_added_where_few_spikes_are_set(chosen):
    assert chosen(0.01)
    assert chosen(0.1)
    assert not chosen(0.3)
    assert not chosen(1.0)


def test_rows_are_added_up_to_the_break_even():
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        limit = break_even(Product(1000, 784, 512, along_rows=True, dtype=dtype))
        assert adds(0.9 * limit, dtype)
        assert not adds(1.1 * limit, dtype)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("along_rows", [True, False])
def test_the_break_even_is_where_the_costs_meet(dtype, along_rows):
    cost = costs(dtype)
    product = Product(1000, 784, 512, along_rows, dtype)
    entries = 1000 * 784
    dense = entries * (512 * cost.multiply + cost.read)
    idle = cost.call + cost.out * 1000 * 512
    idle += (cost.scan if along_rows else cost.scan_across) * entries
    idle += cost.copy * 784 * 512 if along_rows else 0
    spikes = break_even(product) * entries
    assert idle + spikes * (cost.event + 512 * cost.add) == pytest.approx(0.8 * dense)


def test_small_products_are_dense():
    for product in (
        Product(1, 10, 10, True, torch.float32),
        Product(64, 100, 10, True, torch.float32),
    ):
        assert break_even(product) < 0
    assert break_even(Product(0, 10, 10, True, torch.float32)) == 0


@pytest.mark.parametrize("rate", [0.0, 0.03, 0.5, 1.0])
@pytest.mark.parametrize("leading", [(1000,), (10, 100), (5, 2, 100)])
def test_spike_linear_is_linear(rate, leading):
    elem = drawn(*leading, 784, rate=rate)
    weight, bias = whole(128, 784).requires_grad_(), whole(128, seed=2).requires_grad_()
    source = elem.float().requires_grad_()
    grad = whole(*leading, 128, seed=3)
    outs, grads = [], []
    for out in (
        spike_linear(SpikeTensor.from_dense(source), weight, bias),
        functional.linear(source, weight, bias),
    ):
        outs.append(out)
        grads.append(torch.autograd.grad(out, (source, weight, bias), grad))
    assert type(outs[0]) is torch.Tensor
    assert torch.equal(*outs)
    for ours, theirs in zip(*grads, strict=True):
        assert torch.equal(ours, theirs)
        assert ours.is_contiguous()


def test_the_gradient_may_be_one_number_for_all():
    weight = torch.zeros(512, 784, requires_grad=True)
    for rate in (0.02, 0.5):
        spikes = SpikeTensor(drawn(1000, 784, rate=rate))
        (grad,) = torch.autograd.grad(spike_linear(spikes, weight).sum(), weight)
        assert torch.equal(grad, spikes.elem.sum(0).float().expand(512, 784))


def test_under_autocast():
    elem = drawn(20, 30)
    weight = torch.randn(8, 30, generator=torch.Generator().manual_seed(1)).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        out = spike_linear(SpikeTensor(elem), weight)
        expected = functional.linear(elem.float(), weight)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, expected)
    ours, theirs = (torch.autograd.grad(y.float().sum(), weight)[0] for y in (out, expected))
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, theirs)


def test_the_output_has_the_dtype_of_the_weight():
    spikes = SpikeTensor(drawn(5, 6)).requires_grad_()
    weight = whole(3, 6, dtype=torch.float64)
    out = spike_linear(spikes, weight)
    out.sum().backward()
    assert out.dtype == torch.float64
    assert torch.equal(out.long(), exact(spikes.elem, weight.t()))
    assert spikes.grad.dtype == torch.float32
    assert torch.equal(spikes.grad, weight.sum(0).float().expand(5, 6))


def test_spike_linear_refuses():
    weight = torch.zeros(3, 6)
    with pytest.raises(TypeError, match=r"takes a SpikeTensor, got Tensor; make one by SpikeTens"):
        spike_linear(torch.zeros(2, 6), weight)
    with pytest.raises(ValueError, match=r"\(N_out, N_in\), got \(2, 5\) and \(3, 6\)"):
        spike_linear(SpikeTensor(drawn(2, 5)), weight)
