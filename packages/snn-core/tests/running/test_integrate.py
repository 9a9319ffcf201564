"""integrate on the eager backend: closed forms, projections, continuation, gradients."""

from functools import partial

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY
from snn_core.testing.compiling import whole_graph

DT = 1e-3

# Not auto: another backend that is installed would be tested in its place.
integrate = partial(snn.integrate, backend="eager")


def spikes(seed, *shape, rate=0.3):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).double()


def weights(seed, *shape):
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=draw, dtype=torch.float64).requires_grad_()


def test_impulse_response_is_the_closed_form():
    x = torch.zeros(12, 1, 1, dtype=torch.float64)
    x[2] = 0.5
    out = integrate(TOY, x, dt=DT, record=("v",))
    decay = 1 - DT / 10e-3
    expected = [0.0, 0.0] + [0.5 * decay**n for n in range(10)]
    torch.testing.assert_close(out.traces.v.flatten(), torch.tensor(expected).double())
    assert out.state.v.item() == out.traces.v[-1].item()


def test_weight_is_out_by_in_and_applies_at_every_step():
    x, weight = spikes(0, 7, 3, 5), weights(1, 4, 5)
    projected = integrate(TOY, x, weight=weight, dt=DT, record=("v",))
    by_hand = torch.einsum("tbi,oi->tbo", x, weight.detach())
    expected = integrate(TOY, by_hand, dt=DT, record=("v",))
    torch.testing.assert_close(projected.traces.v, expected.traces.v)
    assert torch.equal(projected.output, expected.output)
    assert projected.output.sum() > 0


def test_recurrent_weight_acts_one_step_later():
    """Neuron 0 fires at step 1; its weight of 5 makes neuron 1 fire at step 2, and so on."""
    x = torch.zeros(5, 1, 3)
    x[1, 0, 0] = 5.0
    chain = torch.zeros(3, 3)
    chain[1, 0] = chain[2, 1] = 5.0
    out = integrate(TOY, x, recurrent_weight=chain, dt=DT)
    assert out.output[:, 0].nonzero().tolist() == [[1, 0], [2, 1], [3, 2]]


@pytest.mark.parametrize("recurrent", [False, True])
def test_two_halves_are_the_whole_also_in_gradients(recurrent):
    x, weight = spikes(2, 10, 3, 5), weights(3, 4, 5)
    square = weights(4, 4, 4) if recurrent else None
    run = {"weight": weight, "recurrent_weight": square, "dt": DT}
    leaves = [one for one in (weight, square) if one is not None]
    whole = integrate(TOY, x, **run)
    first = integrate(TOY, x[:4], **run)
    second = integrate(TOY, x[4:], state=first.state, **run)
    joined = torch.cat([first.output, second.output])
    assert torch.equal(joined, whole.output)
    ramp = torch.arange(10.0).double()[:, None, None]
    expected = torch.autograd.grad((ramp * whole.output).sum(), leaves)
    given = torch.autograd.grad((ramp * joined).sum(), leaves)
    torch.testing.assert_close(given, expected)


def test_gradients_equal_differences_with_the_smooth_primitive():
    """Weights, recurrent weights, parameters, input and initial state in one gradcheck."""
    smooth = snn.Threshold("smooth", lambda x, a: 0 * x, lambda x, a: x)
    object.__setattr__(smooth, "name", "smooth")

    class Smooth(snn.Threshold):
        def __call__(self, x):
            return torch.sigmoid(4 * x)

    threshold = Smooth("smooth", smooth.derivative, smooth.primitive)

    def run(x, weight, square, tau_mem, v_th, v0):
        out = integrate(
            TOY,
            x,
            params=TOY.Params(10e-3 * tau_mem, v_th),
            state=snn.RecurrentState(TOY.State(v0), torch.zeros_like(v0)),
            weight=weight,
            recurrent_weight=square,
            threshold=threshold,
            dt=DT,
            record=("v",),
        )
        return out.output, out.traces.v

    one = torch.ones(3, dtype=torch.float64, requires_grad=True)
    inputs = (weights(0, 5, 2, 2), weights(1, 3, 2), weights(2, 3, 3), one, one, weights(3, 2, 3))
    assert torch.autograd.gradcheck(run, inputs)


def test_backward_graph_grows_linearly_with_time():
    def nodes(n_steps):
        out = integrate(TOY, spikes(0, n_steps, 1, 2), weight=weights(1, 3, 2), dt=DT)
        seen, todo = set(), [out.output.grad_fn]
        while todo:
            node = todo.pop()
            if node is not None and node not in seen:
                seen.add(node)
                todo += [following for following, _ in node.next_functions]
        return len(seen)

    short, middle, long = nodes(10), nodes(20), nodes(40)
    assert long - middle == 2 * (middle - short)


def test_bool_and_integer_spikes_take_the_dtype_of_the_weight():
    x, weight = spikes(0, 6, 2, 5), weights(1, 4, 5)
    expected = integrate(TOY, x, weight=weight, dt=DT).output
    for dtype in (torch.bool, torch.uint8, torch.int64):
        given = integrate(TOY, x.to(dtype), weight=weight, dt=DT).output
        assert torch.equal(given, expected)


def test_events_give_what_their_grid_gives():
    x, weight = spikes(0, 6, 2, 5), weights(1, 4, 5)
    events = snn.Events.from_grid(x, DT)
    expected = integrate(TOY, x, weight=weight, dt=DT).output
    assert torch.equal(integrate(TOY, events, weight=weight, dt=DT).output, expected)
    unprojected = integrate(TOY, events, dt=DT)
    assert torch.equal(unprojected.output, integrate(TOY, x.float(), dt=DT).output)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 2, 4), (3, 0, 2)])
def test_any_trailing_shape_one_step_and_an_empty_batch(shape):
    out = integrate(TOY, torch.ones(shape), dt=DT, record=("v",))
    assert out.output.shape == out.traces.v.shape == shape
    assert out.state.v.shape == shape[1:]


def test_traces_that_were_not_asked_for_are_none():
    assert integrate(TOY, torch.ones(2, 1, 1), dt=DT).traces.v is None


def test_under_autocast_the_state_keeps_single_precision():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = integrate(TOY, torch.ones(3, 2, 4), weight=torch.ones(5, 4), dt=DT, record=("v",))
    assert out.output.dtype == out.traces.v.dtype == torch.float32


def test_vmap_over_an_ensemble_of_weights():
    x, ensemble = spikes(0, 6, 2, 5), weights(1, 3, 4, 5)

    def run(weight):
        return integrate(TOY, x, weight=weight, dt=DT).output

    expected = torch.stack([run(weight) for weight in ensemble])
    assert torch.equal(torch.func.vmap(run)(ensemble), expected)


def test_a_whole_layer_compiles_into_one_graph():
    torch.manual_seed(0)
    layer = snn.Layer(5, 4, TOY, dt=DT, backend="eager")
    x = spikes(0, 6, 2, 5).float()
    with whole_graph(lambda x: layer(x).output) as compiled:
        assert torch.equal(compiled(x), layer(x).output)
