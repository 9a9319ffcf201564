"""Placement: cases that can be counted by hand, and each error with its remedy."""

import pickle
import re
import time

import pytest
import torch
from snn_hardware.placement import NoRoom, Request, place

CHIP = torch.ones(512, dtype=torch.bool)


def without(*circuits):
    usable = CHIP.clone()
    usable[list(circuits)] = False
    return usable


def misfit(request, taken=(), usable=CHIP):
    with pytest.raises(NoRoom) as error:
        place(request, taken, usable)
    return error.value


def test_yin_yang_with_five_replicas():
    hidden = place(Request("hidden", n_out=120, n_in=5, replicas=5), (), CHIP)
    out = place(Request("out", n_out=3, n_in=120), (hidden,), CHIP)
    assert hidden.circuits.flatten().tolist() == list(range(120))
    assert hidden.rows.shape == (5, 5, 2)
    assert hidden.rows.flatten().tolist() == list(range(50))  # 5 sources, 5 pairs each
    assert hidden.labels.tolist() == [0] * 5
    assert out.circuits.tolist() == [[120], [121], [122]]
    assert out.rows.flatten().tolist() == list(range(240))
    # On the 25 drivers of the hidden layer 0 is taken; the others are free.
    assert out.labels.tolist() == [1] * 25 + [0] * 95


def test_784_inputs_take_seven_circuits_eight_in_practice():
    seven = Request("wide", n_out=72, n_in=784)  # 2 halves of floor(256 / 7) = 36
    assert place(seven, (), CHIP).circuits.shape == (72, 7)
    eight = seven._replace(n_out=64, merged=8)
    whole = place(eight, (), CHIP)
    assert sorted(whole.circuits.flatten().tolist()) == list(range(512))
    assert whole.circuits[1].tolist() == [4, 260, 5, 261, 6, 262, 7, 263]
    assert whole.part.bincount().tolist() == [128] * 6 + [16]
    assert misfit(seven._replace(n_out=73)).what == "circuits of a half for merging"
    assert misfit(eight._replace(n_out=65)).what == "circuits"


def test_256_246_10_fills_the_chip():
    hidden = place(Request("hidden", n_out=246, n_in=256), (), CHIP)
    out = place(Request("out", n_out=10, n_in=246), (hidden,), CHIP)
    every = torch.cat([hidden.circuits.flatten(), out.circuits.flatten()])
    assert sorted(every.tolist()) == list(range(512))
    assert torch.equal(hidden.circuits[:, 1], hidden.circuits[:, 0] + 256)
    more = misfit(Request("more", n_out=1, n_in=1), (hidden, out))
    assert (more.what, more.missing) == ("circuits", 1)


@pytest.mark.parametrize(("n_in", "replicas", "signed", "circuits"), [
    (128, 1, True, 1), (129, 1, True, 2), (256, 1, False, 1), (257, 1, False, 2),
    (25, 5, True, 1), (26, 5, True, 2), (51, 5, False, 1), (52, 5, False, 2),
])  # fmt: skip
def test_as_few_circuits_as_needed(n_in, replicas, signed, circuits):
    request = Request("a", n_out=3, n_in=n_in, replicas=replicas, signed=signed)
    assert place(request, (), CHIP).circuits.shape == (3, circuits)


