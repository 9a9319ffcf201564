"""What is measured: rows, stamps, membranes; and that measuring changes nothing else."""

import math

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects
from snn_hardware.observation import Trace, on_rows, stamped
from snn_hardware.pattern import Pattern
from snn_neurons import li, lif

DT = 1e-6
SEED = 7
LIF = lif.Params(tau_mem=10e-6, tau_syn=8e-6)
LI = li.Params(tau_mem=10e-6, tau_syn=8e-6)
NONE = Effects.none()


def layer(n_steps=40, n_out=30):
    draw = torch.Generator().manual_seed(1)
    x = (torch.rand(n_steps, 4, 20, generator=draw) < 0.1).double()
    return x, torch.randn(n_out, 20, generator=draw).double().mul(64).round() / 64


def on_chip(effects, x, weight, neuron="lif", dt=DT, params=None, **at):
    params = params or (LI if neuron == "li" else LIF)
    chip = Chip(SEED, effects=effects).at("layer", **at)
    return snn.integrate(neuron, x, weight=weight, params=params, dt=dt, backend=chip)


def membranes(effects, **at):
    """Membranes in LSB without effects, and as read with these; the spikes are the same."""
    x, weight = layer()
    plain, seen = (on_chip(one, x, weight, **at) for one in (NONE, effects))
    assert torch.equal(plain.output, seen.output)
    assert torch.equal(plain.observed.trace.v, seen.observed.trace.v)
    return [out.observed.membrane_cadc * 45 + 80 for out in (plain, seen)]


@pytest.mark.parametrize("per_row", range(1, 9))
def test_spikes_come_to_the_nearest_row(per_row):
    draw = torch.Generator().manual_seed(per_row)
    n_rows = 6
    z = (torch.rand(n_rows * per_row, 3, 5, generator=draw) < 0.15).double()
    wanted, merged, late = torch.zeros(n_rows, 3, 5).double(), 0, 0
    for step, sample, neuron in z.nonzero().tolist():
        # halfway into the step before; on the rows of the grid itself where steps are rows
        row = step if per_row == 1 else math.floor((step - 0.5) / per_row + 0.5)
        if row >= n_rows:
            late += 1
        elif wanted[max(row, 0), sample, neuron]:
            merged += 1
        else:
            wanted[max(row, 0), sample, neuron] = 1
    rows, found_merged, found_late = on_rows(z, per_row)
    assert torch.equal(rows, wanted)
    assert (found_merged, found_late) == (merged, late)
    assert per_row < 4 or (merged and late)


@pytest.mark.parametrize("n_rows", [1, 2])
def test_few_rows(n_rows):
    rows, merged, late = on_rows(torch.ones(n_rows * 4, 1, 1), 4)
    assert rows.flatten().tolist() == [1.0] * n_rows
    assert merged + late + n_rows == n_rows * 4


def trace_of(z, passed, step=1e-6):
    return Trace(z, torch.zeros_like(z), passed, step)


def test_stamps_are_moments_of_crossings_in_their_order():
    z, passed = torch.zeros(5, 2, 3), torch.zeros(5, 2, 3)
    z[3, 0, 2] = z[3, 0, 1] = z[1, 1, 0] = 1
    passed[3, 0, 2], passed[3, 0, 1] = 0.75, 0.5
    found = stamped(trace_of(z, passed), clock=0.0, duration=5e-6)
    wanted = torch.tensor([[2.25e-6, 2.5e-6], [1e-6, torch.inf]], dtype=torch.float64)
    torch.testing.assert_close(found.times, wanted)
    assert found.index.tolist() == [[2, 1], [0, -1]]


def test_stamps_after_the_end_are_left_out():
    z = torch.zeros(5, 1, 1)
    z[4] = 1
    assert len(stamped(trace_of(z, None), clock=0.0, duration=5e-6).times[0]) == 1
    # by a clock of 3 us it is at 5: after the end
    assert len(stamped(trace_of(z, None), clock=2.5e-6, duration=5e-6).times[0]) == 0


