"""Partition, usage and fit: numbers of runs, and of what is used, counted by hand."""

import pytest
import torch
from snn_hardware.placement import WHOLE, NoRoom, Request, describe, fit, partition, place, usage

CHIP = torch.ones(512, dtype=torch.bool)


@pytest.mark.parametrize(("n_out", "n_in", "runs"), [
    (512, 128, [512]), (513, 128, [512, 1]), (1000, 129, [256, 256, 256, 232]),
    (100, 784, [72, 28]), (3, 5, [3]),
])  # fmt: skip
def test_runs(n_out, n_in, runs):
    parts = partition(Request("a", n_out, n_in), CHIP)
    assert parts.runs == len(runs)
    assert torch.cat([torch.arange(n_out)[part] for part in parts.slices]).tolist() == [
        *range(n_out)
    ]
    for size, part, got in zip(runs, parts.slices, parts.places, strict=True):
        alone = place(Request("a", size, n_in), (), CHIP)
        assert part.stop - part.start == size
        assert got.request == alone.request
        assert all(torch.equal(a, b) for a, b in zip(got[1:], alone[1:], strict=True))


def test_runs_of_eight_circuits():
    parts = partition(Request("a", n_out=200, n_in=784, merged=8), CHIP)
    assert [len(one.circuits) for one in parts.places] == [64, 64, 64, 8]


def test_runs_leave_out_what_cannot_be_used():
    usable = CHIP.clone()
    usable[::2] = False
    found = partition(Request("a", 300, 1), usable)
    assert found.slices == (slice(0, 256), slice(256, 300))
    assert all(usable[one.circuits].all() for one in found.places)


def test_what_cannot_be_split():
    with pytest.raises(ValueError, match="'a' is recurrent and cannot be split into runs"):
        partition(Request("a", 600, 1, recurrent=True), CHIP)
    with pytest.raises(ValueError, match="pass circuits=None"):
        partition(Request("a", 2, 1, circuits=(1, 2)), CHIP)
    with pytest.raises(NoRoom, match=r"rows of a circuit.*Remedy: another .* \(merged=2\)"):
        partition(Request("a", 600, 200, merged=1), CHIP)
    with pytest.raises(NoRoom, match="Remedy: give it fewer inputs"):
        partition(Request("a", 1, 9000), CHIP)
    with pytest.raises(ValueError, match="n_out must be at least 1"):
        partition(Request("a", 0, 1), CHIP)


def test_usage_counted_by_hand():
    hidden = place(Request("hidden", n_out=120, n_in=5, replicas=5), (), CHIP)
    out = place(Request("out", n_out=3, n_in=120), (hidden,), CHIP)
    used = usage([hidden, out])
    assert used.circuits == 123
    assert used.synapses == 120 * 5 * 5 * 2 + 3 * 120 * 2
    assert used.rows == (240, 0)
    assert used.drivers == (120, 0)
    assert used.buses == ((64, 64, 64, 48), (0, 0, 0, 0))
    assert used.sources == ((5 + 32, 32, 32, 24), (0, 0, 0, 0))
    assert used.labels == 2
    assert used.outputs == (32, 32, 32, 27, 0, 0, 0, 0)
    assert used.links == (32, 31, 31, 31)


def test_usage_of_a_full_chip():
    hidden = place(Request("hidden", n_out=246, n_in=256), (), CHIP)
    out = place(Request("out", n_out=10, n_in=246), (hidden,), CHIP)
    used = usage([hidden, out])
    # 128 inputs are above, 128 below; 10 neurons have no synapses for 10 of 256 sources.
    assert (used.circuits, used.rows, used.drivers) == (512, (256, 256), (128, 128))
    assert used.synapses == WHOLE.synapses - 10 * 10 * 2
    assert used.outputs == (32,) * 8
    assert used.buses == WHOLE.buses
    assert used.sources == ((64,) * 4, (64, 64, 64, 54))


def test_usage_of_recurrent_neurons_and_rows_of_one_sign():
    one = place(Request("r", n_out=40, n_in=3, recurrent=True, signed=False), (), CHIP)
    used = usage([one])
    assert used.synapses == 40 * 43
    assert used.rows == (43, 0)  # 32 on bus 0, 8 on bus 1; three inputs
    assert used.buses == ((35, 8, 0, 0), (0,) * 4)
    assert used.sources == used.buses
    assert used.drivers == (18 + 4, 0)
    assert used.labels == 2  # two sources on the two rows of a driver
    assert used.outputs[:3] == (32, 8, 0)


def test_nothing_uses_nothing():
    used = usage(())
    assert (used.circuits, used.rows, used.labels, used.links) == (0, (0, 0), 0, (0,) * 4)


def test_described():
    text = describe(usage([place(Request("a", 3, 5), (), CHIP)]))
    assert "circuits: 3 of 512" in text
    assert "rows of a hemisphere: 10, 0 of 256 each" in text
    assert "neurons of an event output: 3, 0, 0, 0, 0, 0, 0, 0 of 64 each" in text


def test_a_network_that_fits():
    found = fit([Request("hidden", 246, 256), Request("out", 10, 246)], CHIP)
    assert found.fits
    assert (found.reason, found.runs) == ("", (1, 1))
    assert found.usage == usage(found.places)
    assert found.usage.circuits == 512


def test_a_network_that_does_not_fit():
    found = fit([Request("in", 500, 8), Request("wide", 900, 500), Request("out", 2, 900)], CHIP)
    assert not found.fits
    assert [layer.request.name for layer in found.places] == ["in"]
    assert found.reason.startswith("no room (circuits): layer 'wide' needs 3600 circuits")
    assert found.usage.circuits == 500
    assert found.runs == (1, 8, 1)  # 4 circuits a neuron, 128 neurons a run


def test_a_layer_that_fits_in_no_number_of_runs():
    found = fit([Request("r", 600, 8, recurrent=True), Request("many", 1, 9000)], CHIP)
    assert (found.fits, found.places, found.runs) == (False, (), (0, 0))


def test_fit_raises_for_what_makes_no_sense():
    with pytest.raises(ValueError, match="layer 'b': n_in must be at least 1, got 0"):
        fit([Request("a", 600, 1), Request("b", 1, 0)], CHIP)