def test_recurrent_neurons_and_inputs_share_the_rows():
    # 32 neurons of each event output 0...3 drive one bus each: 128 pairs, all of one circuit.
    full = place(Request("r", n_out=128, n_in=128, recurrent=True, merged=2), (), CHIP)
    assert full.recurrent_part.tolist() == [0] * 128
    assert full.part.tolist() == [1] * 128
    buses = full.recurrent_rows // 64
    assert buses.flatten(1).unique(dim=1).flatten().tolist() == [n // 32 for n in range(128)]
    short = misfit(Request("r", n_out=128, n_in=129, recurrent=True, merged=2))
    assert (short.what, short.missing) == ("rows of a circuit", 2)


def test_circuits_that_cannot_be_used_are_left_out():
    one = place(Request("a", n_out=3, n_in=1), (), without(0, 2))
    assert one.circuits.flatten().tolist() == [1, 3, 4]
    two = place(Request("a", n_out=2, n_in=200), (), without(256, 2))
    assert two.circuits.tolist() == [[1, 257], [3, 259]]
    three = place(Request("a", n_out=2, n_in=300), (), without(257))
    assert three.circuits.tolist() == [[0, 256, 1], [2, 258, 3]]


def test_merged_circuits_stay_in_their_half():
    nearly = without(*range(126), *range(256, 382))  # columns 126 and 127 of the left half remain
    four, six = (place(Request("a", 1, 100, merged=m), (), nearly) for m in (4, 6))
    assert four.circuits.tolist() == [[126, 382, 127, 383]]
    assert six.circuits.tolist() == [[128, 384, 129, 385, 130, 386]]


def test_circuits_by_hand_win():
    request = Request("a", n_out=2, n_in=1, circuits=(300, 7))
    assert place(request, (), CHIP).circuits.tolist() == [[300], [7]]
    merged = place(request._replace(merged=4), (), CHIP)
    assert merged.circuits.tolist() == [[300, 44, 301, 45], [7, 263, 8, 264]]
    last = place(Request("b", n_out=1, n_in=3, circuits=(127,), merged=2), (), CHIP)
    assert last.circuits.tolist() == [[127, 383]]


@pytest.mark.parametrize(("request_", "text"), [
    (Request("a", 2, 1, circuits=(9, 3)), "circuit 3, asked for neuron 1, is taken by layer 'old'"),
    (Request("a", 1, 1, circuits=(50,)), "circuit 50, asked for neuron 0, is masked or failed"),
    (Request("a", 1, 1, circuits=(306,), merged=2), "merged: circuit 50 is masked or failed"),
    (Request("a", 1, 1, circuits=(127,), merged=4), "3 that it needs lie beyond its half"),
    (Request("a", 2, 1, circuits=(9, 265), merged=2), "265, .* is taken by neuron 0 of this layer"),
])  # fmt: skip
def test_circuits_by_hand_that_cannot_be_had(request_, text):
    old = place(Request("old", n_out=5, n_in=1), (), CHIP)
    error = misfit(request_, (old,), without(50))
    assert error.what == "circuits asked for by hand"
    assert re.search(text, str(error))
    assert error.remedy == "leave the circuits to the chip (circuits=None)"


def test_too_few_circuits_name_the_number_and_a_layer_to_free():
    old = place(Request("old", n_out=400, n_in=1), (), CHIP)
    small = place(Request("small", n_out=20, n_in=1), (old,), CHIP)
    error = misfit(Request("new", n_out=100, n_in=3, recurrent=True), (old, small))
    assert (error.what, error.missing, error.mended) == ("circuits", 8, None)
    assert str(error) == (
        "no room (circuits): layer 'new' needs 100 circuits, 1 for each of 100 neurons, and 92 of "
        "512 are free: 8 too few. Remedy: free layer 'small', 20 circuits"
    )
    assert place(Request("new", n_out=92, n_in=3), (old, small), CHIP).circuits.shape == (92, 1)


def test_rows_of_a_circuit():
    error = misfit(Request("a", n_out=64, n_in=784, merged=6))
    assert (error.what, error.missing) == ("rows of a circuit", 2 * (784 - 6 * 128))
    assert error.remedy == "another number of circuits a neuron (merged=7)"
    assert place(error.mended, (), CHIP).circuits.shape == (64, 7)


def test_rows_of_a_bus():
    # Columns 0 to 31 drive bus 0: 32 sources of 3 pairs; a circuit has 32 pairs there, 10 sources.
    error = misfit(Request("a", n_out=32, n_in=2, recurrent=True, replicas=3, merged=1))
    assert (error.what, error.missing) == ("rows of a bus", (32 - 10) * 6)
    assert "event outputs 0 and 4, which drive bus 0" in str(error)
    assert error.remedy == "another number of circuits a neuron (merged=3)"


def test_columns_of_another_event_output_are_a_remedy():
    usable = without(*range(256, 512))  # one hemisphere has too few for merging four by four
    error = misfit(Request("a", 40, 2, recurrent=True, replicas=3), (), usable)
    assert error.what == "rows of a bus"
    assert error.remedy.startswith("neurons in columns of other event outputs")
    mended = place(error.mended, (), usable)
    outputs = mended.circuits[:, 0] // 32
    assert outputs.remainder(4).bincount().tolist() == [10] * 4


def test_fewer_replicas_are_a_remedy():
    error = misfit(Request("a", n_out=300, n_in=60, replicas=3))
    assert error.remedy == "fewer replicas of a source (replicas=2)"
    assert place(error.mended, (), CHIP).rows.shape == (60, 2, 2)
    huge = misfit(Request("a", n_out=1, n_in=1, replicas=129))
    assert (huge.what, huge.missing) == ("rows of a circuit", 258)
    assert huge.mended.replicas == 128


def test_weights_of_one_sign_are_a_remedy():
    error = misfit(Request("a", n_out=400, n_in=200))
    assert "signed=False" in error.remedy
    assert place(error.mended, (), CHIP).circuits.shape == (400, 1)


def test_runs_are_a_remedy():
    error = misfit(Request("a", n_out=1100, n_in=128))
    assert error.remedy == "3 sequential runs of its own (partition=True)"
    assert error.mended is None


def test_labels_of_a_driver():
    # Each of 128 drivers tells 64 sources apart.
    most = place(Request("a", n_out=8, n_in=128 * 64), (), CHIP)
    assert most.circuits.shape == (8, 64)
    assert most.labels.bincount().tolist() == [128] * 64
    error = misfit(Request("a", n_out=1, n_in=128 * 64 + 5))
    assert (error.what, error.missing) == ("labels of a driver", 5)
    assert error.remedy == "no single change is enough; make the layer smaller"
    small = place(most.request._replace(n_out=7), (), CHIP)
    after = misfit(Request("b", n_out=1, n_in=3), (small,))
    assert (after.what, after.missing) == ("labels of a driver", 3)
    assert after.remedy == "1 sequential run of its own (partition=True)"


def test_labels_that_are_used_up_do_not_block_other_drivers():
    taken = []
    for number in range(70):  # each has one source; 64 share the first driver
        taken.append(place(Request(f"layer {number}", n_out=1, n_in=1), tuple(taken), CHIP))
    assert [layer.rows[0, 0, 0].item() for layer in taken] == [0] * 64 + [2] * 6
    assert [layer.labels.item() for layer in taken] == [*range(64), *range(6)]


def test_a_row_has_one_sign():
    one_sign = place(Request("plus", n_out=4, n_in=30, signed=False), (), CHIP)
    assert torch.equal(one_sign.rows[:, 0, 0], torch.arange(30))
    assert torch.equal(one_sign.rows[..., 0], one_sign.rows[..., 1])
    beside = place(Request("both", n_out=4, n_in=20), (one_sign,), CHIP)
    assert beside.rows.min() == 30
    other = place(Request("minus", n_out=4, n_in=20, signed=False), (one_sign, beside), CHIP)
    assert other.rows.min() == 70
    # Rows of the other hemisphere are others.
    below = Request("below", n_out=2, n_in=20, circuits=(300, 301))
    assert place(below, (one_sign, beside, other), CHIP).rows.min() == 0
    full = misfit(Request("full", n_out=4, n_in=120, merged=1), (one_sign,))
    assert (full.what, full.missing) == ("rows of a circuit", 2 * (120 - 113))
    assert "a row has one sign, and those of 'plus' cannot be shared" in str(full)


def test_a_place_depends_on_nothing_else():
    request = Request("r", n_out=40, n_in=100, recurrent=True, replicas=2)
    first, second = place(request, (), CHIP), place(request, (), CHIP)
    assert all(torch.equal(a, b) for a, b in zip(first[1:], second[1:], strict=True))
    assert all(part.dtype == torch.int64 for part in first[1:])


def test_a_name_may_be_any_text():
    assert "layer 'a {b}' has no rows" in str(misfit(Request("a {b}", 1, 129, merged=1)))


def test_the_error_can_be_sent_to_another_process():
    error = misfit(Request("a", n_out=300, n_in=60, replicas=3))
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.mended) == (str(error), error.mended)


