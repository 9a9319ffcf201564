"""Convolutions of spikes: both ways give the dense one, and each is taken where it should be."""

from __future__ import annotations

import pytest
import torch
from snn_nodes.spikes import SpikeTensor
from snn_nodes.spikes.convolution import _ENTRIES, add_kernel_rows, kernel_gradient
from snn_nodes.spikes.window import Window, limits, window_of
from torch.nn import functional

RATES = (0.0, 0.02, 0.3, 1.0)


def drawn(*shape, rate=0.3, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate


def whole(*shape, seed=1):
    """Small whole numbers: their sums are exact, in whatever order."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(-8, 9, shape, generator=draw).float()


WINDOWS = [
    Window(size, stride, padding)
    for size in ((1, 1), (3, 3), (2, 3), (5, 2))
    for stride in ((1, 1), (2, 1), (2, 3))
    for padding in ((0, 0), (1, 2), (4, 3))
]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("last", [False, True])
def test_sums_of_kernel_rows_are_the_convolution(rate, last):
    elem = drawn(3, 4, 6, 7, rate=rate)
    if last:
        elem = elem.contiguous(memory_format=torch.channels_last)
    for window in WINDOWS:
        weight, bias = whole(5, 4, *window.size), whole(5)
        for added in (None, bias):
            out = add_kernel_rows(elem, weight, added, window)
            how = {"stride": window.stride, "padding": window.padding}
            expected = functional.conv2d(elem.float(), weight, added, **how)
            assert tuple(out.shape[2:]) == window.output(6, 7)
            assert torch.equal(out, expected)
            assert out.stride() == expected.stride() or 1 in out.shape


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("last", [False, True])
def test_the_gradient_of_the_kernel(rate, last):
    elem = drawn(3, 4, 6, 7, rate=rate)
    if last:
        elem = elem.contiguous(memory_format=torch.channels_last)
    for window in WINDOWS:
        if window.stride != (1, 1):
            continue
        weight = whole(5, 4, *window.size).requires_grad_()
        out = functional.conv2d(elem.float(), weight, padding=window.padding)
        grad = whole(*out.shape, seed=4)
        (expected,) = torch.autograd.grad(out, weight, grad)
        assert torch.equal(kernel_gradient(elem, grad, window), expected)


def test_blocks_of_samples():
    elem = drawn(40, 32, 24, 24, rate=0.1)
    window = Window((3, 3), (1, 1), (1, 1))
    assert elem.numel() > _ENTRIES
    weight = whole(6, 32, 3, 3).requires_grad_()
    expected = functional.conv2d(elem.float(), weight, padding=1)
    assert torch.equal(add_kernel_rows(elem, weight.detach(), None, window), expected)
    grad = whole(*expected.shape, seed=5)
    (kernel,) = torch.autograd.grad(expected, weight, grad)
    assert torch.equal(kernel_gradient(elem, grad, window), kernel)


HOW = {
    "plain": {},
    "padded": {"padding": 1},
    "same": {"padding": "same"},
    "strided": {"stride": 2},
    "dilated": {"dilation": 2},
    "groups": {"groups": 2},
}


@pytest.mark.parametrize("rate", [0.01, 0.5])
@pytest.mark.parametrize("how", HOW)
def test_conv2d_of_spikes_is_conv2d(rate, how):
    source = drawn(2, 256, 8, 8, rate=rate).float().requires_grad_()
    n_in = 128 if how == "groups" else 256
    weight, bias = whole(256, n_in, 3, 3).requires_grad_(), whole(256).requires_grad_()
    grads = []
    for x in (SpikeTensor.from_dense(source), source):
        out = functional.conv2d(x, weight, bias, **HOW[how])
        grad = whole(*out.shape, seed=3)
        grads.append((out, *torch.autograd.grad(out, (source, weight, bias), grad)))
    for ours, theirs in zip(*grads, strict=True):
        assert torch.equal(ours, theirs)


def test_kernel_rows_are_added_where_few_spikes_are_set():
    weight = torch.zeros(256, 256, 3, 3)
    weight[:, 0] = torch.inf
    weight.requires_grad_()
    for rate, adds_rows in ((0.01, True), (0.5, False)):
        elem = drawn(4, 256, 8, 8, rate=rate)
        elem[:, 0] = False
        elem[0] = False
        out = functional.conv2d(SpikeTensor(elem), weight, padding=1)
        assert bool(out.isnan().any()) is not adds_rows
        grad = torch.zeros_like(out)
        grad[0] = torch.inf
        (kernel,) = torch.autograd.grad(out, weight, grad)
        assert bool(kernel.isnan().any()) is not adds_rows


def test_where_kernel_rows_may_pay():
    window = Window((3, 3), (1, 1), (1, 1))
    deep = (32, 256, 8, 8)
    forward, gradient = limits(deep, 256, window, torch.float32)
    assert 0 < forward < gradient < 1
    assert limits(deep, 256, window, torch.float64) == (0, 0)  # not measured
    assert limits((0, 256, 8, 8), 256, window, torch.float32) == (0, 0)
    assert limits(deep, 256, window._replace(stride=(2, 2)), torch.float32).gradient == 0
    assert limits((32, 2, 64, 64), 8, window, torch.float32).forward < 0
    weight = torch.zeros(4, 4, 3, 3)
    assert window_of(weight, (1, 1), (1, 1), (1, 1), False, 1) == window
    assert window_of(weight, (1, 1), (1, 1), (2, 1), False, 1) is None
    assert window_of(weight, (1, 1), (1, 1), (1, 1), False, 2) is None
    assert window_of(weight, (1, 1), (1, 1), (1, 1), True, 1) is None
    assert window_of(weight[0], (1,), (1,), (1,), False, 1) is None
