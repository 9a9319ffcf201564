"""Time-first layers: both step modes, against torch and against sums by hand."""

from __future__ import annotations

import pytest
import torch
from snn_nodes import layer
from snn_nodes.spikes import SpikeTensor, dense
from torch import nn

C, S = (3,), (3, 8)  # channels; channels and length
I = (3, 8, 6)  # channels, height, width  # noqa: E741

# Each layer with the shape of one step without its batch, and torch's layer where it has one.
LAYERS = {
    "MaxPool1d": (lambda: layer.MaxPool1d(2), S, nn.MaxPool1d(2)),
    "MaxPool1d all": (lambda: layer.MaxPool1d(3, 2, 1, 2), S, nn.MaxPool1d(3, 2, 1, 2)),
    "MaxPool2d": (lambda: layer.MaxPool2d(2), I, nn.MaxPool2d(2)),
    "MaxPool2d all": (
        lambda: layer.MaxPool2d((3, 2), 2, (1, 0), 1, False, True),
        I,
        nn.MaxPool2d((3, 2), 2, (1, 0), 1, False, True),
    ),
    "AvgPool1d": (lambda: layer.AvgPool1d(2), S, nn.AvgPool1d(2)),
    "AvgPool1d all": (
        lambda: layer.AvgPool1d(3, 2, 1, True, False),
        S,
        nn.AvgPool1d(3, 2, 1, True, False),
    ),
    "AvgPool2d": (lambda: layer.AvgPool2d(2), I, nn.AvgPool2d(2)),
    "AvgPool2d all": (
        lambda: layer.AvgPool2d((3, 2), 2, (1, 0), True, False, 5),
        I,
        nn.AvgPool2d((3, 2), 2, (1, 0), True, False, 5),
    ),
    "AdaptiveAvgPool2d": (lambda: layer.AdaptiveAvgPool2d((3, 2)), I, nn.AdaptiveAvgPool2d((3, 2))),
    "SumPool2d": (lambda: layer.SumPool2d(2), I, None),
    "Flatten": (lambda: layer.Flatten(), I, nn.Flatten()),
    "Flatten part": (lambda: layer.Flatten(2), I, nn.Flatten(2)),
    "BatchNorm1d": (lambda: trained(layer.BatchNorm1d(3)), C, nn.BatchNorm1d(3)),
    "BatchNorm1d with length": (lambda: trained(layer.BatchNorm1d(3)), S, nn.BatchNorm1d(3)),
    "BatchNorm2d": (lambda: trained(layer.BatchNorm2d(3)), I, nn.BatchNorm2d(3)),
    "GroupNorm": (lambda: layer.GroupNorm(3, 3), I, nn.GroupNorm(3, 3)),
    "SeqToANNContainer": (
        lambda: layer.SeqToANNContainer(nn.MaxPool2d(2), nn.Flatten()),
        I,
        nn.Sequential(nn.MaxPool2d(2), nn.Flatten()),
    ),
    "Delay": (lambda: layer.Delay(2), I, None),
    "Delay a feature": (lambda: layer.Delay(torch.tensor([3, 0, 2])), C, None),
    "Dropout": (lambda: layer.Dropout(0.4), S, None),
    "Dropout2d": (lambda: layer.Dropout2d(0.4), I, None),
    # sums of small integers are exact, in whatever order a product takes them
    "SparseSynapse": (
        lambda: whole(layer.SparseSynapse.from_density(3, 4, 0.5)),
        C,
        None,
    ),
}
CASES = pytest.mark.parametrize("case", LAYERS)


def trained(norm):
    """A batch norm after training: it no longer learns, and its statistics are none of 0 and 1."""
    with torch.no_grad():
        norm.running_mean.copy_(torch.tensor([0.1, -2.0, 3.0]))
        norm.running_var.copy_(torch.tensor([0.5, 2.0, 3.0]))
    return norm.eval()


