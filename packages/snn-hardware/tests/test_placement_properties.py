"""Placement: random layers keep every rule of the chip, checked one synapse at a time."""

import random

import pytest
import torch
from snn_hardware.placement import NoRoom, Place, Request, place


def neighbours(circuit):
    """Row to row and column to column, not across the middle."""
    row, column = divmod(circuit, 256)
    found = {(1 - row) * 256 + column}
    for other in (column - 1, column + 1):
        if 0 <= other < 256 and other // 128 == column // 128:
            found.add(row * 256 + other)
    return found


def connected(circuits):
    reached, frontier = {circuits[0]}, {circuits[0]}
    while frontier:
        frontier = {n for c in frontier for n in neighbours(c)} & set(circuits) - reached
        reached |= frontier
    return reached == set(circuits)


def sources_of(layer):
    """(number, part, rows, label, column of a recurrent source or None)"""
    for j in range(layer.request.n_in):
        yield layer.part[j].item(), layer.rows[j].tolist(), layer.labels[j].item(), None
    for j in range(len(layer.recurrent_part)):
        column = layer.circuits[j, 0].item() % 256
        seat = layer.recurrent_part[j].item(), layer.recurrent_rows[j].tolist()
        yield *seat, layer.recurrent_labels[j].item(), column


def check(places, usable):
    circuits = [c for layer in places for c in layer.circuits.flatten().tolist()]
    assert len(set(circuits)) == len(circuits)
    assert all(usable[c] for c in circuits)
    synapses, labels, signs = set(), {}, {}
    for number, layer in enumerate(places):
        assert all(connected(neuron) for neuron in layer.circuits.tolist())
        assert len(layer.recurrent_part) == (layer.request.n_out if layer.request.recurrent else 0)
        for j, (part, replicas, label, column) in enumerate(sources_of(layer)):
            assert 0 <= label < 64
            assert len(replicas) == layer.request.replicas
            for excitatory, inhibitory in replicas:
                if layer.request.signed:
                    assert (excitatory % 2, inhibitory - excitatory) == (0, 1)
                else:
                    assert excitatory == inhibitory
                if column is not None:
                    assert excitatory // 64 == column // 32 % 4
                # A driver feeds both of its rows: one label, one source.
                who = labels.setdefault((excitatory // 2, label), (number, j))
                assert who == (number, j)
                for circuit in layer.circuits[:, part].tolist():
                    for row in {excitatory, inhibitory}:
                        assert 0 <= row < 256
                        assert (circuit, row) not in synapses
                        synapses.add((circuit, row))
                        sign = row % 2 if layer.request.signed else ("one", number)
                        assert signs.setdefault((circuit // 256, row), sign) == sign


def tried(request, places, usable):
    try:
        return place(request, places, usable)
    except NoRoom as error:
        return error


def drawn(draw, name):
    return Request(
        name,
        n_out=draw.choice([1, 3, 10, 30, 60]),
        n_in=draw.choice([1, 5, 40, 130, 300]),
        recurrent=draw.random() < 0.4,
        replicas=draw.choice([1, 1, 1, 2, 5]),
        signed=draw.random() < 0.85,
        merged=draw.choice([None, None, None, 2, 5]),
    )


@pytest.mark.parametrize("seed", range(12))
def test_random_layers(seed):
    draw = random.Random(seed)
    usable = torch.tensor([draw.random() > 0.02 for _ in range(512)])
    places = []
    for number in range(8):
        found = tried(drawn(draw, f"layer {number}"), tuple(places), usable)
        if isinstance(found, Place):
            places.append(found)
            continue
        assert found.missing > 0
        assert found.remedy
        if found.mended is not None:
            check([*places, place(found.mended, tuple(places), usable)], usable)
    check(places, usable)


@pytest.mark.parametrize("seed", range(8))
def test_the_number_that_is_missing_is_exact(seed):
    draw = random.Random(100 + seed)
    merged = draw.choice([1, 2, 4, 8])
    old = place(Request("old", n_out=draw.randint(5, 40), n_in=1, merged=merged), (), ALL)
    with pytest.raises(NoRoom) as error:
        place(Request("new", n_out=512, n_in=1, merged=merged), (old,), ALL)
    fitting = Request("new", 512 - error.value.missing // merged, 1, merged=merged)
    check([old, place(fitting, (old,), ALL)], ALL)
    with pytest.raises(NoRoom, match=f": {merged} too few"):
        place(fitting._replace(n_out=fitting.n_out + 1), (old,), ALL)


ALL = torch.ones(512, dtype=torch.bool)
