"""Chip: layers are known again by the memory of their weights or by name; calibrations in use."""

import copy
import gc

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects, Target
from snn_neurons import lif, lif_refractory

DT = 1e-6
PARAMS = lif.Params(tau_mem=10e-6, tau_syn=10e-6)


def drawn(n_out=30, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = (torch.rand(20, 2, 20, generator=draw) < 0.2).float()
    return x, torch.randn(n_out, 20, generator=draw).requires_grad_()


def run(chip, x, weight, params=PARAMS, neuron="lif"):
    return snn.integrate(neuron, x, weight=weight, params=params, dt=DT, backend=chip)


def circuits(chip):
    return {one.name: one.held.circuits.tolist() for one in chip.report().layers}


def module(chip, n_out=30, neuron="lif"):
    return snn.Layer(20, n_out, neuron, params=PARAMS, dt=DT, backend=chip)


def test_a_weight_that_learns_keeps_its_circuits():
    x, weight = drawn()
    chip = Chip(3)
    run(chip, x, weight)
    before = circuits(chip)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    run(chip, x, weight).output.sum().backward()
    optimizer.step()
    run(chip, x, weight)
    run(chip, x, weight.detach())  # the same memory
    weight.data.mul_(2)
    run(chip, x, weight)
    assert circuits(chip) == before == {"layer 1": list(range(30))}
    assert chip.report().layers[0].seen.calls == 5


def test_two_layers_have_circuits_of_their_own():
    x, first = drawn()
    second = drawn(seed=1)[1]
    chip = Chip(3)
    run(chip, x, first)
    run(chip, x, second)
    held = circuits(chip)
    assert held["layer 1"] == list(range(30))
    assert held["layer 2"] == list(range(30, 60))


def test_views_of_one_vector_are_layers_of_their_own():
    x, _ = drawn()
    vector = torch.randn(2 * 30 * 20)
    chip = Chip(3)
    for part in vector.chunk(2):
        run(chip, x, part.view(30, 20))
    assert len(circuits(chip)) == 2


def test_a_weight_that_is_gone_frees_its_circuits():
    x, weight = drawn(n_out=400)
    chip = Chip(3)
    with pytest.raises(snn.Unsupported, match=r"88 too few|288 too few"):
        [run(chip, x, one) for one in (weight, drawn(n_out=400, seed=1)[1])]
    for seed in (1, 2):
        del weight
        gc.collect()
        weight = drawn(n_out=400, seed=seed)[1]
        run(chip, x, weight)
        assert list(circuits(chip).values()) == [list(range(400))]


def test_a_layer_that_never_ran_frees_its_circuits():
    chip = Chip(3)
    for _ in range(3):
        layer = module(chip, 300)
        assert list(circuits(chip).values()) == [list(range(300))]
        del layer
        gc.collect()


@pytest.mark.parametrize("effects", [Effects(), Effects.none()])
def test_training_frees_its_circuits_when_it_is_over(effects):
    x, _ = drawn()
    chip = Chip(3, effects=effects)
    layer = module(chip, 300)
    layer(x).output.sum().backward()
    assert len(chip.report().layers) == 1
    del layer
    gc.collect()
    assert chip.report().layers == ()
    module(chip, 300)  # both would not fit


def test_a_computed_weight_needs_a_name():
    x, weight = drawn()
    chip = Chip(3)
    with pytest.raises(snn.Unsupported, match=r"is computed.*backend=chip.at\('hidden'\)"):
        run(chip, x, weight * 2)
    for factor in (2, 3):
        run(chip.at("hidden"), x, weight * factor)
    assert list(circuits(chip)) == ["hidden"]
    assert chip.report().layers[0].seen.calls == 2


def test_names_win_over_memory_and_can_be_released():
    x, weight = drawn()
    chip = Chip(3)
    first = run(chip.at("a"), x, weight)
    second = run(chip.at("b"), x, weight)
    assert circuits(chip) == {"a": list(range(30)), "b": list(range(30, 60))}
    assert not torch.equal(first.output, second.output)
    chip.release("a")
    run(chip.at("c"), x, weight)
    assert circuits(chip)["c"] == list(range(30))
    run(chip, x, weight)
    chip.release("layer 1")
    assert sorted(circuits(chip)) == ["b", "c"]


def test_a_copy_of_a_network_runs_on_the_same_chip():
    x, _ = drawn()
    chip = Chip(3)
    layer = module(chip)
    twin = copy.deepcopy(layer)
    assert copy.deepcopy(chip) is chip
    out, other = layer(x), twin(x)
    assert len(circuits(chip)) == 2
    assert out.output.shape == other.output.shape


def test_a_full_chip_says_so_when_a_layer_is_made():
    chip = Chip(3)
    first = module(chip, 500)
    with pytest.raises(snn.Unsupported, match=r"no room \(circuits\).*needs 30 circuits.* 18 too"):
        module(chip, 30)
    assert module(chip, 12).weight.shape == (12, 20)
    assert first.weight.shape == (500, 20)


def test_every_handle_shares_everything():
    chip = Chip(3, effects=Effects.only("weights"))
    handles = (
        chip.at("a"),
        chip.with_gradient("eventprop"),
        chip.at("b").with_gradient("surrogate"),
    )
    found = chip.calibrate()
    for one in handles:
        assert (one.seed, one.effects, one.calibration) == (3, chip.effects, found)


def test_a_calibration_brings_the_circuits_to_the_target():
    x, weight = drawn(n_out=200)
    weight = weight.detach() * 0
    spread = []
    for calibrated in (False, True):
        chip = Chip(3, effects=Effects()._replace(read_noise=0.0, read_offset=0.0))
        if calibrated:
            chip.calibrate(chip.target_for(PARAMS))
        seen = run(chip, x * 0, weight).observed
        spread.append(seen.membrane_cadc[0].std().item() * 45)
    assert spread[0] > 5 > 3 > spread[1]


def test_layers_are_placed_anew_on_what_calibration_left():
    x, weight = drawn()
    chip = Chip(3, effects=Effects()._replace(dead=0.2))
    run(chip, x, weight)
    found = chip.calibrate(chip.target_for(PARAMS))
    assert circuits(chip) == {}
    run(chip, x, weight)
    wanted = found.ok.nonzero().flatten()[:30].tolist()
    assert list(circuits(chip).values()) == [wanted]
    assert wanted != list(range(30))


def test_a_calibration_is_stored_and_taken_again(tmp_path):
    x, weight = drawn()
    chip = Chip(3)
    found = chip.calibrate(chip.target_for(PARAMS))
    found.save(tmp_path / "chip.pt")
    other = Chip(3)
    other.use(tmp_path / "chip.pt")
    assert torch.equal(run(chip, x, weight).output, run(other, x, weight).output)
    for wrong in (Chip(4), Chip(3, effects=Effects.none())):
        with pytest.raises(ValueError, match=r"belongs to a chip of (number|other effects)"):
            wrong.use(found)
        assert wrong.calibration is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tau_mem": 11e-6}, "model has tau_mem = 1.1e-05 s, the chip is calibrated to 1e-05 s"),
        ({"tau_syn": 9e-6}, "model has tau_syn = 9e-06 s"),
        ({"v_reset": -0.5}, r"v_reset = -0.5, which is 57.5 LSB.*80 LSB; .*with reset=57.5"),
    ],
)
def test_parameters_that_changed_after_a_calibration_are_noticed(changed, message):
    x, weight = drawn()
    chip = Chip(3)
    chip.calibrate(chip.target_for(PARAMS))
    run(chip, x, weight)
    with pytest.raises(snn.Unsupported, match=message):
        run(chip, x, weight, PARAMS._replace(**changed))
    chip.calibrate(chip.target_for(PARAMS._replace(**changed)))
    run(chip, x, weight, PARAMS._replace(**changed))


