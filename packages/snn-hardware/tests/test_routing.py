"""Routing: which circuits merge, and rows and labels of given circuits."""

import pytest
import torch
from snn_hardware.placement import NoRoom, Request
from snn_hardware.placement.merging import block, free_blocks, spread
from snn_hardware.placement.occupancy import labels_used, rows_used
from snn_hardware.placement.routing import route

FREE = [""] * 512


def column(*circuits):
    return torch.tensor(circuits)[:, None]


@pytest.mark.parametrize(("first", "merged", "circuits"), [
    (5, 1, (5,)), (300, 1, (300,)),
    (5, 2, (5, 261)), (261, 2, (261, 5)),
    (5, 4, (5, 261, 6, 262)), (261, 4, (261, 5, 262, 6)),
    (5, 3, (5, 261, 6)), (261, 3, (261, 6, 262)),
    (127, 2, (127, 383)), (127, 3, None), (126, 3, (126, 382, 127)), (383, 3, None),
    (255, 1, (255,)), (255, 2, (255, 511)), (255, 4, None), (254, 4, (254, 510, 255, 511)),
    (0, 258, None), (128, 300, None),
])  # fmt: skip
def test_blocks(first, merged, circuits):
    assert block(first, merged) == circuits


@pytest.mark.parametrize("merged", range(1, 258))
def test_each_half_holds_its_share(merged):
    wanted = 512 if merged == 1 else 2 * (256 // merged)
    if merged > 1 and merged % 2 == 0:
        wanted = 2 * (128 // (merged // 2))
    blocks = free_blocks(merged, FREE)
    assert len(blocks) == wanted
    assert len({c for one in blocks for c in one}) == wanted * merged


def test_one_half_is_the_largest_neuron():
    assert sorted(block(0, 256)) == [*range(128), *range(256, 384)]
    assert sorted(block(128, 256)) == [*range(128, 256), *range(384, 512)]


def test_spread_over_the_buses():
    firsts = torch.tensor(spread(64, 2, FREE))
    assert (firsts % 256 // 32 % 4).bincount().tolist() == [16] * 4
    assert spread(513, 1, FREE) is None


@pytest.mark.parametrize(("at", "bus"), [(0, 0), (40, 1), (64, 2), (127, 3), (128, 0), (511, 3)])
def test_an_event_output_drives_one_bus(at, bus):
    one = route(Request("a", n_out=1, n_in=1, recurrent=True, replicas=2), column(at), ())
    assert one.recurrent_rows[0, :, 0].tolist() == [64 * bus, 64 * bus + 2]


def test_a_bus_holds_32_signed_or_64_neurons_of_one_sign():
    def layer(n, signed):  # all of event outputs 0 and 4, which drive bus 0
        circuits = column(*[*range(32), *range(128, 160)][:n])
        return route(Request("a", n, 1, recurrent=True, signed=signed), circuits, ())

    assert sorted(layer(32, True).recurrent_rows.flatten().tolist()) == list(range(64))
    assert sorted(layer(64, False).recurrent_rows[..., 0].flatten().tolist()) == list(range(64))
    with pytest.raises(NoRoom, match=r"rows of a bus.* 2 rows too few") as error:
        layer(33, True)
    assert error.value.missing == 2


def test_merged_circuits_take_the_neurons_that_a_bus_cannot():
    circuits = torch.stack([torch.arange(40) % 32, torch.arange(40) % 32 + 256], -1)
    circuits[32:] += 128
    one = route(Request("a", 40, 1, recurrent=True), circuits, ())
    assert one.recurrent_part.tolist() == [0] * 32 + [1] * 8
    assert one.recurrent_rows.max() < 64
    # Both parts have sources on the first 8 drivers of the bus.
    assert one.recurrent_labels.tolist() == [0] * 32 + [1] * 8
    assert (one.part.item(), one.rows.tolist()) == (0, [[[64, 65]]])


def test_inputs_take_any_bus():
    one = route(Request("a", n_out=1, n_in=128), column(3), ())
    assert sorted(one.rows.flatten().tolist()) == list(range(256))
    with pytest.raises(NoRoom, match="for 1 of its 129 inputs: 2 rows too few"):
        route(Request("a", n_out=1, n_in=129), column(3), ())


def test_rows_and_labels_that_are_in_use():
    above = route(Request("a", n_out=1, n_in=2), column(0), ())
    below = route(Request("b", n_out=1, n_in=1, signed=False), column(256), (above,))
    assert rows_used([above]).nonzero().tolist() == [[0, 0], [0, 1], [0, 2], [0, 3]]
    assert rows_used([below]).nonzero().tolist() == [[1, 0]]
    # Links reach both hemispheres, so labels differ although the rows are others.
    assert labels_used([above, below]).nonzero().tolist() == [[0, 0], [0, 1], [1, 0]]


def test_two_sources_on_the_two_rows_of_a_driver_differ_in_their_labels():
    one = route(Request("a", n_out=1, n_in=4, signed=False), column(0), ())
    assert one.rows[:, 0, 0].tolist() == [0, 1, 2, 3]
    assert one.labels.tolist() == [0, 1, 0, 1]
    # Replicas of one source share its label.
    two = route(Request("a", n_out=1, n_in=2, signed=False, replicas=2), column(0), ())
    assert two.rows[..., 0].tolist() == [[0, 1], [2, 3]]
    assert two.labels.tolist() == [0, 0]
