"""SpikeTensor: what stays spikes, what goes dense, and what is refused."""

from __future__ import annotations

import copy

import pytest
import torch
from snn_nodes.spikes import SpikeTensor, dense
from torch.nn import functional


def drawn(*shape, rate=0.4, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate


def pair(*shape, dtype=torch.float32, **options):
    """The same spikes as bits and as numbers."""
    elem = drawn(*shape, **options)
    return SpikeTensor(elem, dtype), elem.to(dtype)


def first(values):
    return values[0]


KEPT = {
    "view": lambda x: x.view(4, 30),
    "reshape of a transpose": lambda x: x.transpose(0, 2).reshape(-1),
    "flatten": lambda x: x.flatten(1),
    "unflatten": lambda x: x.unflatten(2, (2, 3)),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "squeeze all": lambda x: x[:1, :1].squeeze(),
    "squeeze some": lambda x: x[:1, :1].squeeze((0, 1)),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "permute": lambda x: x.permute(2, 0, 1),
    "transpose": lambda x: x.transpose(0, 1),
    "t": lambda x: x[0].t(),
    "mT": lambda x: x.mT,
    "movedim": lambda x: x.movedim(0, -1),
    "expand": lambda x: x.unsqueeze(0).expand(3, 4, 5, 6),
    "expand_as": lambda x: x[:1].expand_as(x),
    "broadcast_to": lambda x: x.broadcast_to(2, 4, 5, 6),
    "int index": lambda x: x[1],
    "slice": lambda x: x[1:3, ::2],
    "ellipsis": lambda x: x[..., -1],
    "tensor index": lambda x: x[torch.tensor([2, 0, 2])],
    "mask index": lambda x: x[torch.tensor([True, False, True, True])],
    "index_select": lambda x: x.index_select(1, torch.tensor([4, 0])),
    "gather": lambda x: x.gather(0, torch.zeros(1, 5, 6, dtype=torch.long)),
    "masked_select": lambda x: x.masked_select(torch.arange(6) < 2),
    "narrow": lambda x: x.narrow(0, 1, 2),
    "diagonal": lambda x: x.diagonal(dim1=1, dim2=2),
    "unfold": lambda x: x.unfold(0, 2, 1),
    "cat": lambda x: torch.cat([x, x[:1]]),
    "stack": lambda x: torch.stack([x, x], dim=1),
    "split": lambda x: x.split(2)[1],
    "split sizes": lambda x: x.split([1, 3])[1],
    "chunk": lambda x: x.chunk(2)[0],
    "unbind": lambda x: x.unbind(1)[3],
    "iterate": lambda x: list(x)[2],
    "repeat": lambda x: x.repeat(2, 1, 1),
    "flip": lambda x: x.flip(0),
    "roll": lambda x: x.roll(1, 0),
    "pad": lambda x: functional.pad(x, (1, 2)),
    "clone": lambda x: x.clone(),
    "contiguous": lambda x: x.transpose(0, 1).contiguous(),
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "cpu": lambda x: x.cpu(),
    "to a device": lambda x: x.to("cpu", copy=True),
    "deepcopy": copy.deepcopy,
    "max_pool1d": lambda x: functional.max_pool1d(x, 2),
    "max_pool2d": lambda x: functional.max_pool2d(x, 2),
    "max_pool2d padded": lambda x: functional.max_pool2d(x, 3, 2, 1),
    "max_pool2d ceil": lambda x: functional.max_pool2d(x, 3, 2, ceil_mode=True),
    "max_pool3d": lambda x: functional.max_pool3d(x.unsqueeze(0), 2),
    "adaptive_max_pool2d": lambda x: functional.adaptive_max_pool2d(x, 2),
}
ENDED = {
    "sum": lambda x: x.sum(),
    "sum of an axis": lambda x: x.sum(0),
    "mean": lambda x: x.mean(1),
    "std": lambda x: x.std(),
    "add": lambda x: x + 1,
    "add themselves": lambda x: x + x,
    "radd": lambda x: 0.5 + x,
    "mul": lambda x: x * torch.full((6,), 0.5),
    "sub": lambda x: 1 - x,
    "neg": lambda x: -x,
    "power": lambda x: x**2,
    "greater": lambda x: x > 0.5,
    "equal": lambda x: x == 1,
    "logical_not": lambda x: x.logical_not(),
    "where": lambda x: torch.where(x > 0.5, 2.0, x),
    "cumsum": lambda x: x.cumsum(0),
    "amax": lambda x: x.amax(0),
    "max and where": lambda x: x.max(0).indices,
    "argsort": lambda x: x.argsort(stable=True),
    "softmax": lambda x: x.softmax(0),
    "norm": lambda x: torch.linalg.vector_norm(x),
    "avg_pool2d": lambda x: functional.avg_pool2d(x, 2),
    "interpolate": lambda x: functional.interpolate(x, scale_factor=2),
    "pad with 2": lambda x: functional.pad(x, (1, 1), value=2.0),
    "dropout": lambda x: functional.dropout(x, 0.5, training=False) * 1,
    "matmul": lambda x: x @ torch.arange(12.0).view(6, 2),
    "matmul from the left": lambda x: torch.arange(10.0).view(2, 5) @ x,
    "matmul of spikes": lambda x: x @ x.mT,
    "vector": lambda x: x @ torch.arange(6.0),
    "bmm": lambda x: torch.bmm(x, torch.arange(48.0).view(4, 6, 2)),
    "einsum": lambda x: torch.einsum("tbk,nk->tbn", x, torch.arange(12.0).view(2, 6)),
    "addmm": lambda x: torch.addmm(torch.ones(5, 2), x[0], torch.ones(6, 2), beta=2, alpha=3),
    "linear": lambda x: functional.linear(x, torch.arange(12.0).view(2, 6), torch.ones(2)),
    "linear of a vector": lambda x: functional.linear(x[0, 0], torch.arange(12.0).view(2, 6)),
    "spikes as weight": lambda x: functional.linear(torch.ones(3, 6), x[0], x[0, :, 0]),
    "conv1d": lambda x: functional.conv1d(x, torch.arange(30.0).view(2, 5, 3), torch.ones(2)),
    "conv2d": lambda x: functional.conv2d(x[:, None], torch.arange(4.0).view(1, 1, 2, 2)),
    "conv_transpose1d": lambda x: functional.conv_transpose1d(x, torch.ones(5, 2, 3)),
    "grouped": lambda x: functional.conv1d(x, torch.ones(5, 1, 2), groups=5),
    "spikes as kernel": lambda x: functional.conv1d(torch.ones(1, 5, 8), x),
    "cat with numbers": lambda x: torch.cat([x, torch.full((1, 5, 6), 0.5)]),
    "stack with numbers": lambda x: torch.stack([torch.full((4, 5, 6), 0.5), x]),
    "to int": lambda x: x.to(torch.int64),
    "to bool": lambda x: x.bool(),
    "bits of the floats": lambda x: x.view(torch.int32),
    "nonzero": lambda x: x.nonzero(),
    "count_nonzero": lambda x: x.count_nonzero(),
    "count_nonzero of an axis": lambda x: x.count_nonzero(0),
    "any": lambda x: x.any(),
    "any of an axis": lambda x: x.any(1),
    "all": lambda x: x.all(0),
    "zeros_like": torch.zeros_like,
    "new_ones": lambda x: x.new_ones(2),
    "type_as": lambda x: torch.ones(2, dtype=torch.float64).type_as(x),
    "indexed by it": lambda x: torch.arange(120.0).view(4, 5, 6)[x > 0.5],
    "add into numbers": lambda x: torch.full((4, 5, 6), 0.5).add_(x),
    "copy into numbers": lambda x: torch.full((4, 5, 6), 0.5).copy_(x),
    "put into numbers": lambda x: torch.full((4, 5, 6), 0.5).index_put((torch.tensor([0]),), x[:1]),
    "out is numbers": lambda x: torch.mul(x, 2, out=torch.empty(4, 5, 6)),
    "foreach": lambda x: first(torch._foreach_add([x], 1)),
    "numbers of a list": lambda x: torch.tensor(x.tolist()),
    "dense": dense,
}


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("inference", [False, True])
def test_what_only_moves_spikes_gives_spikes(name, inference):
    spikes, numbers = pair(4, 5, 6)
    with torch.inference_mode(inference):
        out, expected = KEPT[name](spikes), KEPT[name](numbers)
    assert isinstance(out, SpikeTensor)
    assert out.elem.dtype == torch.bool
    assert out.dtype == torch.float32
    assert (out.shape, out.stride()) == (out.elem.shape, out.elem.stride())
    assert torch.equal(out.to_dense(), expected)
    assert out.spike_count() == int(expected.sum())


@pytest.mark.parametrize("name", ENDED)
@pytest.mark.parametrize("inference", [False, True])
def test_all_else_gives_what_zeros_and_ones_give(name, inference):
    spikes, numbers = pair(4, 5, 6)
    with torch.inference_mode(inference):
        out, expected = ENDED[name](spikes), ENDED[name](numbers)
    assert type(out) is torch.Tensor
    assert out.dtype == expected.dtype
    torch.testing.assert_close(out, expected, rtol=1e-6, atol=0)


def test_three_spikes_sum_to_three():
    spikes = SpikeTensor(torch.tensor([True, False, True, True]))
    assert spikes.sum().item() == 3.0
    assert spikes.mean().item() == 0.75
    assert spikes[0].item() == 1.0
    assert bool(spikes[1]) is False


def test_a_count_follows_the_same_spikes_and_no_others():
    spikes, _ = pair(8, 6)
    count = spikes.spike_count()
    assert spikes.t().reshape(-1)._tally.known == count
    assert spikes[:4]._tally.known is None
    assert spikes[:4].spike_count() == int(spikes.elem[:4].sum())
    assert spikes.expand(2, 8, 6).spike_count() == 2 * count
    assert spikes.activity() == count / 48
    assert SpikeTensor(torch.zeros(0, 3, dtype=torch.bool)).activity() == 0


@pytest.mark.parametrize("size", [0, 1, 2039, 2040, 2041, 100_003])
@pytest.mark.parametrize("start", [0, 1, 8])
@pytest.mark.parametrize("rate", [0.3, 1.0])
def test_counts_are_exact(size, start, rate):
    elem = drawn(size + start, rate=rate)[start:]
    assert SpikeTensor(elem).spike_count() == int(elem.sum())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_floating_dtype(dtype):
    spikes, numbers = pair(3, 4, dtype=dtype)
    assert (spikes * 2).dtype == dtype
    assert spikes.sum().dtype == dtype
    assert torch.equal(spikes.to_dense(), numbers)
    assert spikes.to_dense(torch.float32).dtype == torch.float32
    single = spikes.to(torch.float32)
    assert isinstance(single, SpikeTensor)
    assert (single.dtype, single.spike_count()) == (torch.float32, spikes.spike_count())
    assert torch.cat([spikes, single]).dtype == torch.promote_types(dtype, torch.float32)
    product = spikes @ torch.ones(4, 2, dtype=torch.float64)  # in the dtype of the dense partner
    assert torch.equal(product, numbers.double() @ torch.ones(4, 2, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16])
def test_from_dense_takes_zeros_and_ones_of_any_dtype(dtype):
    values = torch.tensor([[0, 1], [1, 1]]).to(dtype)
    spikes = SpikeTensor.from_dense(values)
    assert spikes.dtype == (dtype if dtype.is_floating_point else torch.float32)
    assert spikes.tolist() == [[0.0, 1.0], [1.0, 1.0]]
    assert SpikeTensor.from_dense(values, torch.float64).dtype == torch.float64
    values.zero_()
    assert spikes.spike_count() == 3  # a copy


@pytest.mark.parametrize(
    ("value", "shown"), [(0.5, "0.5"), (-1.0, "-1"), (2.0, "2"), (float("nan"), "nan")]
)
@pytest.mark.parametrize("rows", [4, 1500])
def test_from_dense_refuses_other_values(value, shown, rows):
    values = drawn(rows, 1000).float()
    values[3, 7], values[3, 9] = value, value
    message = (
        rf"from_dense takes only 0 and 1: 2 of {rows * 1000} values are others, "
        rf"the first is {shown} at \(3, 7\); say which of them are spikes, such as x > 0.5"
    )
    for given in (values, values.t().contiguous().t()):
        with pytest.raises(ValueError, match=message):
            SpikeTensor.from_dense(given)


def test_from_dense_of_many_and_of_few():
    for shape in ((1300, 1000), (0, 4), ()):
        values = drawn(*shape).float()
        assert torch.equal(SpikeTensor.from_dense(values).to_dense(), values)
    across = drawn(1300, 1000).float().t()
    assert torch.equal(SpikeTensor.from_dense(across).to_dense(), across)
    assert SpikeTensor.from_dense(torch.tensor([-0.0])).spike_count() == 0


def test_only_bools_and_floating_dtypes():
    with pytest.raises(TypeError, match=r"takes a bool tensor, got torch.float32; .*from_dense"):
        SpikeTensor(torch.zeros(2))
    with pytest.raises(TypeError, match=r"must be floating, got torch.int32; spikes.elem"):
        SpikeTensor(torch.zeros(2, dtype=torch.bool), torch.int32)


WRITING = {
    "add_": lambda x: x.add_(1),
    "mul_": lambda x: x.mul_(0.5),
    "zero_": lambda x: x.zero_(),
    "fill_": lambda x: x.fill_(1),
    "copy_": lambda x: x.copy_(torch.zeros(2, 3)),
    "index": lambda x: x.__setitem__(0, 1),
    "mask": lambda x: x.masked_fill_(torch.ones(2, 3, dtype=torch.bool), 0),
    "of a view": lambda x: x.t().add_(1),
    "out": lambda x: torch.add(torch.ones(2, 3), 1, out=x),
    "foreach": lambda x: torch._foreach_add_([x], 1),
    "resize_": lambda x: x.resize_(3),
}


@pytest.mark.parametrize("name", WRITING)
def test_writing_is_refused_and_changes_nothing(name):
    elem = drawn(2, 3)
    spikes = SpikeTensor(elem.clone())
    with pytest.raises(TypeError, match=r"would write into a SpikeTensor of shape .*to_dense\(\)"):
        WRITING[name](spikes)
    assert torch.equal(spikes.elem, elem)


def test_it_is_printed_as_spikes():
    spikes = SpikeTensor(torch.eye(2, dtype=torch.bool), torch.float16)
    assert repr(spikes) == ("SpikeTensor([[1, 0],\n             [0, 1]], dtype=torch.float16)")
    assert repr(spikes.requires_grad_()).endswith("dtype=torch.float16, requires_grad=True)")
    assert repr(SpikeTensor(torch.zeros(0, 2, dtype=torch.bool))) == (
        "SpikeTensor([], size=(0, 2), dtype=torch.float32)"
    )


def test_on_another_device_nothing_is_counted():
    spikes = SpikeTensor(torch.zeros(1000, 784, dtype=torch.bool, device="meta"))
    weight = torch.zeros(512, 784, device="meta", requires_grad=True)
    out = functional.linear(spikes, weight)
    assert (out.device.type, out.shape) == ("meta", (1000, 512))
    assert torch.autograd.grad(out.sum(), weight)[0].shape == weight.shape
    assert isinstance(SpikeTensor(drawn(2, 3)).to("meta"), SpikeTensor)


def test_dense_leaves_other_tensors_as_they_are():
    x = torch.rand(3)
    assert dense(x) is x
