"""threshold, SuperSpike, Unterjubel: the reference's spellings of core's threshold and inject."""

from __future__ import annotations

import snn_core.injection
import snn_core.lookup
from snn_core.thresholds import SUPER_SPIKE
from torch import Tensor


def threshold(input: Tensor, method: str, alpha: float) -> Tensor:
    """Spikes ``1[input > 0]`` with a surrogate gradient.

    Args:
        input: membrane minus threshold, in volts, any shape.
        method: a registered threshold's name in any spelling: ``"super_spike"``, ``"superspike"``,
            ``"SuperSpike"`` and norse's ``"super"`` are one.
        alpha: the parameter of its derivative, for super_spike ``1 / (alpha |x| + 1)^2``.

    Raises:
        UnknownName: no such threshold.

    Source: Zenke and Ganguli, Neural Computation 30(6), 2018, section 3.3.2.

    >>> import torch
    >>> threshold(torch.tensor([-0.1, 0.0, 0.1]), "super_spike", 50.0)
    tensor([0., 0., 1.])
    """
    return snn_core.lookup.threshold(method, alpha=alpha)(input)


class SuperSpike:
    """The threshold ``super_spike`` in the style of an autograd function."""

    @staticmethod
    def apply(input: Tensor, alpha: float = 50.0) -> Tensor:
        """Spikes ``1[input > 0]``; backward ``g / (alpha |input| + 1)^2``, none to alpha.

        >>> import torch
        >>> x = torch.tensor(0.02, requires_grad=True)
        >>> SuperSpike.apply(x, 50.0).backward()
        >>> x.grad
        tensor(0.2500)
        """
        return SUPER_SPIKE.with_alpha(alpha)(input)


class Unterjubel:
    """``inject`` in the style of an autograd function."""

    @staticmethod
    def apply(model: Tensor, measured: Tensor) -> Tensor:
        """The measured value forward; backward the gradient goes to model unchanged.

        >>> import torch
        >>> model = torch.tensor([1.0], requires_grad=True)
        >>> Unterjubel.apply(model, torch.tensor([7.0]))
        tensor([7.], grad_fn=<_InjectBackward>)
        """
        return snn_core.injection.inject(model, measured)
