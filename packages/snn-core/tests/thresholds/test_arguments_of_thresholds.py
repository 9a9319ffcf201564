"""What a threshold refuses."""

import pytest
import torch
from snn_core.thresholds import ATAN


def test_alpha_has_no_gradient_to_give():
    with pytest.raises(TypeError, match=r"alpha of threshold 'atan' gets no gradient"):
        ATAN.with_alpha(torch.tensor(2.0, requires_grad=True))


@pytest.mark.parametrize("x", [[1.0], 1.0, None])
def test_what_is_no_tensor_is_refused(x):
    with pytest.raises(TypeError, match=r"takes a tensor \(v - v_th\), got"):
        ATAN(x)