def test_a_refractory_time_is_calibrated_too():
    x, weight = drawn()
    chip = Chip(3)
    chip.calibrate(Target(refractory_time=2e-6))
    call = {"x": x, "weight": weight, "neuron": "lif_refractory"}
    run(chip, params=lif_refractory.Params(10e-6, 10e-6, refractory_time=2e-6), **call)
    with pytest.raises(snn.Unsupported, match="has refractory_time = 5e-06 s"):
        run(chip, params=lif_refractory.Params(10e-6, 10e-6, refractory_time=5e-6), **call)


def test_time_constants_that_are_learnt_run_on_a_chip_that_is_not_calibrated():
    x, weight = drawn()
    chip = Chip(3)
    for step in range(100):
        tau = torch.tensor(10e-6 * (1 + step / 100), requires_grad=True)
        out = run(chip, x, weight, PARAMS._replace(tau_mem=tau))
    out.output.sum().backward()
    assert tau.grad is not None
    assert len(circuits(chip)) == 1
    assert len(chip._hardware._values) <= 64  # not one for each value that there ever was


def test_its_looks():
    chip = Chip.ideal(seed=3)
    assert repr(chip) == "Chip(seed=3, ideal, gradient='surrogate', not calibrated)"
    chip.calibrate()
    assert repr(chip.with_gradient("eventprop")).endswith("gradient='eventprop', calibrated)")
    assert "backend=bss2" in repr(module(chip))


def test_what_a_write_adds_is_drawn_anew_and_circuits_stay():
    x = (torch.rand(40, 4, 12, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    weight = torch.full((9, 12), 0.3)
    params = lif.Params(tau_mem=10e-6, tau_syn=10e-6)
    chip = Chip(seed=3)
    with pytest.raises(ValueError, match="not calibrated has nothing to write"):
        chip.write_again()
    found = chip.calibrate()

    def run():
        out = snn.integrate("lif", x, weight=weight, params=params, dt=1e-6, backend=chip.at("a"))
        return out.observed.trace.v, chip.report().layers[0].held.circuits

    (before, circuits), _ = run(), chip.write_again()
    after, same = run()
    assert torch.equal(circuits, same)
    assert not torch.equal(before, after)
    chip.use(found)  # the write that was measured
    assert torch.equal(run()[0], before)
