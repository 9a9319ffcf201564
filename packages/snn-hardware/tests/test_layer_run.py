"""One call of a layer: in whose units and times it is measured, how it runs, what arrives."""

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects
from snn_hardware.observation import on_rows
from snn_hardware.pattern import Pattern
from snn_neurons import li, lif

DT = 1e-6
PARAMS = lif.Params(tau_mem=10e-6, tau_syn=8e-6)
MILLIVOLTS = {
    "lif": lif.Params(tau_mem=10e-6, tau_syn=8e-6, v_leak=-65.0, v_th=-50.0, v_reset=-68.0),
    "li": li.Params(tau_mem=10e-6, tau_syn=8e-6, v_leak=-65.0),
}
NONE = Effects.none()


def drawn(n_steps=40, n_batch=4, n_in=20, n_out=30, rate=0.1, dtype=torch.float64):
    draw = torch.Generator().manual_seed(4)
    x = (torch.rand(n_steps, n_batch, n_in, generator=draw) < rate).to(dtype)
    weight = torch.randn(n_out, n_in, generator=draw).to(dtype)
    return x, weight.mul(64).round() / 64  # sums of such are exact in any order


def read(membrane, per_unit):
    """Membranes in millivolts as 8 bits hold them: leak -65 is 80 LSB."""
    lsb = 80 + (membrane + 65) * per_unit
    return -65 + ((lsb + 0.5).floor().clamp(0, 255) - 80) / per_unit


@pytest.mark.parametrize(
    ("neuron", "options", "per_unit"),
    [("lif", {}, 3.0), ("li", {}, 45.0), ("li", {"per_unit": 1.5}, 1.5)],
)
@pytest.mark.parametrize("inject", [("z",), ("v", "z")])
def test_the_cadc_reads_a_model_whose_leak_is_not_zero(neuron, options, per_unit, inject):
    x, weight = drawn()
    weight = weight * 45 / per_unit
    chip = Chip(effects=Effects.only("cadc")).at("layer", inject=inject, **options)
    call = {"weight": weight, "params": MILLIVOLTS[neuron], "dt": DT}
    seen = snn.integrate(neuron, x, backend=chip, **call).observed
    exact = snn.integrate(neuron, x, backend="auto", record=("v",), **call).traces.v
    assert len(exact.mul(per_unit).round().unique()) > 60  # LSB that are gone through
    torch.testing.assert_close(seen.membrane_cadc, read(exact, per_unit), rtol=0, atol=1e-9)


def test_between_two_reads_of_such_a_model_lie_lines_and_offsets_are_lsb():
    x, weight = drawn()
    effects = Effects.only("cadc_period", "read_offset")
    call = {"weight": weight * 15, "params": MILLIVOLTS["lif"], "dt": DT}
    seen = snn.integrate("lif", x, backend=Chip(effects=effects), **call).observed
    exact = snn.integrate("lif", x, backend="auto", record=("v",), **call).traces.v
    away = (seen.membrane_cadc - exact)[::2] * 3
    offset = 1.5 * Pattern(0).circuits("read offset")[:30]
    torch.testing.assert_close(away, offset.expand_as(away), rtol=0, atol=1e-9)
    between = (exact[0:-2:2] + exact[2::2]) / 2 + offset / 3
    torch.testing.assert_close(seen.membrane_cadc[1:-1:2], between, rtol=0, atol=1e-9)


@pytest.mark.parametrize("acceleration", [1.0, 1000.0])
def test_the_madc_tells_its_times_in_seconds_of_the_model(acceleration):
    x, weight = drawn()
    dt = DT * acceleration
    params = lif.Params(tau_mem=10e-6 * acceleration, tau_syn=8e-6 * acceleration)
    chip = Chip(effects=NONE, acceleration=acceleration).at("layer", madc=3)
    call = {"weight": weight, "params": params, "dt": dt}
    times, values = snn.integrate("lif", x, backend=chip, **call).observed.madc
    # every 17 cycles of 500 MHz, up to the last row at 39 us: 39e-6 / 34e-9 = 1147.06
    wanted = torch.arange(1148).double() * (17 / 500e6) * acceleration
    torch.testing.assert_close(times, wanted, rtol=1e-12, atol=0)
    exact = snn.integrate("lif", x, backend="auto", record=("v",), **call).traces.v[:, :, 3]
    below = (times / dt).floor().long()
    share = (times / dt - below)[:, None]
    line = exact[below] * (1 - share) + exact[below + 1] * share
    torch.testing.assert_close(values, line, rtol=0, atol=1e-9)


def test_with_membranes_alone_the_spikes_stay_the_models():
    x, weight = drawn()
    x.requires_grad_(), weight.requires_grad_()
    call = {"weight": weight, "params": PARAMS, "dt": DT, "record": ("v",)}
    chip = Chip(effects=Effects()._replace(weights=False)).at("layer", inject=("v",))
    found = snn.integrate("lif", x, backend=chip, **call)
    seen = found.observed
    assert seen.injected.z is None
    # what the chip fired is known, and is not what the model takes
    assert seen.spikes.sum() > 50
    assert not torch.equal(found.output, seen.spikes)
    outs = [found]
    for also in (None, seen.spikes):
        observed = snn.Observed(v=seen.membrane_cadc, z=also)
        outs.append(snn.integrate("lif", x, observed=observed, backend="auto", **call))
    grads = [
        torch.autograd.grad(out.output.square().sum() + out.traces.v.sum(), (x, weight))
        for out in outs
    ]
    ours, membranes, both = zip(outs, grads, strict=True)
    assert torch.equal(ours[0].output, membranes[0].output)
    assert torch.equal(ours[0].traces.v, membranes[0].traces.v)
    assert all(map(torch.equal, ours[1], membranes[1]))
    assert not torch.equal(ours[0].output, both[0].output)
    assert not torch.equal(ours[1][1], both[1][1])


