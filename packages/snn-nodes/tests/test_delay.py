"""Delay: shifted input, in parts, by feature, with its gradient."""

from __future__ import annotations

import copy

import pytest
import torch
from snn_nodes.layer import Delay
from snn_nodes.neuron import StateWarning

T, B, N = 7, 2, 3


@pytest.fixture
def x():
    return torch.randn(T, B, N, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def shifted(x, d):
    """x[t - d], by hand."""
    y = torch.zeros_like(x)
    if d < len(x):
        y[d:] = x[: len(x) - d]
    return y


@pytest.mark.parametrize("d", [0, 1, 3, T, T + 4])
def test_it_is_the_input_shifted(x, d):
    assert torch.equal(Delay(d, "m")(x), shifted(x, d))


def test_each_feature_has_its_own(x):
    steps = torch.tensor([0, 5, 2])
    y = Delay(steps, "m")(x)
    for n, d in enumerate(steps.tolist()):
        assert torch.equal(y[..., n], shifted(x[..., n], d))


def test_features_may_have_more_axes():
    x = torch.randn(T, B, 2, 3)
    steps = torch.tensor([[0, 1, 2], [3, 4, 9]])
    y = Delay(steps, "m")(x)
    for i in range(2):
        for j in range(3):
            assert torch.equal(y[:, :, i, j], shifted(x[:, :, i, j], int(steps[i, j])))


@pytest.mark.parametrize("steps", [0, 3, 5, torch.tensor([0, 5, 2])])
@pytest.mark.parametrize("cuts", [(1, 6), (3, 4), (5, 1, 1), (1,) * 7])
def test_a_sequence_may_come_in_parts(x, steps, cuts):
    whole, parts = Delay(steps, "m"), Delay(steps, "m")
    y = torch.cat([parts(part) for part in x.split(cuts)])
    assert torch.equal(whole(x), y)
    assert torch.equal(whole.history, parts.history)


@pytest.mark.parametrize("steps", [2, torch.tensor([0, 5, 2])])
def test_the_gradient_is_shifted_back_also_between_parts(x, steps):
    x = x.requires_grad_()
    delay = Delay(steps, "m")

    def run(x):
        delay.reset()
        return torch.cat([delay(x[:2]), delay(x[2:])])

    assert torch.autograd.gradcheck(run, x)
    grad_in_parts = torch.autograd.grad(run(x).square().sum(), x)[0]
    delay.reset()
    assert torch.equal(torch.autograd.grad(delay(x).square().sum(), x)[0], grad_in_parts)
    delay.reset()
    delay(x[:2])
    delay.detach()
    (cut,) = torch.autograd.grad(delay(x[2:]).sum(), x)
    assert not cut[:2].any()


def test_reset_forgets_what_is_on_its_way(x):
    delay = Delay(2, "m")
    delay(x)
    delay.reset()
    assert delay.history is None
    assert torch.equal(delay(x), shifted(x, 2))


@pytest.mark.parametrize("steps", [2, torch.tensor([0, 5, 2])])
def test_each_sample_ends_at_its_own_length(x, steps):
    lengths = [4, 0]
    delay = Delay(steps, "m")
    delay(x)
    y = delay(x + 1, lengths)
    again = delay(x + 2)
    for b, n in enumerate(lengths):
        alone = Delay(steps, "m")
        alone(x[:, b : b + 1])
        assert torch.equal(y[:n, b : b + 1], alone((x + 1)[:n, b : b + 1])[:n] if n else y[:0, :1])
        assert not y[n:, b].any()
        assert torch.equal(again[:, b : b + 1], alone((x + 2)[:, b : b + 1]))


def test_lengths_need_all_steps(x):
    with pytest.raises(ValueError, match=r"lengths need all steps at once: set Delay\(steps=1"):
        Delay(1)(x[0], [1, 1])


def test_another_batch_starts_anew_or_is_refused(x):
    delay = Delay(2, "m")
    delay(x)
    with pytest.warns(StateWarning, match=r"its history is \(2, 2, 3\).*needs \(2, 1, 3\)"):
        y = delay(x[:, :1])
    assert torch.equal(y, shifted(x[:, :1], 2))
    strict = Delay(2, "m", on_new_shape="raise")
    strict(x)
    with pytest.raises(ValueError, match=r"Delay\(steps=2.*call reset_net\(net\) before"):
        strict(x[:, :1])


def test_copies_take_along_what_is_on_its_way(x):
    delay = Delay(2, "m")
    delay(x.requires_grad_())
    twin = copy.deepcopy(delay)
    assert torch.equal(twin(x), delay(x))


def test_the_output_may_be_changed_without_harm(x):
    delay = Delay(2, "m")
    delay(x).mul_(0)
    assert torch.equal(delay(x)[:2], x[-2:])


@pytest.mark.parametrize("lengths", [None, [1, T]])
@pytest.mark.parametrize("steps", [3, torch.tensor([0, 5, 2])])
def test_what_it_remembers_has_a_storage_of_its_own(x, steps, lengths):
    delay = Delay(steps, "m")
    y = delay(x, lengths)
    history = delay.history
    assert history.untyped_storage().nbytes() == history.numel() * history.element_size()
    assert history.untyped_storage().data_ptr() != y.untyped_storage().data_ptr()


@pytest.mark.parametrize("lengths", [None, [2, T]])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_forgotten_reset_is_named(x, mode, lengths):
    delay, weight = Delay(2, mode), torch.ones(N, dtype=x.dtype, requires_grad=True)

    def run():
        seen = x * weight
        if mode == "m":
            return delay(seen, lengths).square().sum()
        return torch.stack([delay(step) for step in seen]).square().sum()

    run().backward()
    with pytest.raises(RuntimeError, match=r"^Delay\(steps=2.*carries the state of an.*reset_net"):
        run().backward()
    delay.detach()
    run().backward()
    delay.reset()
    run().backward()


def test_without_a_delay_nothing_leads_back(x):
    delay, weight = Delay(0, "m"), torch.ones(N, dtype=x.dtype, requires_grad=True)
    for _ in range(2):  # no reset between them
        delay(x * weight).square().sum().backward()
    torch.testing.assert_close(weight.grad, 4 * x.square().sum((0, 1)))


def test_another_delay_is_taken_after_a_reset(x):
    delay = Delay(1, "m")
    for steps in (3, torch.tensor([0, 5, 2]), torch.tensor([1, 0, 9]), 0):
        delay.steps = steps
        assert torch.equal(delay(x), Delay(steps, "m")(x))
        assert ("steps" in delay.state_dict()) == isinstance(steps, torch.Tensor)
        with pytest.raises(
            ValueError,
            match=r"^Delay\(steps=.*on their way.*call its reset\(\) before you set steps",
        ):
            delay.steps = 4
        assert torch.equal(torch.as_tensor(delay.steps), torch.as_tensor(steps))
        delay.reset()
    with pytest.raises(ValueError, match="must be at least 0 steps, got -1"):
        delay.steps = -1
    with pytest.raises(TypeError, match="whole number of steps"):
        delay.steps = 0.5
    assert delay.steps == 0


def test_delays_of_features_are_in_the_checkpoint_and_others_are_refused():
    delay = Delay(torch.tensor([0, 5, 2]))
    state = delay.state_dict()
    assert list(state) == ["steps"]
    Delay(torch.tensor([0, 5, 2])).load_state_dict(state)
    with pytest.raises(RuntimeError, match=r"steps of the checkpoint are other ones \(1 of 3"):
        Delay(torch.tensor([0, 5, 3])).load_state_dict(state)
    assert not Delay(3).state_dict()  # as with SpikingJelly's
    assert delay.half().steps.dtype == torch.int64


@pytest.mark.parametrize(
    "steps", [1.5, 2.0, True, "2", None, torch.tensor([1.0]), torch.tensor(True)]
)
def test_a_delay_that_is_no_integer_is_refused(steps):
    with pytest.raises(TypeError, match=r"whole number of steps.*round\(seconds / dt\)"):
        Delay(steps)


@pytest.mark.parametrize("steps", [-1, torch.tensor([1, -2])])
def test_a_negative_delay_is_refused(steps):
    with pytest.raises(ValueError, match="must be at least 0 steps, got"):
        Delay(steps)


def test_delays_for_other_features_are_refused(x):
    with pytest.raises(ValueError, match=r"for features \(2,\), got steps of features \(3,\)"):
        Delay(torch.tensor([1, 2]), "m")(x)
