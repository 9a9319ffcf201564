"""ttfs_cross_entropy: against its formula and differences, silent neurons, wrong input."""

import math

import pytest
import torch
from snn_eventprop.losses import ttfs_cross_entropy
from torch.autograd import gradcheck

INF = math.inf


def formula(first, labels, tau0, tau1, alpha):
    """The loss of one sample after the other, in words of torch that know no silence."""
    total = first.new_zeros(())
    for times, label in zip(first, labels.tolist(), strict=True):
        wanted = times[label]
        if wanted.isinf():
            continue
        spiking = times[times.isfinite()]
        softmax = torch.exp(-wanted / tau0) / torch.exp(-spiking / tau0).sum()
        total = total - softmax.log() + alpha * (torch.exp(wanted / tau1) - 1)
    return total / len(first)


def sample(dtype=torch.float64):
    random = torch.Generator().manual_seed(0)
    first = (0.02 * torch.rand(9, 4, generator=random, dtype=torch.float64)).to(dtype)
    first[0, 1] = first[1, 0] = first[1, 2] = INF
    first[2, 3] = INF  # the label neuron
    first[3] = INF
    labels = torch.tensor([0, 1, 3, 2, 0, 1, 2, 3, 3])
    return first.requires_grad_(), labels


@pytest.mark.parametrize("constants", [(0.5e-3, 6.4e-3, 3e-3), (1e-3, 5e-3, 0.0), (0.2, 0.1, 2.0)])
def test_value_and_gradient_are_those_of_the_formula(constants):
    first, labels = sample()
    tau0, tau1, alpha = constants
    loss = ttfs_cross_entropy(first, labels, tau0=tau0, tau1=tau1, alpha=alpha)
    wanted = formula(first, labels, *constants)
    torch.testing.assert_close(loss, wanted, rtol=1e-12, atol=0)
    (found,) = torch.autograd.grad(3.0 * loss, first)
    (expected,) = torch.autograd.grad(3.0 * wanted, first)
    torch.testing.assert_close(found, expected.nan_to_num(0.0), rtol=1e-11, atol=1e-15)


def test_the_gradient_is_that_of_the_value():
    random = torch.Generator().manual_seed(1)
    first = torch.rand(5, 3, generator=random, dtype=torch.float64).requires_grad_()
    labels = torch.tensor([0, 1, 2, 2, 0])

    def loss(first):
        return ttfs_cross_entropy(first, labels, tau0=0.3, tau1=0.5, alpha=0.2)

    assert gradcheck(loss, (first,), eps=1e-6, atol=1e-9, rtol=1e-7)


def test_the_defaults_are_those_of_the_recipe():
    first, labels = sample()
    named = ttfs_cross_entropy(first, labels, tau0=0.5e-3, tau1=6.4e-3, alpha=3e-3)
    assert torch.equal(ttfs_cross_entropy(first, labels), named)


def test_silent_neurons_have_no_gradient_and_silent_labels_none_for_the_sample():
    first, labels = sample()
    ttfs_cross_entropy(first, labels).backward()
    assert bool(first.grad.isfinite().all())
    assert not first.grad[first.isinf()].any()
    assert not first.grad[2].any()
    assert not first.grad[3].any()
    assert bool((first.grad[4] != 0).all())


def test_a_sample_with_a_silent_label_still_counts_in_the_mean():
    first = torch.tensor([[0.010, 0.012], [INF, 0.010]], dtype=torch.float64)
    labels = torch.tensor([0, 0])
    both = ttfs_cross_entropy(first, labels)
    assert both.item() == pytest.approx(ttfs_cross_entropy(first[:1], labels[:1]).item() / 2)
    assert ttfs_cross_entropy(first[1:], labels[1:]).item() == 0.0


def test_times_far_apart_and_late_stay_finite():
    first = torch.tensor([[2.0, 0.0], [0.0, 2.0]], dtype=torch.float64, requires_grad=True)
    loss = ttfs_cross_entropy(first, torch.tensor([0, 0]), alpha=0.0)
    loss.backward()
    assert loss.item() == pytest.approx(2.0 / 0.5e-3 / 2)
    assert first.grad.tolist() == [[1000.0, -1000.0], [0.0, 0.0]]


