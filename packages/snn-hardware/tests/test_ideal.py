"""The ideal chip is the simulator to the bit: spikes, gradients, traces and the end of a run."""

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip
from snn_neurons import li, lif, lif_refractory

DT = 1e-6
PARAMS = {
    "lif": lif.Params(tau_mem=10e-6, tau_syn=8e-6),
    "lif_refractory": lif_refractory.Params(tau_mem=10e-6, tau_syn=8e-6, refractory_time=3e-6),
    "li": li.Params(tau_mem=10e-6, tau_syn=8e-6),
}
STATES = {"lif": ("v", "i"), "lif_refractory": ("v", "i", "ref"), "li": ("v", "i")}
SHAPES = [(40, 3, 20, 12), (2, 1, 1, 1), (25, 1, 9, 31)]  # T, B, N_in, N_out


def layer(shape=SHAPES[0], dtype=torch.float64, recurrent=False, seed=0):
    """Input, weight, recurrent weight or None, all with gradients; and what weighs the outputs."""
    n_steps, n_batch, n_in, n_out = shape
    draw = torch.Generator().manual_seed(seed)
    x = (torch.rand(n_steps, n_batch, n_in, generator=draw) < 0.15).to(dtype)
    # multiples of 1/64, of which sums are exact in any order
    weight = torch.randn(n_out, n_in, generator=draw).to(dtype).mul(64).round() / 64
    back = torch.randn(n_out, n_out, generator=draw).to(dtype).mul(16).round() / 64
    back = back if recurrent else None
    mix = torch.randn(n_steps, n_batch, n_out, generator=draw).to(dtype)
    leaves = [x, weight, back]
    return [None if one is None else one.requires_grad_() for one in leaves], mix


def everything(neuron, backend, leaves, mix, **options):
    """Output, traces, end and gradients, by name."""
    x, weight, back = leaves
    out = snn.integrate(
        neuron, x, weight=weight, recurrent_weight=back, dt=DT, backend=backend,
        **{"params": PARAMS[neuron], "record": STATES[neuron], **options},
    )  # fmt: skip
    wanted = [one for one in leaves if one is not None]
    grads = torch.autograd.grad((out.output * mix).sum(), wanted)
    end = out.state if back is None else (*out.state.neuron, out.state.output)
    named = {f"grad {place}": one for place, one in enumerate(grads)}
    named |= {f"end {place}": one for place, one in enumerate(end)}
    return named | {"output": out.output} | out.traces._asdict()


def assert_same(found, wanted, ulps=0.0, of="grad"):
    """To the bit; what begins with ``of`` to so many units of rounding of its largest entry."""
    assert found.keys() == wanted.keys()
    for name, one in wanted.items():
        tolerance = ulps * torch.finfo(one.dtype).eps * one.detach().abs().max().item()
        if name.startswith(of) and tolerance:
            torch.testing.assert_close(found[name], one, rtol=0, atol=tolerance)
        else:
            assert torch.equal(found[name], one), name


