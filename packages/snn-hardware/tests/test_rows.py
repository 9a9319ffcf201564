"""Rows of the grid in one step of a backend: the same to the bit as steps one by one."""

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects
from snn_hardware.analog.layer import Analog
from snn_hardware.analog.rows import by_rows, steps_before
from snn_hardware.observation import on_rows
from snn_neurons import li, lif, lif_refractory

PARAMS = {
    "lif": lif.Params(tau_mem=6e-6, tau_syn=5e-6),
    "lif_refractory": lif_refractory.Params(tau_mem=6e-6, tau_syn=5e-6, refractory_time=2e-6),
    "li": li.Params(tau_mem=6e-6, tau_syn=5e-6),
}


def drawn(seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(40, 5, 12, generator=generator) < 0.2).float()
    weight = torch.randn(9, 12, generator=generator)
    return x, weight


@pytest.mark.parametrize("backend", ["eager", "auto"])
@pytest.mark.parametrize("per_row", [2, 3, 4, 7])
@pytest.mark.parametrize("neuron", PARAMS)
def test_rows_are_the_steps_to_the_bit(neuron, per_row, backend):
    x, weight = drawn()
    fine = torch.zeros(40 * per_row, 5, 12)
    fine[::per_row] = x
    call = {"weight": weight, "params": PARAMS[neuron], "backend": backend}
    steps = snn.integrate(neuron, fine, dt=1e-6 / per_row, record=("v",), **call)
    one = by_rows(snn.neuron(neuron), per_row)
    rows = snn.integrate(one, x, dt=1e-6, record=("seen",), **call)
    assert torch.equal(rows.traces.seen, steps.traces.v[::per_row])
    if neuron == "li":
        assert torch.equal(rows.output, rows.traces.seen)
        return
    wanted, merged, _ = on_rows(steps.output, per_row)
    assert wanted.sum() > 50
    assert torch.equal(rows.output.clamp(max=1), wanted)
    assert int(rows.output.sum() - wanted.sum()) == merged


def test_steps_before_the_input():
    assert [steps_before(n) for n in (1, 2, 3, 4, 5, 8)] == [0, 0, 1, 1, 2, 3]


@pytest.mark.parametrize("inject", [("z",), ("v", "z")])
def test_a_chip_gives_the_same_by_rows_and_by_steps(inject, monkeypatch):
    x, weight = drawn()
    weight.requires_grad_()
    found = []
    for _ in range(2):
        weight.grad = None
        out = snn.integrate(
            "lif",
            x,
            weight=weight,
            params=PARAMS["lif"],
            dt=1e-6,
            backend=Chip(5).at("a", inject=inject),
        )
        out.output.square().sum().backward()
        seen = out.observed
        found.append((out.output, weight.grad, seen.membrane_cadc, seen.events.times))
        monkeypatch.setattr(Analog, "rows_suffice", False)
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize(
    ("effects", "suffice"),
    [
        (Effects(), True),
        (Effects.none(), False),
        (Effects()._replace(membrane_noise=1.0), False),
        (Effects()._replace(residual_state=True), False),
        (Effects()._replace(cadc_period=1.7e-6), False),
        (Effects()._replace(cadc_period=0.0), True),
        (Effects()._replace(time_step=0.05e-6), False),
    ],
)
def test_when_rows_suffice(effects, suffice, monkeypatch):
    seen = []
    inner = Analog.run
    monkeypatch.setattr(
        Analog,
        "run",
        lambda self, *args, **options: (
            seen.append(self.rows_suffice) or inner(self, *args, **options)
        ),
    )
    x, weight = drawn()
    snn.integrate(
        "lif", x, weight=weight, params=PARAMS["lif"], dt=1e-6, backend=Chip(5, effects=effects)
    )
    assert seen == [suffice]


def test_events_of_an_input_that_was_changed_are_refused():
    x, weight = drawn()
    out = snn.integrate("lif", x, weight=weight, params=PARAMS["lif"], dt=1e-6, backend=Chip(5))
    x.zero_()
    with pytest.raises(RuntimeError, match="changed in place after the call"):
        _ = out.observed.events


def test_events_do_not_follow_a_weight_that_was_trained_on():
    x, weight = drawn()
    calls = [
        snn.integrate("lif", x, weight=weight, params=PARAMS["lif"], dt=1e-6, backend=Chip.ideal())
        for _ in range(2)
    ]
    first = calls[0].observed.events
    weight.mul_(2)
    assert torch.equal(calls[1].observed.events.times, first.times)
