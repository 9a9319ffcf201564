"""The CADC and the MADC: when they read, what they round and add, what they have room for."""

from __future__ import annotations

import pytest
import torch
from snn_hardware.effects import Effects
from snn_hardware.figures import MADC_PERIOD
from snn_hardware.madc import check_madc_memory, read_madc
from snn_hardware.readout import check_memory, on_line, read_cadc, samples_needed

NONE = Effects.none()
US = 1e-6


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def read(trace, step, effects, *, dt=US, n_rows=38, offset=None, seed=0):
    return read_cadc(
        trace,
        step,
        dt=dt,
        n_rows=n_rows,
        effects=effects,
        offset=offset,
        generator=generator(seed),
    )


def random_trace(rows, batch=3, neurons=5):
    return 50 + 150 * torch.rand(rows, batch, neurons, generator=generator(1), dtype=torch.float64)


def test_the_published_example_of_a_line_between_samples():
    at = (torch.arange(7, dtype=torch.float64) - 2.5) / 2.0
    rows = on_line(torch.tensor([10.0, 20.0]), at)
    assert rows.tolist() == [10, 10, 10, 12.5, 17.5, 20, 20]


def test_with_nothing_on_every_row_is_the_trace_to_the_bit():
    trace = random_trace(38).float()
    assert torch.equal(read(trace, US, NONE).rows, trace)


def test_a_finer_trace_is_read_at_the_rows_of_the_grid():
    trace = random_trace(149)
    assert torch.equal(read(trace, 0.25 * US, NONE).rows, trace[::4])


@pytest.mark.parametrize("period", [1.7e-6, 2e-6, 2.3e-6, 6e-6])
@pytest.mark.parametrize("step", [0.25e-6, 0.4e-6, 1e-6])
def test_a_straight_membrane_is_read_straight_at_any_period(period, step):
    times = torch.arange(round(40e-6 / step) + 1, dtype=torch.float64) * step
    trace = (60 + 2e6 * times)[:, None, None]
    rows = read(trace, step, NONE._replace(cadc_period=period), n_rows=41).rows.flatten()
    wanted = 60 + 2e6 * torch.arange(41, dtype=torch.float64) * US
    reads = int((times[-1].item() + 1e-12) / period) + 1
    last = 60 + 2e6 * (reads - 1) * period
    assert torch.allclose(rows, wanted.clamp(max=last), rtol=0, atol=1e-9)


def test_between_reads_is_a_line_whatever_the_membrane_does_there():
    trace = random_trace(41)
    rows = read(trace, US, NONE._replace(cadc_period=4e-6), n_rows=41).rows
    reads = trace[::4]
    for k in range(10):
        for part in range(4):
            line = reads[k] + part / 4 * (reads[k + 1] - reads[k])
            assert torch.allclose(rows[4 * k + part], line, rtol=0, atol=1e-10)


def test_rows_after_the_last_read_are_constant():
    trace = random_trace(12)
    rows = read(trace, US, NONE._replace(cadc_period=2e-6), n_rows=20).rows
    assert torch.equal(rows[10:], trace[10].expand(10, 3, 5))


def test_halves_are_rounded_away_from_zero_and_ends_are_counted():
    trace = torch.tensor([0.49, 0.5, 100.5, 254.49, 254.5, 900.0, -7.0])[None, None]
    result = read(trace, US, Effects.only("cadc"), n_rows=1)
    assert result.rows.flatten().tolist() == [0, 1, 101, 254, 255, 255, 0]
    assert result.at_ends == 4


def test_reads_that_only_the_line_holds_are_not_counted_twice():
    trace = torch.full((41, 2, 3), 300.0)
    result = read(trace, US, Effects.only("cadc", "cadc_period"), n_rows=41)
    assert result.at_ends == 21 * 2 * 3


def test_the_offset_of_a_channel_is_added_to_its_reads():
    trace = random_trace(4)
    offset = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0], dtype=torch.float64)
    assert torch.equal(read(trace, US, NONE, n_rows=4, offset=offset).rows, trace + offset)


def test_noise_has_the_stated_spread_and_is_new_at_every_read():
    trace = torch.full((50, 40, 50), 120.0, dtype=torch.float64)
    noise = read(trace, US, NONE._replace(read_noise=1.2), n_rows=50).rows - 120
    count = noise.numel()
    assert abs(noise.mean()) < 5 * 1.2 / count**0.5
    assert abs(noise.std() / 1.2 - 1) < 5 / (2 * count) ** 0.5
    for a, b in ((noise[1:], noise[:-1]), (noise[:, 1:], noise[:, :-1])):
        assert abs((a * b).mean() / 1.44) < 5 / a.numel() ** 0.5


def test_noise_comes_before_rounding():
    """Rounding adds the variance of a uniform number of width 1: 1/12, next to exactly."""
    trace = torch.full((50, 40, 50), 120.3, dtype=torch.float64)
    effects = Effects.only("cadc")._replace(read_noise=1.2)
    rows = read(trace, US, effects, n_rows=50).rows
    assert torch.equal(rows, rows.round())
    assert abs(rows.var() / (1.44 + 1 / 12) - 1) < 5 * (2 / rows.numel()) ** 0.5
    assert abs(rows.mean() - 120.3) < 5 * 1.3 / rows.numel() ** 0.5


