"""Forward: the numbers of ``cuba_lif_integration``, the current one row later."""

import pytest
import torch
from snn_eventprop.functional import (
    EventPropLIFFunction,
    EventPropNeuron,
    EventPropNeuronFunction,
    EventPropParams,
)
from snn_neurons.functional import HardwareObservables, cuba_lif_integration

DT = 1e-6
PLAIN = EventPropParams(leak=0.1, reset=-0.2, threshold=0.9, tau_syn=7e-6, tau_mem=11e-6)
TENSORS = EventPropParams(*(torch.tensor(value, dtype=torch.float64) for value in PLAIN))
DTYPES = (torch.float32, torch.float64)


def of_neurons(x, params, hw_data=None):
    return cuba_lif_integration(
        x[0], **params._asdict(), method="superspike", alpha=50.0, hw_data=hw_data, dt=DT,
        backend="eager",
    )  # fmt: skip


def check(x, params, hw_data=None):
    """Bit by bit; returns what the EventProp neuron gave."""
    given = EventPropNeuron.apply(x, params, DT, hw_data)
    expected = of_neurons(x, params, hw_data)
    assert torch.equal(given.spikes, expected.spikes)
    assert torch.equal(given.membrane, expected.membrane)
    assert torch.equal(given.current[1:], expected.current[:-1])
    assert not given.current[0].any()
    return given


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("params", [PLAIN, TENSORS], ids=["numbers", "0-d tensors"])
def test_spikes_and_membrane_are_those_of_lif_to_the_bit(dtype, params, drive):
    out = check(drive(60, 3, 700, dtype=dtype), params)
    assert 0.01 < out.spikes.mean() < 0.5
    assert {one.dtype for one in out} == {dtype}


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_neuron_has_its_own_parameters(dtype, drive, uneven):
    check(drive(60, 4, 9, dtype=dtype), uneven(9, dtype))


def test_neurons_may_have_any_shape_and_memory_any_strides(drive):
    x = drive(20, 3, 4, 5)
    out = check(x, PLAIN)
    assert out.spikes.shape == (20, 3, 4, 5)
    strided = x.transpose(2, 4).contiguous().transpose(2, 4)
    assert torch.equal(EventPropNeuron.apply(strided, PLAIN, DT).membrane, out.membrane)


def test_the_start_is_rest_and_the_last_input_is_unused(drive):
    x = drive(30, 2, 5)
    out = EventPropNeuron.apply(x, PLAIN, DT)
    assert not out.spikes[0].any()
    assert bool((out.membrane[0] == PLAIN.leak).all())
    x[0, -1] = 100.0
    again = EventPropNeuron.apply(x, PLAIN, DT)
    assert all(torch.equal(one, other) for one, other in zip(out, again, strict=True))


def test_one_step_and_no_samples():
    one = EventPropNeuron.apply(torch.ones(2, 1, 2, 3), PLAIN, DT)
    assert one.membrane.tolist() == torch.full((1, 2, 3), 0.1).tolist()
    x = torch.ones(2, 5, 0, 3, requires_grad=True)
    none = EventPropNeuron.apply(x, PLAIN, DT)
    none.spikes.sum().backward()
    assert none.spikes.shape == (5, 0, 3)
    assert x.grad.shape == x.shape


def test_the_three_names_are_one_function(drive):
    x = drive(40, 2, 6)
    assert EventPropLIFFunction is EventPropNeuronFunction
    by_record = EventPropNeuron.apply(x, PLAIN, DT)
    one_by_one = EventPropNeuronFunction.apply(x, *PLAIN, None, DT)
    assert all(torch.equal(one, other) for one, other in zip(by_record, one_by_one, strict=True))
    default = EventPropNeuronFunction.apply(x, *PLAIN)
    assert torch.equal(default.membrane, by_record.membrane)


def test_the_number_of_threads_changes_nothing(drive):
    x = drive(40, 8, 900).requires_grad_()
    before, results = torch.get_num_threads(), []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            out = EventPropNeuron.apply(x, PLAIN, DT)
            results.append((*out, *torch.autograd.grad(out.spikes.cos().sum(), x)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize("rows", [24, 30, 31])
@pytest.mark.parametrize("recorded", ["spikes", "membrane", "both"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_recorded_traces_act_as_in_lif(rows, recorded, dtype, drive, source):
    x = drive(30, 2, 5, dtype=dtype)
    z = (torch.rand(rows, 2, 5, generator=source) < 0.2).to(dtype)
    v = torch.randn(rows, 2, 5, generator=source, dtype=dtype)
    hw = HardwareObservables(
        spikes=None if recorded == "membrane" else z,
        membrane_cadc=None if recorded == "spikes" else v,
    )
    out = check(x, PLAIN, hw)
    assert out.spikes.shape == out.membrane.shape == out.current.shape == (min(rows, 30), 2, 5)
    if recorded != "membrane":
        assert torch.equal(out.spikes, z[:30])
    if recorded != "spikes":
        assert torch.equal(out.membrane, v[:30])
