"""In the loop: replayed recordings have the same gradient, and a seed is a chip."""

import math

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects
from snn_hardware.pattern import Pattern
from snn_hardware.synapses import on_steps
from snn_neurons import li, lif, lif_refractory

DT = 1e-6
PARAMS = {
    "lif": lif.Params(tau_mem=10e-6, tau_syn=8e-6),
    "lif_refractory": lif_refractory.Params(tau_mem=10e-6, tau_syn=8e-6, refractory_time=3e-6),
    "li": li.Params(tau_mem=10e-6, tau_syn=8e-6),
}


def layer(n_batch=4, recurrent=False, dtype=torch.float64):
    draw = torch.Generator().manual_seed(2)
    x = (torch.rand(40, n_batch, 20, generator=draw) < 0.1).to(dtype).requires_grad_()
    weight = torch.randn(30, 20, generator=draw).to(dtype).requires_grad_()
    back = torch.randn(30, 30, generator=draw).to(dtype).div(4).requires_grad_()
    return x, weight, back if recurrent else None


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(
    ("neuron", "inject"),
    [("lif", ("z",)), ("lif", ("v", "z")), ("lif_refractory", ("v", "z")), ("li", ("v",))],
)
def test_replay_has_the_same_gradients_to_the_bit(neuron, inject, recurrent, dtype):
    x, weight, back = layer(recurrent=recurrent, dtype=dtype)
    leaves = [one for one in (x, weight, back) if one is not None]
    call = {"params": PARAMS[neuron], "dt": DT, "record": ("v",)}
    chip = Chip(seed=7).at("layer", inject=inject)
    found = snn.integrate(neuron, x, weight=weight, recurrent_weight=back, backend=chip, **call)
    scale = chip.report().layers[0].seen.scale
    replayed = snn.integrate(
        neuron, x, weight=on_steps(weight, scale, 1, "clip").model,
        recurrent_weight=None if back is None else on_steps(back, scale, 1, "clip").model,
        observed=found.observed.injected, backend="auto", **call,
    )  # fmt: skip
    assert (found.observed.injected.v is None) == ("v" not in inject)
    assert torch.equal(found.output, replayed.output)
    assert torch.equal(found.traces.v, replayed.traces.v)
    grads = [
        torch.autograd.grad(out.output.square().sum() + out.traces.v.sum(), leaves)
        for out in (found, replayed)
    ]
    assert all(bool(one.any()) for one in grads[0])
    assert all(map(torch.equal, *grads))


@pytest.mark.parametrize("mapping", ["clip", "masked", "exponential"])
def test_replay_with_every_mapping_and_replicas(mapping):
    x, weight, _ = layer()
    weight = (weight.detach() * 4).requires_grad_()
    chip = Chip(seed=7).at("layer", mapping=mapping, replicas=2)
    call = {"params": PARAMS["lif"], "dt": DT}
    found = snn.integrate("lif", x, weight=weight, backend=chip, **call)
    scale = chip.report().layers[0].seen.scale
    model = on_steps(weight, scale, 2, mapping).model
    seen = found.observed.injected
    replayed = snn.integrate("lif", x, weight=model, observed=seen, backend="auto", **call)
    grads = [torch.autograd.grad(out.output.sum(), weight)[0] for out in (found, replayed)]
    assert torch.equal(*grads)
    cut = (weight.detach() * scale).abs() > 126
    assert cut.any()
    assert bool(grads[0][cut].any()) == (mapping != "masked")


def test_dropped_input_is_what_the_model_sees_too():
    x, weight = torch.zeros(30, 1, 100).double(), torch.ones(4, 100).double().requires_grad_()
    x[3] = 1
    chip = Chip(effects=Effects.only("links"))
    out = snn.integrate("lif", x, weight=weight, params=PARAMS["lif"], dt=80e-9, backend=chip)
    (grad,) = torch.autograd.grad(out.output.sum(), weight)
    assert out.observed.lost.dropped_in == 28  # of 25 a link 18 arrive
    assert (grad != 0).all(0).tolist() == [True] * 72 + [False] * 28


def test_the_same_seed_is_the_same_chip_and_another_is_another():
    x, weight, _ = layer()
    call = {"weight": weight, "params": PARAMS["lif"], "dt": DT}
    one, same, other = (snn.integrate("lif", x, backend=Chip(s), **call) for s in (3, 3, 4))
    assert torch.equal(one.output, same.output)
    assert torch.equal(one.observed.membrane_cadc, same.observed.membrane_cadc)
    assert not torch.equal(one.output, other.output)


