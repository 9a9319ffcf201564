"""SpikeTensor: how much it stores, packed spikes, saving and copying."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from snn_nodes.spikes import PackedSpikes, SpikeTensor


def drawn(*shape, rate=0.4, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate


def pair(*shape, dtype=torch.float32):
    """The same spikes as bits and as numbers."""
    elem = drawn(*shape)
    return SpikeTensor(elem, dtype), elem.to(dtype)


def test_storage():
    spikes, numbers = pair(100, 81)
    assert spikes.nbytes * 4 == numbers.nbytes
    packed = spikes.packed()
    assert packed.nbytes == -(-8100 // 8)  # a thirty-second, rounded up to whole bytes
    assert packed.nbytes == packed.bits.nbytes
    again = packed.unpack()
    assert again.dtype == spikes.dtype
    assert torch.equal(again.elem, spikes.elem)


@pytest.mark.parametrize("shape", [(), (0, 3), (7,), (8,), (3, 3), (2, 3, 5)])
def test_packing_any_shape(shape):
    elem = drawn(*shape, rate=0.6)
    packed = SpikeTensor(elem, torch.float16).packed()
    assert torch.equal(packed.unpack().elem, elem)
    assert packed.unpack().dtype == torch.float16
    # bit i of byte j is spike 8 j + i, by arithmetic on Python's integers
    whole = sum(int(bit) << place for place, bit in enumerate(elem.flatten().tolist()))
    assert sum(byte << (8 * j) for j, byte in enumerate(packed.bits.tolist())) == whole


def test_packing_what_does_not_lie_together():
    spikes, _ = pair(6, 10)
    assert torch.equal(spikes.t()[::3].packed().unpack().elem, spikes.elem.t()[::3])


def test_saving_without_pickled_code():
    spikes, _ = pair(5, 7, dtype=torch.float64)
    file = io.BytesIO()
    torch.save({"elem": spikes.elem, "packed": spikes.packed()._asdict()}, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    assert torch.equal(SpikeTensor(loaded["elem"]).elem, spikes.elem)
    assert torch.equal(PackedSpikes(**loaded["packed"]).unpack().elem, spikes.elem)


def test_a_copy_is_its_own():
    spikes, _ = pair(3, 3)
    copied = copy.deepcopy(spikes)
    assert copied.elem.data_ptr() != spikes.elem.data_ptr()
    assert torch.equal(copied.elem, spikes.elem)
