"""Same bits whatever the threads and the batch; single precision; what backward keeps."""

from __future__ import annotations

import pytest
import torch

from .comparing import assert_close, sequence
from .nets import TIME_CONSTANTS, coefficients, gradients, loss_of_times, random_net, real


def of_times(out):
    return loss_of_times(out.output)


kinds = pytest.mark.parametrize(
    "more",
    [
        {},
        {"delays": False},
        {"recurrent": False},
        {"recurrent": False, "delays": False},
        {"refractory": 3e-3, "leak_above": True},
    ],
    ids=["delays", "at_once", "feed_forward", "plain", "refractory"],
)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@kinds
def test_the_number_of_threads_changes_no_bit(more, threads):
    net = random_net(80, n=12, m=8, k=40, b=13, **more)
    found = []
    for n in (1, 2, 3):
        threads(n)
        found.append((net.run().output, gradients(net, of_times)))
    for events, slopes in found[1:]:
        assert torch.equal(events.times, found[0][0].times)
        assert torch.equal(events.index, found[0][0].index)
        for name, value in slopes.items():
            assert torch.equal(value, found[0][1][name]), name


@kinds
def test_a_second_run_changes_no_bit(more):
    net = random_net(81, b=4, **more)
    first, second = (gradients(net, of_times) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@kinds
def test_a_sample_alone_has_the_same_bits_as_in_its_batch(more):
    net = random_net(82, b=5, **more)
    together, found = net.run().output, gradients(net, of_times)
    for b in range(5):
        alone, slopes = net.sample(b).run().output, gradients(net.sample(b), of_times)
        kept = real(together)[b]
        assert torch.equal(alone.times[0], together.times[b][kept])
        assert torch.equal(alone.index[0], together.index[b][kept])
        for name in ("times", "v", "i", "ref"):
            if name in found:
                assert torch.equal(slopes[name][0], found[name][b]), name


@kinds
def test_the_gradient_of_a_batch_is_the_sum_over_its_samples(more):
    net = random_net(82, b=5, **more)
    alone = [gradients(net.sample(b), of_times) for b in range(5)]
    for name, value in gradients(net, of_times).items():
        if name not in ("times", "v", "i", "ref"):
            total = sum(one[name] for one in alone)
            scale = value.abs().max().item()
            torch.testing.assert_close(value, total, rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize("taus", TIME_CONSTANTS.values(), ids=TIME_CONSTANTS)
@kinds
def test_single_precision_is_near_double_precision(taus, more):
    net = random_net(83, taus=taus, **more).cast(torch.float32)
    wide = net.cast(torch.float64)  # of the same rounded numbers
    assert sequence(net) == sequence(wide)
    given, expected = net.run().output, wide.run().output
    assert given.times.dtype == torch.float32
    error = (given.times.double() - expected.times)[real(expected)].abs().max()
    assert error <= 1e-6 * net.duration
    found = {name: value.double() for name, value in gradients(net, of_times).items()}
    assert_close(found, gradients(wide, of_times), rtol=1e-4)


def kept_bytes(net):
    """The bytes of tensors and arrays that the graph of a run keeps for its backward."""
    out, sizes = net.attached(), {}

    def pack(tensor):
        sizes[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        events = out.run().output
    for value in _held_by(events.times.grad_fn):
        sizes[id(value)] = value.nbytes
    assert sizes, "nothing is kept, or it is kept where this test does not see it"
    return sum(sizes.values()), int(real(events).sum())


def _held_by(node):
    """Arrays and tensors in the attributes of a graph node, one level of containers deep."""
    for value in vars(node).values():
        parts = value if isinstance(value, tuple | list) else [value]
        yield from (part for part in parts if hasattr(part, "nbytes"))


def test_what_is_kept_does_not_grow_with_the_duration():
    net = random_net(84, b=3, duration=0.1)
    short, n_short = kept_bytes(net)
    long, n_long = kept_bytes(net.replace(duration=100.0))
    assert n_short <= n_long <= 2 * n_short  # what was in flight at the end
    assert long <= 2 * short


def test_what_is_kept_grows_with_the_spikes_only():
    net = random_net(85, b=1, leak_above=True, recurrent=False, delays=False, duration=0.2)
    sizes = []
    for duration in (0.2, 2.0, 20.0):
        sizes.append(kept_bytes(net.replace(duration=duration)))
    (a, n_a), (b, n_b), (c, n_c) = sizes
    assert n_c > 8 * n_b > 40 * n_a / 2
    per_spike = (c - a) / (n_c - n_a)
    assert per_spike <= 256
    assert (b - a) / (n_b - n_a) <= 512


@kinds
def test_a_change_in_place_before_backward_is_noticed_or_does_nothing(more):
    """An optimiser's step between forward and backward must not bend the gradient in silence."""
    net = random_net(86, **more)
    expected = gradients(net, of_times)
    for name in net.leaves:
        attached = net.attached()
        loss = of_times(attached.run())
        with torch.no_grad():
            getattr(attached, name).mul_(1.1)
        try:
            found = torch.autograd.grad(loss, list(attached.leaves.values()), allow_unused=True)
        except RuntimeError as error:
            assert "modified by an inplace operation" in str(error)  # noqa: PT017
            continue
        for other, value in zip(attached.leaves, found, strict=True):
            assert value is None or torch.equal(value, expected[other]), (name, other)


def test_the_coefficients_of_these_losses_do_not_depend_on_the_batch():
    net = random_net(82, b=5)
    together, alone = net.run().output, net.sample(2).run().output
    n = alone.times.shape[1]
    assert torch.equal(coefficients(together)[2, :n], coefficients(alone)[0])
