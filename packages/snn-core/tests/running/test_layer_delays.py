"""Layer: its delays, fixed or learnt, how they are saved and shown."""

import io
import warnings
from typing import NamedTuple

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY

SENT = snn.Events.of(torch.tensor([[0.1, 0.2, 0.4]]), torch.tensor([[0, 1, 2]]), (3,), 1.0)


def arrivals(problem):
    """An event-driven backend: when the input of each neuron arrives, weighted and summed."""
    delay = torch.as_tensor(problem.delay).broadcast_to(problem.weight.shape)
    fed_back = 0.0
    if problem.recurrent_delay is not None:
        square = problem.recurrent_weight
        fed_back = (square * torch.as_tensor(problem.recurrent_delay)).sum(1)
    return snn.Output(
        (problem.weight * (SENT.times + delay)).sum(1) + fed_back, problem.state, None
    )


BACKEND = snn.Backend("arrivals", None, lambda problem: None, arrivals, delays=True)


def layer(delay=0.25, **changes):
    torch.manual_seed(0)
    return snn.Layer(3, 2, TOY, delay=delay, **{"backend": BACKEND, **changes})


def test_forward_is_integrate_with_its_delays():
    delay, back = torch.tensor([[0.1], [0.2]]), torch.tensor([0.3, 0.4])
    own = layer(delay, recurrent=True, recurrent_delay=back)
    expected = snn.integrate(
        TOY,
        SENT,
        weight=own.weight,
        recurrent_weight=own.recurrent_weight,
        delay=delay,
        recurrent_delay=back,
        backend=BACKEND,
    )
    assert torch.equal(own(SENT).output, expected.output)
    assert not torch.equal(own(SENT).output, layer(delay)(SENT).output)


def test_a_number_stays_a_number_and_a_tensor_becomes_a_buffer_of_its_own():
    assert layer().delay == 0.25
    assert layer().recurrent_delay is None
    assert layer(0).delay == 0
    delay = torch.tensor([0.1, 0.2, 0.3])
    own = layer(delay)
    delay.fill_(9.0)
    assert own.delay.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert {name for name in own.state_dict() if "extra" not in name} == {"weight", "fixed.delay"}
    assert own.to(torch.float64).delay.dtype == torch.float64
    assert [name for name, _ in own.named_parameters()] == ["weight"]


@pytest.mark.parametrize(
    "start", [0.25, torch.tensor(0.25), torch.full((3,), 0.25), torch.full((2, 3), 0.25)]
)
def test_a_delay_is_learnt_through_its_logarithm(start):
    """d/d log(d) = d d/dd, and the delay moves every arrival by itself."""
    own = layer(start, learn=("delay",))
    assert torch.as_tensor(start).shape == own.learned["log_delay"].shape
    torch.testing.assert_close(own.delay, torch.as_tensor(start))
    own(SENT).output.sum().backward()
    by_synapse = 0.25 * own.weight.detach()
    expected = by_synapse.sum_to_size(own.delay.shape)
    torch.testing.assert_close(own.learned["log_delay"].grad, expected)
    torch.optim.SGD(own.parameters(), lr=100.0).step()
    assert bool((own.delay >= 0).all())
    assert bool((own.delay != 0.25).all())


def test_recurrent_delays_are_learnt_beside_parameters():
    own = layer(
        recurrent=True,
        recurrent_delay=torch.full((2, 2), 0.5),
        learn=("recurrent_delay", "v_th", "tau_mem"),
        dtype=torch.float32,
    )
    assert set(own.learned) == {"log_recurrent_delay", "v_th", "log_tau_mem"}
    own(SENT).output.sum().backward()
    grad = own.learned["log_recurrent_delay"].grad
    torch.testing.assert_close(grad, 0.5 * own.recurrent_weight.detach())
    assert own.delay == 0.25
    assert own.params.v_th.item() == 1.0


def test_delays_that_are_learnt_are_saved_and_read():
    first, second = layer(learn=("delay",)), layer(0.5, learn=("delay",))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second.load_state_dict(torch.load(file, weights_only=True))
    assert second.delay.item() == first.delay.item()


