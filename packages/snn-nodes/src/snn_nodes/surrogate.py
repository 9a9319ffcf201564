"""Surrogate objects in SpikingJelly's manner, one for each registered threshold.

``Sigmoid(alpha=4.0)(v - v_threshold)`` is a spike where ``v >= v_threshold``, with the slope of a
logistic function backward. The formulas stand in ``snn_core.thresholds``, see ``snn show threshold
sigmoid``; a name that has no class here is ``Surrogate("name")``.
"""

from __future__ import annotations

from typing import ClassVar

import snn_core as snn
from torch import Tensor, nn


class Surrogate(nn.Module):
    """A registered threshold as an object with the attributes ``alpha`` and ``spiking``.

    Args:
        name: of a registered threshold.
        alpha: sharpness, width or amplitude, as the formula says; None for its default.
        spiking: spikes with a surrogate gradient if true, the smooth primitive (``smooth``), whose
            gradient is true, if not. In training as in evaluation.

    Attributes:
        threshold: the record, at this alpha; it fires where ``x >= 0``, as in SpikingJelly and
            snngrow, not only where ``x > 0``.

    Raises:
        UnknownName: no threshold has this name.
        TypeError, ValueError: alpha is not a finite number above 0.

    >>> import torch
    >>> Surrogate("super_spike", alpha=50.0)(torch.tensor([-0.1, 0.0, 0.1]))
    tensor([0., 1., 1.])
    """

    def __init__(self, name: str, alpha: float | None = None, spiking: bool = True) -> None:
        super().__init__()
        self.threshold = snn.threshold(name).with_strictness(False)
        if alpha is not None:
            self.alpha = alpha
        self.spiking = spiking

    @property
    def alpha(self) -> float:
        """The shape of the surrogate gradient; it may be set.

        >>> surrogate = Sigmoid()
        >>> surrogate.alpha = 8
        >>> surrogate
        Sigmoid(alpha=8.0, spiking=True)
        """
        return self.threshold.alpha

    @alpha.setter
    def alpha(self, alpha: float) -> None:
        self.threshold = self.threshold.with_alpha(alpha)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes for ``x = v - v_threshold`` of any shape, or the primitive's value."""
        return self.threshold(x) if self.spiking else self.threshold.smooth(x)

    def extra_repr(self) -> str:
        """Its settings."""
        return f"{self.threshold.name!r}, alpha={self.alpha}, spiking={self.spiking}"


class _Named(Surrogate):
    """A surrogate whose class says its formula; called as SpikingJelly's: ``(alpha, spiking)``."""

    name: ClassVar[str]

    def __init__(self, alpha: float | None = None, spiking: bool = True) -> None:
        super().__init__(self.name, alpha, spiking)

    def extra_repr(self) -> str:
        """Its settings."""
        return f"alpha={self.alpha}, spiking={self.spiking}"


class Sigmoid(_Named):
    """Slope ``a s(ax) (1 - s(ax))``, s the logistic function; a is 4 unless given.

    >>> import torch
    >>> x = torch.zeros(1, requires_grad=True)
    >>> Sigmoid(alpha=4.0, spiking=True)(x).backward()
    >>> x.grad
    tensor([1.])
    """

    name = "sigmoid"


class ATan(_Named):
    """Slope ``(a/2) / (1 + (pi a x / 2)^2)``; a is 2 unless given."""

    name = "atan"


class SuperSpike(_Named):
    """Slope ``1 / (a |x| + 1)^2``, a is 50 unless given: hxtorch's and norse's.

    SpikingJelly's class of this name has another formula: ``SuperSpikeScaled``.
    """

    name = "super_spike"


class SuperSpikeScaled(_Named):
    """Slope ``a / (|x| + 1)^2``, a is 1 unless given: what SpikingJelly calls ``SuperSpike``."""

    name = "super_spike_scaled"


class SoftSign(_Named):
    """Slope ``(a/2) / (a |x| + 1)^2``; a is 2 unless given."""

    name = "soft_sign"


class Erf(_Named):
    """Slope ``(a/sqrt(pi)) exp(-(a x)^2)``, a Gaussian of area 1; a is 2 unless given."""

    name = "erf"


class Erfc(_Named):
    """Slope ``(2/sqrt(pi)) exp(-(a x)^2)``, a Gaussian of area 2/a: norse's ``heavi_erfc``."""

    name = "erfc"


class Tanh(_Named):
    """Slope ``1 - tanh(a x)^2``: norse's ``heavi_tanh``."""

    name = "tanh"


class Logistic(_Named):
    """Slope ``(a/2) (1 - tanh(a x)^2)``, area 1."""

    name = "logistic"


class Circ(_Named):
    """Slope ``(1 + (x/a)^2)^(-3/2)``; alpha is a width."""

    name = "circ"


class Triangle(_Named):
    """Slope ``a max(0, 1 - |x|)``; alpha is an amplitude."""

    name = "triangle"


class PiecewiseQuadratic(_Named):
    """Slope ``a max(0, 1 - a |x|)``; a is 1 unless given."""

    name = "piecewise_quadratic"


class PiecewiseExp(_Named):
    """Slope ``(a/2) exp(-a |x|)``; a is 1 unless given."""

    name = "piecewise_exp"


class Rect(_Named):
    """Slope a where ``|x| < 1/(2a)``; a is 1 unless given."""

    name = "rect"


class StraightThrough(_Named):
    """Slope 1 everywhere; alpha does not enter."""

    name = "straight_through"


class Heaviside(_Named):
    """Slope 0: spikes without a gradient; alpha does not enter."""

    name = "heaviside"