def test_no_spike_has_no_stamp():
    z = torch.zeros(5, 2, 3)
    assert stamped(trace_of(z, None), clock=8e-9, duration=5e-6).times.shape == (2, 0)


def test_no_sample_has_no_stamps():
    z = torch.zeros(5, 2, 3)
    assert stamped(trace_of(z[:, :0], None), clock=8e-9, duration=5e-6).times.shape == (0, 0)


@pytest.mark.parametrize("acceleration", [1.0, 1000.0])
def test_only_event_clock(acceleration):
    x, weight = layer()
    params = lif.Params(10e-6 * acceleration, 8e-6 * acceleration)
    fine = NONE._replace(time_step=0.25e-6)
    exact, ticked = (
        snn.integrate(
            "lif", x, weight=weight, params=params, dt=DT * acceleration,
            backend=Chip(SEED, effects=effects, acceleration=acceleration),
        )
        for effects in (fine, fine._replace(event_clock=True))
    )  # fmt: skip
    assert torch.equal(exact.output, ticked.output)
    assert torch.equal(exact.observed.trace.v, ticked.observed.trace.v)
    clock = 8e-9 * acceleration
    sorted_by_neuron = []
    for out in (exact, ticked):
        events = out.observed.events
        order = (events.times + events.index * 1.0).argsort(-1)
        sorted_by_neuron.append(events.times.gather(1, order)[events.times.isfinite()])
    before, after = sorted_by_neuron
    assert len(after) > 50
    assert (after / clock - (after / clock).round()).abs().max() < 1e-6
    assert (after - before).abs().max() <= clock / 2 * (1 + 1e-9)
    assert not torch.equal(before, after)


def test_only_links():
    """Hand-counted: at 80 ns a channel carries 10 events and the 8 of its FIFO."""
    x, weight = torch.zeros(60, 2, 100).double(), torch.zeros(40, 100).double()
    x[3, 0] = 1  # 25 for each of 4 links: the first 18 of each, sources 0 to 71, arrive
    weight[:, :72] = 1.0
    weight[:, 72:] = -50.0
    params = LIF._replace(tau_mem=2e-6)
    out = on_chip(Effects.only("links"), x, weight, dt=80e-9, params=params)
    fewer = x.clone()
    fewer[3, 0, 72:] = 0
    plain = snn.integrate("lif", fewer, weight=weight, params=params, dt=80e-9, backend="eager")
    lost = out.observed.lost
    assert (lost.sent, lost.dropped_in) == (100, 28)
    # circuits 0 to 31 share an output: the last find it full when all fire, more so if it was full
    # the step before; circuits 32 to 39 have another
    waiting, dropped, volleys = 0, 0, 0
    for step in plain.output[:, 0]:
        room = 18 - waiting
        if step[0]:
            volleys += 1
            dropped += 32 - room
            step[room:32] = 0
        waiting = max(0, waiting + int(step[:32].sum()) - 10)
    assert volleys > 2
    assert (lost.fired, lost.dropped_out) == (40 * volleys, dropped)
    assert torch.equal(out.output, plain.output)


def test_runs_one_after_the_other_do_not_crowd_each_other():
    x, weight = torch.zeros(60, 1, 20).double(), torch.full((1024, 20), 20.0).double()
    x[2] = 1
    chips = Chip(effects=Effects.only("links"), partition=True), Chip(effects=Effects.only("links"))
    call = {"params": LIF, "dt": 1e-7}
    both = snn.integrate("lif", x, weight=weight, backend=chips[0], **call)
    half = snn.integrate("lif", x, weight=weight[:512], backend=chips[1], **call)
    assert half.observed.lost.dropped_out > 0
    assert torch.equal(both.output, half.output.repeat(1, 1, 2))


def test_only_cadc():
    exact, seen = membranes(Effects.only("cadc"))
    torch.testing.assert_close(seen, (exact + 0.5).floor().clamp(0, 255), rtol=0, atol=1e-9)