def test_a_whole_chip_is_placed_at_once():
    start = time.perf_counter()
    place(Request("a", n_out=512, n_in=128), (), CHIP)
    assert time.perf_counter() - start < 0.5  # 1 ms where it was measured


@pytest.mark.parametrize(("changes", "error", "text"), [
    ({"n_out": 0}, ValueError, "layer 'a': n_out must be at least 1, got 0"),
    ({"n_in": -3}, ValueError, "n_in must be at least 1, got -3"),
    ({"replicas": 0}, ValueError, "replicas must be at least 1, got 0"),
    ({"merged": 0}, ValueError, "merged must be at least 1, got 0"),
    ({"n_in": 2.0}, TypeError, "n_in must be an integer, got 2.0"),
    ({"n_in": True}, TypeError, "n_in must be an integer, got True"),
    ({"circuits": (1,)}, ValueError, "first one of each of the 2 neurons, got 1"),
    ({"circuits": (1, 512)}, ValueError, "there is no circuit 512, only 0 to 511"),
    ({"circuits": (4, 4)}, ValueError, "circuit 4 is named for two neurons"),
    ({"circuits": (4, 5.0)}, TypeError, "circuits are integers, got 5.0"),
])  # fmt: skip
def test_requests_that_make_no_sense(changes, error, text):
    with pytest.raises(error, match=text) as raised:
        place(Request("a", n_out=2, n_in=2)._replace(**changes), (), CHIP)
    assert not isinstance(raised.value, NoRoom)


@pytest.mark.parametrize("usable", [torch.ones(512), torch.ones(256).bool()])
def test_usable_is_one_bool_a_circuit(usable):
    with pytest.raises(ValueError, match=r"usable must be a bool tensor \(512,\)"):
        place(Request("a", n_out=1, n_in=1), (), usable)