def test_each_call_has_noise_of_its_own():
    x, weight, _ = layer()
    chip = Chip(3)
    call = {"weight": weight, "params": PARAMS["lif"], "dt": DT, "backend": chip}
    first, second = (snn.integrate("lif", x, **call) for _ in range(2))
    assert torch.equal(first.output, second.output)
    assert not torch.equal(first.observed.membrane_cadc, second.observed.membrane_cadc)


def test_the_pattern_knows_no_batch_dtype_or_order_of_layers():
    x, weight, _ = layer()
    quiet = Effects()._replace(read_noise=0.0)
    call = {"params": PARAMS["lif"], "dt": DT}

    def run(chip, x, weight):
        return snn.integrate("lif", x, weight=weight, backend=chip, **call)

    whole = run(Chip(3, effects=quiet), x, weight)
    part = run(Chip(3, effects=quiet), x[:, 2:3], weight)
    assert torch.equal(whole.output[:, 2:3], part.output)
    assert torch.equal(whole.observed.membrane_cadc[:, 2:3], part.observed.membrane_cadc)
    single = run(Chip(3, effects=quiet), x.float(), weight.detach().float())
    assert (single.output == whole.output).double().mean() > 0.999
    # another layer was there before, on circuits of its own; this one has those it had
    busy = Chip(3, effects=quiet)
    run(busy.at("other", circuits=tuple(range(100, 130))), x, weight)
    again = run(busy.at("this", circuits=tuple(range(30))), x, weight)
    assert torch.equal(again.output, whole.output)


@pytest.fixture
def threads():
    """Sets the number of threads; afterwards it is what it was."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_on_any_number_of_threads(threads):
    x, weight, _ = layer(n_batch=40)
    runs = []
    for n in (1, 2, 3):
        threads(n)
        chip = Chip(7)
        codes = chip.calibrate(chip.target_for(PARAMS["lif"])).codes
        call = {"weight": weight, "params": PARAMS["lif"], "dt": DT}
        seen = snn.integrate("lif", x, backend=chip, **call).observed
        runs.append((*codes, seen.spikes, seen.membrane_cadc, seen.events.times))
    for one in runs[1:]:
        assert all(map(torch.equal, one, runs[0]))


N_CHIPS = 8
COUNT = 512 * N_CHIPS


def drawn(quantity):
    return torch.stack([Pattern(seed).circuits(quantity) for seed in range(N_CHIPS)])


def assert_standard_normal(found):
    count = found.numel()
    assert found.mean().abs() < 5 / math.sqrt(count)
    assert found.var().item() == pytest.approx(1, abs=5 * math.sqrt(2 / count))
    # chi-square of 16 equally likely classes: mean 15, std sqrt(30)
    classes = (torch.special.ndtr(found.flatten()) * 16).long().clamp(max=15).bincount(minlength=16)
    chi_square = ((classes - count / 16) ** 2 / (count / 16)).sum().item()
    assert chi_square < 15 + 6 * math.sqrt(30)


@pytest.mark.parametrize("quantity", ["excitatory efficacy", "inhibitory efficacy", "read offset"])
def test_patterns_are_standard_normal_and_independent_of_each_other(quantity):
    found = drawn(quantity)
    assert_standard_normal(found)
    off_diagonal = torch.corrcoef(found) - torch.eye(N_CHIPS)
    assert off_diagonal.abs().max() < 5 / math.sqrt(512)
    for other in {"excitatory efficacy", "inhibitory efficacy", "read offset"} - {quantity}:
        assert abs((found * drawn(other)).mean().item()) < 5 / math.sqrt(COUNT)


def test_synapses_are_standard_normal_and_independent_of_their_neighbours():
    one, other = Pattern(1).synapses(), Pattern(2).synapses()
    assert_standard_normal(one)
    for left, right in ((one, other), (one[1:], one[:-1]), (one[:, 1:], one[:, :-1])):
        assert abs((left * right).mean().item()) < 5 / math.sqrt(left.numel())


def test_dead_circuits_are_as_many_as_stated_and_a_larger_fraction_adds_some():
    few = torch.stack([Pattern(seed).dead(0.01) for seed in range(40)])
    more = torch.stack([Pattern(seed).dead(0.1) for seed in range(40)])
    for found, fraction in ((few, 0.01), (more, 0.1)):
        mean, count = fraction * found.numel(), found.numel()
        assert int(found.sum()) == pytest.approx(
            mean, abs=5 * math.sqrt(count * fraction * (1 - fraction))
        )
    assert not (few & ~more).any()
    assert not Pattern(0).dead(0.0).any()
