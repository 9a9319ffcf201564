"""Sparse input: found in dense tensors and events, and projected as by a dense product."""

import math
import os
import subprocess
import sys

import pytest
import torch
from snn_core import Events
from snn_fused.cpu import transposing
from snn_fused.cpu.projection import gather, scatter
from snn_fused.cpu.spikes import of_dense, of_events, to_dense

FLOATS = [torch.float32, torch.float64]
SHAPES = [(5, 3, 130), (1, 1, 64), (4, 2, 65), (6, 2, 63), (3, 2, 1), (7, 0, 5), (3, 2, 0)]


@pytest.fixture(autouse=True, params=[1, 3])
def several_threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def draw(seed):
    return torch.Generator().manual_seed(seed)


def sparse(seed, *shape, share=0.2, dtype=torch.float32):
    """Whole numbers of -3 to 3, most of them 0."""
    size = torch.randint(-3, 4, shape, generator=draw(seed))
    kept = torch.rand(shape, generator=draw(seed + 1)) < share
    return (size * kept).to(dtype)


def whole(seed, *shape, dtype):
    return torch.randint(-8, 9, shape, generator=draw(seed)).to(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "given",
    [
        *(torch.float32, torch.float64, torch.float16, torch.bool),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    ],
)
def test_dense_to_spikes_and_back(given, shape, dtype):
    x = sparse(0, *shape).abs().to(given)
    found = of_dense(x, dtype, limit=1.0)
    assert torch.equal(to_dense(found), x.to(dtype))
    assert len(found.columns) == len(found.values) == int(x.count_nonzero())
    assert found.pointers.tolist()[0] == 0


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.transpose(0, 1),
        lambda x: x.transpose(1, 2),
        lambda x: x[::2, 1:],
        lambda x: x[..., ::3],
        lambda x: x[:, :, 5:],
        lambda x: x[:1].expand(6, -1, -1),
        lambda x: x.flip(0),
    ],
)
def test_views_are_read_as_they_are(view):
    x = view(sparse(1, 70, 80, 90))
    assert torch.equal(to_dense(of_dense(x, torch.float32, limit=1.0)), x)


def test_every_share_of_entries_is_found():
    for share in (0.0, 0.01, 0.5, 1.0):
        x = (torch.rand(9, 7, 200, generator=draw(2)) < share).float()
        assert torch.equal(to_dense(of_dense(x, torch.float32, limit=1.0)), x)


def test_nan_and_infinite_inputs_are_entries_and_minus_zero_is_none():
    x = torch.tensor([[[math.nan, -0.0, math.inf, 0.0, 1e-45]]])
    found = of_dense(x, torch.float64, limit=1.0)
    assert found.columns.tolist() == [0, 2, 4]
    assert torch.allclose(found.values, x[x != 0].double(), rtol=0, atol=0, equal_nan=True)


def test_dense_input_is_refused():
    assert of_dense(torch.ones(20, 20, 100), torch.float32) is None
    late = torch.zeros(100, 4, 100)
    late[50:] = (torch.rand(50, 4, 100, generator=draw(3)) < 0.9).float()
    assert of_dense(late, torch.float32) is None
    assert of_dense(late, torch.float32, limit=0.5) is not None


def test_the_gradient_of_the_input_is_no_hindrance():
    assert of_dense(torch.zeros(2, 2, 2, requires_grad=True), torch.float32) is not None


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("dt", [1e-3, 0.1, 1 / 3])
def test_events_become_the_spikes_of_their_grid(dt, dtype):
    z = torch.randint(0, 3, (30, 4, 11), generator=draw(4)).to(dtype)
    events = Events.from_grid(z, dt)
    found = of_events(events, dt, dtype)
    assert torch.equal(to_dense(found), z)
    assert found.values.dtype == dtype
    coarse = of_events(events, 3 * dt, dtype)
    assert torch.equal(to_dense(coarse), events.to_grid(3 * dt, dtype=dtype))


@pytest.mark.parametrize("n_batch", [0, 1, 3])
def test_no_events_at_all(n_batch):
    events = Events.from_grid(torch.zeros(4, n_batch, 5), 1e-3)
    found = of_events(events, 1e-3, torch.float32)
    assert torch.equal(to_dense(found), torch.zeros(4, n_batch, 5))


def test_events_of_a_layer_with_several_axes_have_flat_columns():
    z = torch.randint(0, 2, (5, 2, 3, 4), generator=draw(5)).float()
    found = of_events(Events.from_grid(z, 1e-3), 1e-3, torch.float32)
    assert torch.equal(to_dense(found), z.flatten(2))


