"""Synaptic delays: what integrate takes and refuses, what reaches a backend, who runs them."""

import pytest
import snn_core as snn
import torch
from snn_core.eager import EAGER
from snn_core.testing import TOY

SENT = snn.Events.of(torch.tensor([[0.1, 0.4, 0.2]]), torch.tensor([[0, 1, 2]]), (3,), 1.0)
W = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
SQUARE = torch.zeros(2, 2)
PROBLEMS = []


def latest(problem):
    """An event-driven backend whose output is when each neuron's last input arrives, weighted."""
    PROBLEMS.append(problem)
    delay = torch.as_tensor(0.0 if problem.delay is None else problem.delay)
    sent = problem.x.times[0].gather(0, problem.x.index[0].argsort())
    arrivals = sent + delay.broadcast_to(problem.weight.shape)
    return snn.Output((problem.weight * arrivals).sum(1), problem.state, None)


LATEST = snn.Backend("latest", None, lambda problem: None, latest, delays=True)


def run(**changes):
    return snn.integrate(TOY, SENT, **{"weight": W, "backend": LATEST, **changes})


@pytest.mark.parametrize(
    ("delay", "each"),
    [
        (0.5, [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]),
        (0, [[0, 0, 0], [0, 0, 0]]),
        (torch.tensor(0.25, dtype=torch.float64), [[0.25] * 3] * 2),
        (torch.tensor([0.1, 0.2, 0.3]), [[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]]),
        (torch.tensor([[0.1], [0.2]]), [[0.1, 0.1, 0.1], [0.2, 0.2, 0.2]]),
        (torch.tensor([[0.1, 0.2, 0.3]]), [[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]]),
        (
            torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]),
            [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]],
        ),
    ],
)
def test_a_delay_is_one_for_all_one_a_sender_one_a_receiver_or_one_a_synapse(delay, each):
    given = run(delay=delay).output
    expected = (W * (torch.tensor([0.1, 0.4, 0.2]) + torch.tensor(each))).sum(1)
    torch.testing.assert_close(given, expected, check_dtype=False)
    assert PROBLEMS[-1].delay is delay


def test_a_recurrent_delay_broadcasts_to_the_recurrent_weight():
    delay = torch.tensor([[0.1], [0.2]])
    run(recurrent_weight=SQUARE, recurrent_delay=delay)
    assert PROBLEMS[-1].recurrent_delay is delay
    assert PROBLEMS[-1].delay is None
    run(recurrent_weight=SQUARE, delay=0.5, recurrent_delay=2)
    assert PROBLEMS[-1][-2:] == (0.5, 2)


def test_delays_receive_gradients():
    delay = torch.full((3,), 0.1, requires_grad=True)
    (grad,) = torch.autograd.grad(run(delay=delay).output.sum(), delay)
    assert torch.equal(grad, W.sum(0))


WRONG = [
    (-1e-3, ValueError, r"^{} must not be negative, got -0.001 \(seconds\)$"),
    (float("nan"), ValueError, r"^{} must be finite, got nan \(seconds\)$"),
    (float("inf"), ValueError, r"^{} must be finite, got inf \(seconds\)$"),
    (torch.tensor([[0.1], [-0.2]]), ValueError, r"^{} must not be negative, got -0.2"),
    (torch.tensor([[0.1], [float("nan")]]), ValueError, r"^{} must be finite, got nan"),
    (torch.tensor([[0.1], [float("inf")]]), ValueError, r"^{} must be finite, got inf"),
    (torch.zeros(2, 1).double(), TypeError, r"^{} is torch.float64, the layer torch.float32; con"),
    (torch.zeros(2, 1, device="meta"), ValueError, r"^{} is on meta, the layer on cpu; move one"),
    (torch.tensor(1), TypeError, r"^{} must be floating point, in seconds, got torch.int64$"),
    (torch.tensor(True), TypeError, r"^{} must be real numbers, got torch.bool$"),
    (torch.tensor(1j), TypeError, r"^{} must be real numbers, got torch.complex64$"),
    (True, TypeError, r"^{} must be a number or a Tensor, got bool$"),
    ("1ms", TypeError, r"^{} must be a number or a Tensor, got str$"),
    ([0.1, 0.1], TypeError, r"^{} must be a number or a Tensor, got list$"),
    (torch.zeros(1, 2, 1), ValueError, r"^{} of shape \(1, 2, 1\) does not broadcast to "),
]


@pytest.mark.parametrize(("given", "error", "message"), WRONG)
@pytest.mark.parametrize("name", ["delay", "recurrent_delay"])
def test_a_wrong_delay_is_refused_before_any_work(name, given, error, message):
    PROBLEMS.clear()
    with pytest.raises(error, match=message.format(name)):
        run(recurrent_weight=SQUARE, **{name: given})
    assert PROBLEMS == []


def test_a_delay_of_another_shape_is_told_the_shapes_that_fit():
    with pytest.raises(
        ValueError,
        match=r"^delay of shape \(2,\) does not broadcast to weight \(2, 3\); pass a number, or a "
        r"tensor of shape \(3,\) for one a sender, \(2, 1\) for one a receiver, or \(2, 3\)$",
    ):
        run(delay=torch.zeros(2))
    with pytest.raises(ValueError, match=r"does not broadcast to recurrent_weight \(2, 2\); "):
        run(recurrent_weight=SQUARE, recurrent_delay=torch.zeros(3))


def test_a_delay_needs_the_weight_that_it_delays():
    with pytest.raises(
        ValueError, match=r"^delay delays the synapses of weight, which is None; pass weight, or"
    ):
        run(weight=None, delay=1e-3)
    with pytest.raises(
        ValueError,
        match=r"^recurrent_delay delays the synapses of recurrent_weight, which is None; pass "
        r"recurrent_weight \(of a Layer: recurrent=True\), or leave recurrent_delay out$",
    ):
        run(recurrent_delay=1e-3)


@pytest.mark.parametrize("name", ["delay", "recurrent_delay"])
@pytest.mark.parametrize("value", [0.0, torch.tensor(1e-3), torch.full((2, 1), 1e-3)])
def test_a_backend_without_delays_declines_them_unasked(name, value):
    def must_not_be_asked(problem):
        raise AssertionError

    instant = snn.Backend("instant", None, must_not_be_asked, latest)
    with pytest.raises(
        snn.Unsupported,
        match=r"^backend 'instant' cannot run this: it has no synaptic delays; leave delay and "
        r"recurrent_delay out, or take a backend that has them, such as 'eventprop_exact'$",
    ):
        run(recurrent_weight=SQUARE, backend=instant, **{name: value})


def test_no_backend_on_a_grid_has_delays():
    x = torch.zeros(4, 1, 3)
    for name in ("eager", "auto"):
        with pytest.raises(snn.Unsupported, match=r"'eager' cannot run this: it has no synaptic"):
            snn.integrate(TOY, x, weight=W, dt=1e-3, delay=1e-3, backend=name)
    assert EAGER.delays is False


def test_a_backend_with_delays_may_decline_for_its_own_reason():
    picky = LATEST._replace(name="picky", supports=lambda problem: "it knows no toys")
    with pytest.raises(snn.Unsupported, match=r"^backend 'picky' cannot run this: it knows no to"):
        run(delay=1e-3, backend=picky)


def test_without_delays_nothing_has_changed():
    run()
    assert PROBLEMS[-1].delay is None
    assert PROBLEMS[-1].recurrent_delay is None
    assert snn.Backend("old", 1, lambda problem: None, latest).delays is False