def whole(module):
    """Weights that are integers."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(8).round_()
    return module


def given(case, n_steps=4, n_batch=2, dtype=torch.float32):
    torch.manual_seed(1)
    shape = (n_steps, n_batch, *LAYERS[case][1])
    return torch.randint(-4, 5, shape).to(dtype)


def made(case, mode="s"):
    torch.manual_seed(2)
    module = LAYERS[case][0]()
    module.step_mode = mode
    return module


@CASES
def test_both_step_modes_give_the_same_bits(case):
    x = given(case)
    together, one_by_one = made(case, "m"), made(case, "s")
    torch.manual_seed(3)  # a dropout draws its mask at the first step
    y = together(x)
    torch.manual_seed(3)
    steps = torch.stack([one_by_one(step) for step in x])
    assert torch.equal(y, steps)
    assert y.shape[:2] == x.shape[:2]
    assert bool(y.any())


@CASES
def test_both_step_modes_give_the_same_gradient(case):
    x = given(case, dtype=torch.float64)
    grads = []
    for mode in "sm":
        module = made(case, mode).double()
        leaf = x.clone().requires_grad_()
        torch.manual_seed(3)
        y = module(leaf) if mode == "m" else torch.stack([module(step) for step in leaf])
        weight = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view_as(y)
        grads.append(torch.autograd.grad((y * weight).sum(), leaf)[0])
    assert bool(grads[0].any())
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)


@CASES
def test_a_step_is_what_torch_makes_of_it(case):
    reference = LAYERS[case][2]
    if reference is None:
        return
    module = made(case)
    reference.load_state_dict(module.state_dict())  # the keys are torch's
    reference.train(module.training)
    for step in given(case):
        assert torch.equal(module(step), reference(step))
    kind = type(reference)
    assert isinstance(module, kind)


@CASES
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_dtype_stays(case, dtype):
    assert made(case, "m").to(dtype)(given(case, dtype=dtype)).dtype == dtype


@CASES
@pytest.mark.parametrize("mode", ["s", "m"])
def test_spikes_as_bits_give_what_dense_ones_give(case, mode):
    x = (given(case) > 0).float()
    x = x if mode == "m" else x[0]
    torch.manual_seed(3)
    wanted = made(case, mode)(x)
    torch.manual_seed(3)
    got = made(case, mode)(SpikeTensor.from_dense(x))
    assert torch.equal(dense(got), wanted)
    if case.startswith(("MaxPool", "Flatten")):
        assert isinstance(got, SpikeTensor)


@CASES
def test_the_step_mode_is_the_last_argument_and_shows(case):
    module = made(case, "m")
    assert "step_mode='m'" in module.extra_repr()
    with pytest.raises(ValueError, match=r"must be 's' \(one step, \[N, \*\]\) or 'm'.*'x'"):
        module.step_mode = "x"


@pytest.mark.parametrize(
    ("make", "n_arguments"),
    [
        (layer.MaxPool1d, (2, None, 0, 1, False, False)),
        (layer.MaxPool2d, (2, None, 0, 1, False, False)),
        (layer.AvgPool1d, (2, None, 0, False, True)),
        (layer.AvgPool2d, (2, None, 0, False, True, None)),
        (layer.AdaptiveAvgPool2d, (2,)),
        (layer.SumPool2d, (2, None, 0)),
        (layer.Flatten, (1, -1)),
        (layer.BatchNorm1d, (3, 1e-5, 0.1, True, True)),
        (layer.BatchNorm2d, (3, 1e-5, 0.1, True, True)),
        (layer.GroupNorm, (1, 3, 1e-5, True)),
        (layer.Dropout, (0.5,)),
        (layer.Dropout2d, (0.2,)),
        (layer.Delay, (1,)),
    ],
)
def test_the_step_mode_comes_after_torchs_arguments(make, n_arguments):
    assert make(*n_arguments, "m").step_mode == "m"
    with pytest.raises(ValueError, match=r"step_mode of .* must be 's'"):
        make(*n_arguments, "x")


@pytest.mark.parametrize("kind", [layer.MaxPool1d, layer.MaxPool2d])
def test_indices_are_refused(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__} over time returns no indices"):
        kind(2, return_indices=True)


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (layer.MaxPool2d(2), (3, 4, 4), r"MaxPool2d\(.*takes \(B, C, H, W\) .*got \(3, 4, 4\)$"),
        (
            layer.MaxPool2d(2),
            (5, 2, 3, 4, 4),
            r"got \(5, 2, 3, 4, 4\); this fits step_mode='m': set it, or give one step at a time",
        ),
        (
            layer.AvgPool2d(2, step_mode="m"),
            (2, 3, 4, 4),
            r"takes \(T, B, C, H, W\) in step_mode='m', got \(2, 3, 4, 4\); this fits step_mode="
            r"'s': set it, or give all steps at once",
        ),
        (layer.AvgPool1d(2), (2, 3), r"AvgPool1d\(.*takes \(B, C, L\)"),
        (layer.BatchNorm1d(3, step_mode="m"), (3,), r"takes \(T, B, C\) or \(T, B, C, L\) in"),
        (layer.GroupNorm(1, 3), (3,), r"takes \(B, C, \*\) in step_mode='s', got \(3,\)"),
        (layer.Dropout2d(), (2, 3), r"Dropout2d\(.*takes \(B, C, H, W\)"),
        (layer.Dropout(step_mode="m"), (2,), r"Dropout\(.*takes \(T, B, \*\)"),
        (layer.Delay(1), (), r"Delay\(.*takes \(B, \*\) .*got \(\)"),
        (layer.Flatten(), (2,), r"Flatten\(.*takes \(B, N, \*\)"),
        (layer.Flatten(0), (2, 3), r"would merge the batch, axis 0 of a step, of \(2, 3\)"),
        (layer.Flatten(-3, step_mode="m"), (5, 2, 3, 4), "would merge the batch"),
    ],
)
def test_a_wrong_number_of_axes_names_the_layer_and_the_shapes(module, shape, message):
    with pytest.raises(ValueError, match=message):
        module(torch.zeros(shape))


def test_sum_pool_adds_up_each_window():
    x = given("SumPool2d")[0]
    windows = nn.functional.pad(x, (1, 1, 1, 1)).unfold(2, 3, 2).unfold(3, 3, 2)
    assert torch.equal(layer.SumPool2d(3, 2, 1)(x), windows.sum((-1, -2)))


def test_batch_norm_takes_its_statistics_over_time_and_batch():
    x = torch.randn(5, 2, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    norm = layer.BatchNorm2d(3, step_mode="m", dtype=torch.float64)
    y = norm(x)
    axes = (0, 1, 3, 4)
    mean, var = x.mean(axes), x.var(axes, unbiased=False)
    wanted = (x - mean[:, None, None]) / (var[:, None, None] + norm.eps).sqrt()
    torch.testing.assert_close(y.detach(), wanted, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(norm.running_mean, 0.1 * mean, rtol=1e-12, atol=1e-12)
    unbiased = x.var(axes, unbiased=True)
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * unbiased, rtol=1e-12, atol=1e-12)
    assert norm.num_batches_tracked == 1  # once a sequence


def test_batch_norm_leaves_out_what_is_beyond_the_lengths():
    x = torch.randn(4, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    lengths = [4, 1, 2]
    norm = layer.BatchNorm1d(2, step_mode="m", dtype=torch.float64)
    y = norm(x, lengths)
    rows = torch.cat([x[:n, b] for b, n in enumerate(lengths)])
    reference = nn.BatchNorm1d(2, dtype=torch.float64)
    wanted = reference(rows)
    got = torch.cat([y[:n, b] for b, n in enumerate(lengths)])
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(norm.running_var, reference.running_var)
    assert not y[1:, 1].any()
    assert not y[2:, 2].any()
    assert torch.autograd.gradcheck(lambda x: norm(x, lengths), x)


def test_batch_norm_says_what_is_wrong_with_lengths():
    with pytest.raises(ValueError, match=r"set BatchNorm1d\(.*step_mode = 'm'"):
        layer.BatchNorm1d(2)(torch.zeros(3, 2), [1, 1, 1])
    norm = layer.BatchNorm1d(2, step_mode="m")
    with pytest.raises(ValueError, match=r"BatchNorm1d.* one length a sample, \(3,\)"):
        norm(torch.zeros(4, 3, 2), [1, 1])
    with pytest.raises(ValueError, match=r"takes \(T, B, C\)"):
        norm(torch.zeros(4, 3), [1, 1, 1])


def test_the_container_is_for_modules_without_time():
    with pytest.raises(ValueError, match=r"modules without time, got Delay\(steps=1"):
        layer.SeqToANNContainer(nn.Linear(2, 2), layer.Delay(1))
    with pytest.raises(TypeError, match="LSTM has an axis of time, or a state, of its own"):
        layer.SeqToANNContainer(nn.LSTM(2, 2))
    block = layer.SeqToANNContainer(nn.Linear(2, 3), nn.ReLU())
    assert list(block.state_dict()) == ["0.weight", "0.bias"]
    assert block.step_mode == "m"
    assert isinstance(block[:1], layer.SeqToANNContainer)