@pytest.mark.parametrize("neuron", PARAMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("recurrent", [False, True])
def test_it_is_the_simulator(neuron, dtype, recurrent):
    for seed, shape in enumerate(SHAPES):
        leaves, mix = layer(shape, dtype, recurrent, seed)
        on_chip = everything(neuron, Chip.ideal(), leaves, mix)
        assert_same(on_chip, everything(neuron, "auto", leaves, mix))
        # eager sums gradients in another order; a recurrent li sums membranes, which are no spikes
        of = "" if neuron == "li" and recurrent else "grad"
        assert_same(on_chip, everything(neuron, "eager", leaves, mix), ulps=256, of=of)


def test_the_layers_above_do_fire():
    leaves, mix = layer()
    assert 50 < everything("lif", Chip.ideal(), leaves, mix)["output"].sum() < 400


@pytest.mark.parametrize("threshold", ["super_spike", "atan", "sigmoid"])
@pytest.mark.parametrize("strict", [True, False])
def test_with_any_threshold(threshold, strict):
    record = snn.threshold(threshold, alpha=3.0, strict=strict)
    leaves, mix = layer()
    found = everything("lif", Chip.ideal(), leaves, mix, threshold=record)
    assert_same(found, everything("lif", "auto", leaves, mix, threshold=record))


def test_with_any_potentials_and_a_gradient_of_time_constants():
    leaves, mix = layer()
    tau = torch.tensor(10e-6, dtype=torch.float64, requires_grad=True)
    params = lif.Params(tau, 8e-6, v_th=-50.0, v_reset=-71.0, v_leak=-65.0)
    leaves = [leaves[0], (leaves[1].detach() * 15).requires_grad_(), None]
    found, wanted = [
        everything("lif", one, leaves, mix, params=params) for one in (Chip.ideal(), "auto")
    ]
    assert wanted["output"].sum() > 50
    assert_same(found, wanted)


@pytest.mark.parametrize("kind", ["bool", "integers", "events"])
def test_with_any_input(kind):
    (x, weight, _), mix = layer()
    x = x.detach()
    taken = {
        "bool": x.bool(), "integers": x.long(), "events": snn.Events.from_grid(x, DT),
    }[kind]  # fmt: skip
    call = {"weight": weight, "params": PARAMS["lif"], "dt": DT}
    runs = [snn.integrate("lif", taken, backend=one, **call) for one in (Chip.ideal(), "auto")]
    grads = [torch.autograd.grad((out.output * mix).sum(), weight)[0] for out in runs]
    assert torch.equal(runs[0].output, runs[1].output)
    assert torch.equal(*grads)


def test_counts_of_several_spikes_in_a_row():
    (x, weight, _), mix = layer()
    leaves = [(x.detach() * 3).requires_grad_(), weight, None]
    assert_same(
        everything("lif", Chip.ideal(), leaves, mix), everything("lif", "auto", leaves, mix)
    )


def test_stacked_layers_and_a_readout():
    draw = torch.Generator().manual_seed(5)
    x = (torch.rand(40, 4, 20, generator=draw) < 0.1).double()
    weights = [
        torch.randn(size, generator=draw).double().mul(0.8).requires_grad_()
        for size in ((30, 20), (15, 30), (3, 15))
    ]

    def run(backend):
        z, names = x, ("lif", "lif_refractory", "li")
        for name, weight in zip(names, weights, strict=True):
            out = snn.integrate(name, z, weight=weight, params=PARAMS[name], dt=DT, backend=backend)
            z = out.output
        return z, torch.autograd.grad(z.amax(0).square().sum(), weights)

    (found, grads), (wanted, expected) = run(Chip.ideal()), run("auto")
    assert found.abs().max() > 0.1
    assert torch.equal(found, wanted)
    assert all(map(torch.equal, grads, expected))
    assert all(bool(one.any()) for one in grads)


def test_membranes_may_be_injected_too():
    leaves, mix = layer()
    # a measured membrane has had its reset: the model's trace is the simulator's
    both = Chip.ideal().at("hidden", inject=("v", "z"))
    found, wanted = [everything("lif", one, leaves, mix) for one in (both, "auto")]
    for name in ("output", "v", "i"):
        assert torch.equal(found[name], wanted[name])


def test_what_is_measured_is_what_the_simulator_records():
    (x, weight, _), _ = layer()
    call = {"weight": weight, "params": PARAMS["lif"], "dt": DT}
    measured = snn.integrate("lif", x, backend=Chip.ideal(), **call).observed
    plain = snn.integrate("lif", x, backend="eager", record=("v",), **call)
    assert torch.equal(measured.spikes, plain.output)
    assert torch.equal(measured.membrane_cadc, plain.traces.v)
    assert torch.equal(measured.events.to_grid(DT), plain.output.float())


@pytest.mark.parametrize("neuron", PARAMS)
@pytest.mark.parametrize("n_out", [513, 1100])
def test_a_layer_in_several_runs_is_one_of_a_large_chip(neuron, n_out):
    leaves, mix = layer((12, 2, 20, n_out))
    chip = Chip.ideal(partition=True)
    found = everything(neuron, chip, leaves, mix)
    (one,) = chip.report().layers
    assert len(one.held.runs) == -(-n_out // 512)
    assert_same(found, everything(neuron, "auto", leaves, mix))


@pytest.mark.parametrize(("n_in", "circuits"), [(128, 1), (129, 2), (784, 7)])
def test_merged_neurons_are_neurons(n_in, circuits):
    leaves, mix = layer((12, 2, n_in, 20))
    chip = Chip.ideal()
    found = everything("lif", chip, leaves, mix)
    assert chip.report().layers[0].held.runs[0].circuits.shape == (20, circuits)
    assert_same(found, everything("lif", "auto", leaves, mix))


def test_replicas_and_a_calibration_change_nothing():
    leaves, mix = layer()
    wanted = everything("lif", "auto", leaves, mix)
    chip = Chip.ideal(seed=3)
    assert_same(everything("lif", chip.at("hidden", replicas=5), leaves, mix), wanted)
    chip.calibrate(chip.target_for(PARAMS["lif"]))
    assert_same(everything("lif", chip, leaves, mix), wanted)


def test_model_and_chip_may_have_different_seconds():
    leaves, _ = layer()
    slow = lif.Params(tau_mem=10e-3, tau_syn=8e-3)
    call = {"weight": leaves[1], "params": slow, "dt": 1e-3}
    chip = Chip.ideal(acceleration=1000.0)
    found, wanted = [snn.integrate("lif", leaves[0], backend=one, **call) for one in (chip, "auto")]
    assert torch.equal(found.output, wanted.output)
    assert wanted.output.sum() > 50