def test_another_number_warns_and_the_same_does_not():
    with pytest.warns(snn.NumericsWarning, match=r"other numbers: delay was 0.25, is 0.5$"):
        layer(0.5).load_state_dict(layer().state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer().load_state_dict(layer().state_dict())


def test_one_delay_is_not_taken_for_the_other():
    forth = layer(0.25, recurrent=True)
    back = layer(torch.tensor(0.25), recurrent=True, recurrent_delay=0.25, learn=("delay",))
    there = snn.Layer(3, 2, TOY, recurrent=True, recurrent_delay=0.25, backend=BACKEND)
    with pytest.warns(
        snn.NumericsWarning,
        match=r"delay was none, is 0.25, recurrent_delay was 0.25, is none$",
    ):
        forth.load_state_dict(there.state_dict())
    with pytest.raises(RuntimeError, match=r"[Mm]issing key.*learned.log_delay"):
        back.load_state_dict(there.state_dict())


def test_what_was_saved_without_delays_is_read_without_them_only():
    plain = snn.Layer(3, 2, TOY, backend=BACKEND)
    dt_and_parameters = plain.get_extra_state()
    assert dt_and_parameters.tolist() == [0.0, 10e-3, 1.0, 0.0]
    with pytest.raises(
        ValueError, match=r"other parameters than .* and the delays \('delay',\); c"
    ):
        layer().load_state_dict(plain.state_dict())


def test_repr_shows_delays():
    assert "delay=0.25, backend=arrivals" in repr(layer())
    shown = repr(layer(torch.full((2, 3), 0.25), learn=("delay",)))
    assert "delay=(2, 3), " in shown
    assert "learn=delay" in shown
    shown = repr(layer(recurrent=True, recurrent_delay=0.5, learn=("recurrent_delay", "v_th")))
    assert "delay=0.25, recurrent_delay=0.5" in shown
    assert "learn=v_th,recurrent_delay" in shown
    assert "delay=(), " in repr(layer(device="meta", learn=("delay",)))  # has no value to show
    assert "delay" not in repr(snn.Layer(3, 2, TOY, dt=1e-3))


class Named(NamedTuple):
    """Parameters one of which has the name of a delay."""

    tau_mem: float = 10e-3
    v_th: float = 1.0
    v_reset: float = 0.0
    delay: float = 1.0


CLASHING = TOY._replace(name="clashing", Params=Named)


def test_a_parameter_of_the_same_name_is_a_clash_only_if_the_layer_has_that_delay():
    with pytest.raises(
        ValueError, match=r"^neuron 'clashing' has a parameter 'delay', so that .*; rename the par"
    ):
        snn.Layer(3, 2, CLASHING, delay=0.1, backend=BACKEND)
    own = snn.Layer(3, 2, CLASHING, dt=1e-3, learn=("delay",))
    assert own.params.delay.item() == 1.0
    assert own.delay is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"delay": -1.0}, ValueError, r"^delay must not be negative, got -1.0 \(seconds\)$"),
        ({"delay": torch.zeros(2)}, ValueError, r"^delay of shape \(2,\) does not broadcast"),
        ({"delay": "1ms"}, TypeError, r"^delay must be a number or a Tensor, got str$"),
        (
            {"delay": "1ms", "learn": ("delay",)},
            TypeError,
            r"^delay must be a number or a Tensor, got str$",
        ),
        (
            {"delay": 0.0, "learn": ("delay",)},
            ValueError,
            r"^delay must be positive to be learnt through its logarithm, got 0.0$",
        ),
        (
            {"delay": torch.tensor([0.1, 0.0, 0.1]), "learn": ("delay",)},
            ValueError,
            r"^delay must be positive to be learnt through its logarithm, got 0.0$",
        ),
        (
            {"delay": torch.tensor([0.1, 0.2], requires_grad=True)},
            ValueError,
            r"^delay requires a gradient, but a layer owns .* learn=\('delay',\)$",
        ),
        (
            {"delay": None, "learn": ("delay",)},
            ValueError,
            r"^cannot learn 'delay' without a value to start at; pass delay=1e-3 \(seconds\)$",
        ),
        (
            {"learn": ("delays",)},
            ValueError,
            r"^cannot learn 'delays': .* v_reset, delays are delay, recurrent_delay$",
        ),
        (
            {"recurrent_delay": 0.1},
            ValueError,
            r"^recurrent_delay delays .* None; pass recurrent_weight \(of a Layer: recurrent=True",
        ),
        ({"backend": "eager", "dt": 1e-3}, snn.Unsupported, r"'eager' .* has no synaptic delays"),
    ],
)
def test_a_layer_refuses_at_construction(arguments, error, message):
    with pytest.raises(error, match=message):
        layer(**{"delay": 0.25, **arguments})
