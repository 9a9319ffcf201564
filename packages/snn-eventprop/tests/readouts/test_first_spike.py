"""first_spike: times, gradient, and what it refuses."""

import math

import pytest
import torch
from snn_core import Events
from snn_eventprop.decode import first_spike


class Timed:
    """Spikes that carry their events beside them."""

    def __init__(self, events):
        self.events = events


def random_events(shape=(7,), dtype=torch.float64, n_events=20, seed=0):
    random = torch.Generator().manual_seed(seed)
    times = torch.rand(5, n_events, generator=random, dtype=dtype)
    times[torch.rand(times.shape, generator=random) < 0.5] = math.inf
    times[3] = math.inf
    index = torch.randint(math.prod(shape), times.shape, generator=random)
    return Events.of(times.requires_grad_(), index, shape, 1.0)


def by_loops(events):
    first = torch.full((len(events.times), math.prod(events.shape)), math.inf)
    first = first.to(events.times.dtype)
    for b in range(len(first)):
        for time, neuron in zip(events.times[b].tolist(), events.index[b].tolist(), strict=True):
            if time < math.inf:
                first[b, neuron] = min(first[b, neuron].item(), time)
    return first.reshape(-1, *events.shape)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(7,), (2, 3), (1,), (40,)])
def test_times_are_the_earliest_of_each_neuron(shape, dtype):
    events = random_events(shape, dtype)
    for spikes in (events, Timed(events)):
        first = first_spike(spikes)
        assert first.dtype == dtype
        assert torch.equal(first, by_loops(events))


def test_the_gradient_goes_to_the_first_spike_alone():
    events = random_events()
    first = first_spike(events)
    grad = torch.arange(first.numel()).reshape(first.shape).double() + 1
    (found,) = torch.autograd.grad(first, events.times, grad)
    wanted = torch.zeros_like(found)
    for b in range(len(first)):
        seen = set()
        for k, (time, n) in enumerate(zip(events.times[b], events.index[b].tolist(), strict=True)):
            if time < math.inf and n not in seen:
                seen.add(n)
                wanted[b, k] = grad[b, n]
    assert torch.equal(found, wanted)


def test_gradients_of_any_layout_are_taken():
    events = random_events()
    first = first_spike(events)
    finite = first.detach().isfinite()
    (found,) = torch.autograd.grad(first.masked_fill(~finite, 0.0).sum(), events.times)
    (dense,) = torch.autograd.grad(first_spike(events), events.times, finite.double())
    assert torch.equal(found, dense)
    expanded = torch.ones(()).double().expand(first.shape)
    assert torch.autograd.grad(first_spike(events), events.times, expanded)[0].sum() == finite.sum()


def test_no_events_and_no_samples():
    for size in ((2, 0), (0, 3), (0, 0)):
        none = Events(torch.zeros(size), torch.zeros(size).long(), (4,), 1.0)
        assert torch.equal(first_spike(none), torch.full((size[0], 4), math.inf))


def test_views_are_taken():
    events = random_events(n_events=20)
    strided = events._replace(times=events.times[:, ::2], index=events.index[:, ::2])
    assert torch.equal(first_spike(strided), by_loops(strided))


def test_it_is_differentiated_once():
    events = random_events()
    first = first_spike(events)
    grad = torch.ones_like(first).requires_grad_()
    (once,) = torch.autograd.grad(first, events.times, grad, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        once.sum().backward()


@pytest.mark.parametrize(
    ("times", "index", "problem"),
    [
        ([[0.2, 0.1]], [[0, 0]], "ascend"),
        ([[-0.1, 0.1]], [[0, 0]], "outside"),
        ([[math.nan, 0.1]], [[0, 0]], "outside"),
        ([[0.1, math.inf, 0.2]], [[0, -1, 0]], "ascend"),
        ([[0.1, 0.2]], [[0, 3]], "neuron 3 does not fit"),
        ([[0.1, 0.2]], [[0, -1]], "neuron -1 does not fit"),
        ([[0.1, 0.2]], [[0]], "must both be"),
        ([0.1, 0.2], [0, 1], "must both be"),
    ],
)
def test_events_that_are_not_well_formed_are_refused(times, index, problem):
    events = Events(torch.tensor(times), torch.tensor(index), (3,), 1.0)
    with pytest.raises(ValueError, match=problem):
        first_spike(events)


def test_times_must_be_on_the_cpu():
    events = random_events().to("meta")
    with pytest.raises(ValueError, match="times is on meta, but EventProp runs on the CPU"):
        first_spike(events)


def test_a_grid_has_no_first_spike_times():
    with pytest.raises(TypeError, match=r"expected Events, or spikes with \.events, got Tensor"):
        first_spike(torch.zeros(3, 1, 2))
