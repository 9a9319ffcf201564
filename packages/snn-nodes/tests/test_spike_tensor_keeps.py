"""What a SpikeTensor keeps of itself: its dtype in copies and pickles, the factors of a product."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from snn_nodes import SpikeTensor


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_has_the_dtype_and_the_bits(dtype, again):
    spikes = SpikeTensor(torch.tensor([[True, False, True]]), dtype)
    copied = again(spikes)
    assert type(copied) is SpikeTensor
    assert copied.dtype == dtype
    assert torch.equal(copied.elem, spikes.elem)


def test_the_factors_of_a_product_count():
    generator = torch.Generator().manual_seed(0)
    bits = torch.rand(2000, 300, generator=generator) < 0.02
    weight = torch.randn(300, 64, generator=generator)
    bias = torch.randn(64, generator=generator)
    found = torch.addmm(bias, SpikeTensor(bits), weight, beta=0.5, alpha=3.0)
    expected = torch.addmm(bias, bits.float(), weight, beta=0.5, alpha=3.0)
    torch.testing.assert_close(found, expected)
    plain = torch.addmm(bias, bits.float(), weight)
    assert not torch.allclose(found, plain, atol=0.1)