def test_events_are_refused_as_by_their_grid():
    times = torch.zeros(1, 1, requires_grad=True)
    events = Events.of(times, torch.zeros(1, 1).long(), (1,), 1.0)
    with pytest.raises(ValueError, match="gradient"):
        of_events(events, 0.5, torch.float32)
    with pytest.raises(ValueError, match="whole number"):
        of_events(events.detach(), 0.3, torch.float32)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n_out", [1, 2, 3, 7, 8, 15, 16, 20, 33, 128, 130, 257, 300])
def test_gather_and_scatter_equal_dense_products(n_out, dtype):
    for shape in SHAPES:
        x = sparse(6, *shape, dtype=dtype)
        found = of_dense(x, dtype, limit=1.0)
        compare(found, x, n_out, dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_events_are_projected_like_their_grid(dtype):
    z = torch.randint(0, 4, (30, 4, 11), generator=draw(7)).to(dtype)
    compare(of_events(Events.from_grid(z, 1e-3), 1e-3, dtype), z, 20, dtype)


def compare(found, x, n_out, dtype):
    """Sums of whole numbers are exact, in any order."""
    n_steps, n_batch, n_in = x.shape
    weight_t = whole(8, n_in, n_out, dtype=dtype)
    for first, last in {(0, n_steps), (n_steps // 2, n_steps), (0, n_steps // 2), (1, 1)}:
        out = torch.full((last - first, n_batch, n_out), math.nan, dtype=dtype)
        gather(found, first, last, weight_t, out)
        assert torch.equal(out, x[first:last] @ weight_t)
        grad = whole(9, *out.shape, dtype=dtype)
        sums = weight_t.clone()
        scatter(found, first, last, grad, sums)
        inputs, grads = x[first:last].flatten(0, 1), grad.flatten(0, 1)
        assert torch.equal(sums, weight_t + inputs.t() @ grads)


def test_the_number_of_threads_does_not_change_a_bit():
    x = sparse(10, 200, 8, 90)
    found = of_dense(x, torch.float32)
    weight_t = torch.randn(90, 200, generator=draw(11))
    grad = torch.randn(200, 8, 200, generator=draw(12))
    results = []
    for n_threads in (1, 2, 3):
        torch.set_num_threads(n_threads)
        out, sums = torch.empty_like(grad), torch.zeros_like(weight_t)
        gather(found, 0, 200, weight_t, out)
        scatter(found, 0, 200, grad, sums)
        results.append((out, sums))
    assert all(torch.equal(a, b) for one in results for a, b in zip(one, results[0], strict=True))


def test_what_does_not_fit_is_refused():
    found = of_dense(torch.zeros(4, 2, 3), torch.float32)
    weight_t, out = torch.zeros(3, 5), torch.zeros(4, 2, 5)
    with pytest.raises(ValueError, match="steps 0 to 5"):
        gather(found, 0, 5, weight_t, out)
    with pytest.raises(ValueError, match="transposed weight"):
        gather(found, 0, 4, weight_t.t(), out)
    with pytest.raises(ValueError, match="outputs"):
        gather(found, 0, 3, weight_t, out)
    with pytest.raises(ValueError, match="one dtype"):
        gather(found, 0, 4, weight_t.double(), out)
    with pytest.raises(ValueError, match="contiguous"):
        scatter(found, 0, 4, out[..., :1].expand(4, 2, 5), weight_t)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n_rows", [0, 1, 7, 8, 16, 17, 40])
@pytest.mark.parametrize("n_columns", [0, 1, 7, 8, 16, 17, 100])
def test_matrices_are_transposed(n_rows, n_columns, dtype):
    matrix = torch.randn(n_rows, n_columns, dtype=dtype, generator=draw(13))
    wide = torch.randn(n_rows, 2 * n_columns, dtype=dtype, generator=draw(14))
    for one in (matrix, matrix.t(), wide[:, n_columns:], wide[:, ::2]):
        result = transposing.transposed(one)
        assert torch.equal(result, one.t())
        assert result.is_contiguous()


def test_only_matrices_are_transposed():
    with pytest.raises(ValueError, match="matrix"):
        transposing.transposed(torch.zeros(2, 2, 2))
    with pytest.raises(TypeError, match="float32 and float64"):
        transposing.transposed(torch.zeros(2, 2, dtype=torch.int64))


@pytest.mark.parametrize("several_threads", [1], indirect=True)
def test_the_text_of_a_kernel_is_always_the_same(several_threads):
    code = (
        "import torch; from snn_fused.cpu import scanning, summing, transposing\n"
        "f = torch.float32\n"
        "print(scanning.scan_source(f, f, False), scanning.pack_source(f), transposing.source(f),\n"
        "      summing.gather_source(f, 300), summing.scatter_source(f, 300, 64))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
