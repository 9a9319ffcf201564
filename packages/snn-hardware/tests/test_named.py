"""Backend ``bss2`` by name: chip 0, calibrated to the call, each call for itself."""

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip
from snn_neurons import lif

PARAMS = lif.Params(tau_mem=10e-6, tau_syn=10e-6)


def drawn():
    draw = torch.Generator().manual_seed(0)
    x = (torch.rand(30, 2, 20, generator=draw) < 0.2).float()
    return x, torch.randn(30, 20, generator=draw).requires_grad_()


def run(backend, x, weight, params=PARAMS, neuron="lif"):
    return snn.integrate(neuron, x, weight=weight, params=params, dt=1e-6, backend=backend)


@pytest.mark.parametrize("name", ["bss2", "brainscales2", "BrainScaleS-2", "snn-hardware/bss2"])
def test_it_is_chip_0_calibrated_to_the_neurons(name):
    x, weight = drawn()
    chip = Chip(0)
    chip.calibrate(chip.target_for(PARAMS))
    found, wanted = run(name, x, weight), run(chip, x, weight)
    assert torch.equal(found.output, wanted.output)
    assert torch.equal(found.observed.trace.v, wanted.observed.trace.v)
    assert found.output.sum() > 50
    found.output.sum().backward()
    assert weight.grad.any()


def test_calls_know_nothing_of_each_other():
    x, weight = drawn()
    torch.manual_seed(3)
    first = run("bss2", x, weight)
    for _ in range(30):  # of 30 circuits each: a chip would be full
        again = run("bss2", x, weight * 1.0)
    assert torch.equal(first.output, again.output)
    # their noise is fresh, and comes from torch's random numbers
    assert not torch.equal(first.observed.membrane_cadc, again.observed.membrane_cadc)
    torch.manual_seed(3)
    same = run("bss2", x, weight)
    assert torch.equal(first.observed.membrane_cadc, same.observed.membrane_cadc)


def test_another_working_point_is_another_calibration():
    x, weight = drawn()
    params = PARAMS._replace(tau_mem=6e-6)
    chip = Chip(0)
    chip.calibrate(chip.target_for(params))
    assert torch.equal(run("bss2", x, weight, params).output, run(chip, x, weight, params).output)


def test_what_cannot_run_says_why():
    x, weight = drawn()
    with pytest.raises(
        snn.Unsupported, match=r"'bss2' cannot run this: tau_mem = 0.01 s .*acceler"
    ):
        run("bss2", x, weight, lif.Params())
    with pytest.raises(snn.Unsupported, match=r"current-based.*neuron 'iaf' has no 'tau_mem'"):
        run("bss2", x, weight, None, "iaf")
    with pytest.raises(snn.Unsupported, match=r"no room \(circuits\)"):
        run("bss2", x, torch.zeros(600, 20))


def test_auto_never_takes_it():
    assert snn.backend("bss2").rank is None
    x, weight = drawn()
    assert run("auto", x, weight).observed is None