@pytest.mark.parametrize(("acceleration", "wait", "steps"), [(1.0, 4e-6, 4), (1000.0, 12e-6, 12)])
def test_membranes_relax_for_the_wait_of_the_chip(acceleration, wait, steps):
    """All samples are one recording, with so many steps of silence between two."""
    x, weight = drawn(n_steps=20)
    params = lif.Params(tau_mem=10e-6 * acceleration, tau_syn=8e-6 * acceleration)
    call = {"weight": weight, "params": params, "dt": DT * acceleration}
    effects = NONE._replace(residual_state=True)
    chip = Chip(effects=effects, acceleration=acceleration, wait=wait)
    found = snn.integrate("lif", x, backend=chip, **call)

    def one_recording(silence):
        pause = torch.zeros(silence, 1, 20).double()
        whole = torch.cat([torch.cat([one, pause]) for one in x.split(1, dim=1)])
        out = snn.integrate("lif", whole, backend="auto", record=("v",), **call)
        apart = (out.output, out.traces.v)
        return [torch.cat([part[:20] for part in one.split(20 + silence)], 1) for one in apart]

    spikes, membranes = one_recording(steps)
    assert spikes.sum() > 50
    assert torch.equal(found.output, spikes)
    torch.testing.assert_close(found.observed.trace.v, membranes, rtol=0, atol=1e-12)
    assert not torch.equal(found.output, one_recording(0)[0])


@pytest.mark.parametrize("dt", [0.5e-6, 1e-6])
def test_what_a_recurrent_layer_fires_comes_back_in_the_next_step(dt):
    """Not in the next row, which has several: the layer is simulated step by step."""
    per_row = round(dt / 0.25e-6)
    x, weight = drawn(dtype=torch.float32, rate=0.2)
    back = drawn(1, 1, 30, 30)[1].float() / 2
    effects = NONE._replace(time_step=0.25e-6)
    call = {"weight": weight, "recurrent_weight": back, "params": PARAMS}
    found = snn.integrate("lif", x, dt=dt, backend=Chip(effects=effects), **call)
    fine = torch.zeros(40 * per_row, 4, 20)
    fine[::per_row] = x
    steps = snn.integrate("lif", fine, dt=0.25e-6, record=("v",), backend="eager", **call)
    rows, merged, _ = on_rows(steps.output, per_row)
    assert rows.sum() > 200
    assert torch.equal(found.output, rows)
    assert found.observed.lost.merged == merged
    torch.testing.assert_close(
        found.observed.membrane_cadc, steps.traces.v[::per_row], rtol=0, atol=1e-5
    )
    alone = snn.integrate(
        "lif", x, dt=dt, backend=Chip(effects=effects), weight=weight, params=PARAMS
    )
    assert (found.output != alone.output).float().mean() > 0.05


def volley(n_each):
    """Two samples with 4 sources, each at a link of its own: at 240 ns and, half as many, 1600."""
    times = torch.cat([torch.full((4 * n_each,), 240e-9), torch.full((2 * n_each,), 1600e-9)])
    index = torch.cat([torch.arange(4).repeat(n_each), torch.arange(4).repeat(n_each // 2)])
    silent = torch.full((6 * n_each,), torch.inf)
    return snn.Events(
        torch.stack([times.double(), silent.double()]),
        torch.stack([index, torch.full_like(index, -1)]),
        (4,),
        2400e-9,
    )


@pytest.mark.parametrize("on_grid", [True, False])
def test_events_that_crowd_a_link_are_dropped_and_counted(on_grid):
    """In 80 ns a link carries 10 events, and its FIFO holds 8: 18 of 30, and all of the 15."""
    x, weight = volley(30), torch.linspace(0.01, 0.1, 24).reshape(6, 4).double()
    params = lif.Params(tau_mem=2e-6, tau_syn=2e-6)
    call = {"weight": weight.requires_grad_(), "params": params}
    effects = Effects.only("links")._replace(time_step=0.0 if on_grid else 80e-9)
    chip = Chip(effects=effects)
    if on_grid:
        call["dt"] = 80e-9
    else:
        chip = chip.with_gradient("eventprop_exact")
    out = snn.integrate("lif", x, backend=chip, **call)
    lost = out.observed.lost
    assert (lost.sent, lost.dropped_in) == (4 * 45, 4 * 12)

    arrived = torch.zeros(30, 2, 4).double()
    arrived[3, 0], arrived[20, 0] = 18, 15
    sent = arrived.clone()
    sent[3, 0] = 30
    simulated = {"weight": weight, "params": params, "dt": 80e-9, "backend": "eager"}
    wanted, without_links = (
        snn.integrate("lif", one, **simulated).output.sum(0) for one in (arrived, sent)
    )
    spikes = out.output.sum(0) if on_grid else _counts(out.output, 6)
    assert wanted.sum() > 4
    assert torch.equal(spikes, wanted)
    assert not torch.equal(wanted, without_links)


def _counts(events, n):
    """How often each neuron fired, ``(B, n)``."""
    found = [row[row >= 0].bincount(minlength=n) for row in events.index]
    return torch.stack(found).double()