def test_single_precision_is_computed_in_double():
    first, labels = sample(torch.float32)
    loss = ttfs_cross_entropy(first, labels)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(
        loss.double(), ttfs_cross_entropy(first.double(), labels), rtol=1e-6, atol=0
    )
    assert torch.autograd.grad(loss, first)[0].dtype == torch.float32


def test_views_are_taken():
    first, labels = sample()
    wide = torch.stack([first, first + 1e-3], dim=-1)[..., 0]
    assert not wide.is_contiguous()
    wide_labels = torch.stack([labels, labels])[0]
    assert torch.equal(ttfs_cross_entropy(wide, wide_labels), ttfs_cross_entropy(first, labels))


def test_it_is_differentiated_once():
    first, labels = sample()
    (once,) = torch.autograd.grad(ttfs_cross_entropy(first, labels), first, create_graph=True)
    with pytest.raises(RuntimeError):
        once.sum().backward()


GOOD = torch.tensor([[0.01, 0.02]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("first", "labels", "error", "problem"),
    [
        ([[0.1]], [0], TypeError, "first must be a Tensor of torch.float64 .* got list"),
        (GOOD.long(), [0], TypeError, r"got torch\.int64"),
        (GOOD[0], [0], ValueError, r"first must be \(B, N\).* got \(2,\); flatten"),
        (GOOD, [0, 1], ValueError, r"labels must be \(1,\), one for each sample, got \(2,\)"),
        (GOOD[:0], [], ValueError, "at least one sample"),
        (GOOD, [2], ValueError, "label 2 does not fit 2 output neurons, 0 to 1"),
        (GOOD, [-1], ValueError, "label -1 does not fit"),
        (-GOOD, [0], ValueError, "0 s or later, inf for silent; got -0.01"),
        (GOOD * math.nan, [0], ValueError, "got nan"),
        (GOOD + 5.0, [0], ValueError, r"exp\(t / tau1\) is too large for torch\.float64.*tau1 = "),
        (GOOD.float() + 0.6, [0], ValueError, r"too large for torch\.float32"),
        (GOOD.to("meta"), [0], ValueError, "first is on meta, but EventProp runs on the CPU"),
    ],
)
def test_wrong_times_and_labels_are_refused(first, labels, error, problem):
    with pytest.raises(error, match=problem):
        ttfs_cross_entropy(first, torch.tensor(labels, dtype=torch.int64))


def test_a_value_too_large_is_refused_though_its_gradient_is_not():
    late = torch.tensor([[8875.0]])  # e^88.75 is above the largest float32
    with pytest.raises(ValueError, match=r"too large for torch\.float32: spikes up to 8875\.0 s"):
        ttfs_cross_entropy(late, torch.tensor([0]), tau1=100.0, alpha=1.0)


@pytest.mark.parametrize(
    ("labels", "error", "problem"),
    [
        (torch.tensor([0.0]), TypeError, r"labels must be torch\.int64, got torch\.float32"),
        ([0], TypeError, "labels must be a Tensor, got list"),
        (torch.tensor([[0]]), ValueError, r"got \(1, 1\)"),
    ],
)
def test_labels_must_be_whole_numbers_for_each_sample(labels, error, problem):
    with pytest.raises(error, match=problem):
        ttfs_cross_entropy(GOOD, labels)


@pytest.mark.parametrize(
    ("constants", "problem"),
    [
        ({"tau0": 0.0}, "tau0 must be above 0 seconds, got 0.0"),
        ({"tau1": -1.0}, "tau1 must be above 0 seconds, got -1.0"),
        ({"tau0": math.nan}, "tau0 must be above 0 seconds, got nan"),
        ({"alpha": -0.1}, "alpha must be 0 or above, got -0.1"),
        ({"alpha": INF}, "alpha must be 0 or above, got inf"),
    ],
)
def test_wrong_constants_are_refused(constants, problem):
    with pytest.raises(ValueError, match=problem):
        ttfs_cross_entropy(GOOD, torch.tensor([0]), **constants)