def test_only_cadc_period():
    exact, seen = membranes(Effects.only("cadc_period"))
    between = (exact[0:-2:2] + exact[2::2]) / 2
    torch.testing.assert_close(seen[::2], exact[::2], rtol=0, atol=1e-9)
    torch.testing.assert_close(seen[1:-1:2], between, rtol=0, atol=1e-9)


def test_only_read_noise():
    exact, seen = membranes(Effects.only("read_noise"))
    noise, count = seen - exact, exact.numel()
    assert noise.mean().abs() < 5 * 1.2 / math.sqrt(count)
    assert noise.var().item() / 1.2**2 == pytest.approx(1, abs=5 * math.sqrt(2 / count))
    lagged = (noise[1:] * noise[:-1]).mean() / 1.2**2
    assert lagged.abs() < 5 / math.sqrt(count)


def test_only_read_offset():
    exact, seen = membranes(Effects.only("read_offset"))
    offset = 1.5 * Pattern(SEED).circuits("read offset")[:30]
    torch.testing.assert_close(seen - exact, offset.expand_as(exact), rtol=0, atol=1e-9)


def test_only_sample_memory():
    x, weight = layer(n_steps=250)
    on = Effects.only("sample_memory")._replace(cadc_period=2e-6)
    chip = Chip(SEED, effects=on)
    call = {"weight": weight, "params": LI, "dt": DT}
    with pytest.raises(snn.Unsupported, match=r"of 250 us needs 125 CADC samples.* room for 100"):
        snn.integrate("li", x, backend=chip, **call)
    assert chip.report().layers == ()  # before anything was placed or ran
    short, long = on_chip(on, x[:200], weight, "li"), on_chip(NONE, x[:200], weight, "li")
    torch.testing.assert_close(short.output[::2], long.output[::2])
    # spikes alone take none of its memory
    assert torch.equal(on_chip(on, x, weight).output, on_chip(NONE, x, weight).output)


def test_reads_are_the_same_at_every_look():
    x, weight = layer()
    seen = on_chip(Effects(), x, weight, madc=3).observed
    assert seen.membrane_cadc is seen.membrane_cadc
    assert seen.membrane_madc is seen.madc[1]
    assert torch.equal(seen.source.read(), seen.membrane_cadc)
    assert torch.equal(seen.hw_data().spikes, seen.spikes)
    injected = on_chip(Effects(), x, weight, inject=("v", "z")).observed
    assert torch.equal(injected.injected.v, injected.membrane_cadc)


def test_the_madc_reads_its_neuron():
    x, weight = layer()
    seen = on_chip(NONE, x, weight, madc=3).observed
    times, values = seen.madc
    assert torch.equal(times, torch.arange(len(times)).double() * (17 / 500e6))
    v, row = seen.trace.v[:, :, 3], times / DT
    below = row.floor().long()
    share = (row - below)[:, None]
    line = v[below] * (1 - share) + v[(below + 1).clamp(max=len(v) - 1)] * share
    torch.testing.assert_close(values, line, rtol=0, atol=1e-6)
    assert on_chip(NONE, x, weight).observed.membrane_madc is None


def test_without_a_grid_there_is_no_membrane():
    x = snn.Events(torch.tensor([[1e-6]]), torch.tensor([[0]]), (1,), 30e-6)
    chip = Chip(SEED).with_gradient("eventprop_exact")
    weight = torch.ones(2, 1).double()
    out = snn.integrate("lif", x, weight=weight, params=LIF, backend=chip)
    assert out.observed.spikes is None
    with pytest.raises(ValueError, match="read on a grid, and this call has none: pass dt"):
        out.observed.membrane_cadc  # noqa: B018


def test_no_sample_without_a_grid():
    nothing = torch.zeros(0, 3)
    x = snn.Events(nothing.double(), nothing.long(), (1,), 30e-6)
    chip = Chip(SEED).with_gradient("eventprop_exact")
    weight = torch.ones(2, 1).double()
    out = snn.integrate("lif", x, weight=weight, params=LIF, backend=chip)
    assert out.output.times.shape == (0, 0)