def test_the_seed_of_the_generator_decides():
    trace = random_trace(38)
    effects = Effects()
    first, again, other = (read(trace, US, effects, seed=seed).rows for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_membranes_given_are_left_as_they_are():
    trace = random_trace(38)
    before = trace.clone()
    read(trace, US, Effects()._replace(cadc_period=0.0))
    read(trace, US, Effects.only("cadc"))
    assert torch.equal(trace, before)


def test_single_precision_stays():
    assert read(random_trace(38).float(), US, Effects()).rows.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trace": torch.zeros(3, 2)}, r"\(T, B, N\)"),
        ({"trace": torch.zeros(0, 2, 1)}, "at least one row"),
        ({"trace": torch.zeros(3, 2, 1, dtype=torch.long)}, "floating point"),
        ({"step": 0.0}, "step must be a positive"),
        ({"dt": float("nan")}, "dt must be a positive"),
        ({"n_rows": 0}, "n_rows must be at least 1"),
        ({"offset": torch.zeros(2)}, "each of 1 neurons"),
        ({"effects": NONE._replace(cadc_period=1e-6)}, "needs 1.7 us"),
    ],
)
def test_what_cannot_be_read_is_refused(change, message):
    call = {"trace": torch.zeros(3, 2, 1), "step": US, "effects": NONE, **change}
    with pytest.raises(ValueError, match=message):
        read(**call)


@pytest.mark.parametrize(
    ("duration", "period", "fits"),
    [
        (200e-6, 2e-6, True),
        (202e-6, 2e-6, False),
        (170e-6, 1.7e-6, True),
        (599e-6, 5.99e-6, True),
        (601e-6, 5.99e-6, False),
        (601e-6, 6e-6, True),
        (1.2288, 6e-6, True),
        (1.22881, 6e-6, False),
        (10.0, 0.0, True),
    ],
)
def test_memory_for_samples_of_the_cadc(duration, period, fits):
    effects = Effects()._replace(cadc_period=period)
    if fits:
        check_memory(duration, effects)
    else:
        with pytest.raises(ValueError, match=r"needs \d+ CADC samples .* room for"):
            check_memory(duration, effects)
        check_memory(duration, effects._replace(sample_memory=False))


def test_the_message_about_memory_has_a_remedy_that_works():
    with pytest.raises(ValueError, match=r"cadc_period=6e-06 \(to DRAM\).*sample_memory=False"):
        check_memory(1e-3, Effects())
    check_memory(1e-3, Effects()._replace(cadc_period=6e-06))


def test_a_period_shorter_than_a_read_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match=r"1\.5 us, but the CADC needs 1\.7 us"):
        check_memory(10e-6, Effects()._replace(cadc_period=1.5e-6))


def test_samples_are_counted_before_the_end():
    assert [samples_needed(d, 2.0) for d in (0.1, 2.0, 2.1, 4.0)] == [1, 1, 2, 2]


def madc(trace, step, effects=NONE):
    return read_madc(trace, step, effects=effects, generator=generator())


def test_the_madc_reads_on_the_line_at_its_own_rate():
    trace = torch.linspace(60, 160, 101, dtype=torch.float64)[:, None].expand(101, 2)
    times, values = madc(trace, 0.1e-6)
    assert times.shape == (int(10e-6 / 34e-9) + 1,)
    assert torch.allclose(
        times, MADC_PERIOD.value * torch.arange(len(times), dtype=torch.float64), rtol=0, atol=1e-18
    )
    assert torch.allclose(values, 60 + 10e6 * times[:, None].expand(-1, 2), rtol=0, atol=1e-9)


def test_the_madc_has_ten_bits_on_the_scale_of_the_cadc():
    trace = torch.tensor([-5.0, 100.1, 435.0, 900.0], dtype=torch.float64)[None]
    _, values = madc(trace, US, Effects.only("cadc"))
    codes = values * 2.35
    assert torch.allclose(codes, codes.round(), rtol=0, atol=1e-9)
    assert codes.round().flatten().tolist() == [0, 235, 1022, 1023]


def test_the_noise_of_the_madc():
    trace = torch.full((300, 100), 120.0, dtype=torch.float64)
    _, values = madc(trace, MADC_PERIOD.value, NONE._replace(read_noise=1.2))
    assert values.shape == (300, 100)
    assert abs(values.std() / 1.2 - 1) < 5 / (2 * values.numel()) ** 0.5


def test_memory_for_samples_of_the_madc():
    check_madc_memory(65_535 * MADC_PERIOD.value, Effects())
    with pytest.raises(ValueError, match=r"needs 65536 MADC samples, .* at most 2\.228 ms"):
        check_madc_memory(65_536 * MADC_PERIOD.value, Effects())
    check_madc_memory(1.0, Effects()._replace(sample_memory=False))


@pytest.mark.parametrize(
    ("trace", "step", "message"),
    [
        (torch.zeros(3, 2, 2), US, "reads one neuron"),
        (torch.zeros(0, 2), US, "at least one row"),
        (torch.zeros(3, 2), -1.0, "step must be a positive"),
    ],
)
def test_what_the_madc_cannot_read_is_refused(trace, step, message):
    with pytest.raises(ValueError, match=message):
        madc(trace, step)
