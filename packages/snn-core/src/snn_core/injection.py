"""inject: the measured value forward, the model's gradient backward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from snn_core.events import Events


class _Inject(torch.autograd.Function):
    """Forward the measurement, backward to the model."""

    generate_vmap_rule = True

    @staticmethod
    def forward(model: Tensor, measured: Tensor) -> Tensor:
        return measured.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


def inject(model: Tensor, measured: Tensor | Events | None) -> Tensor:
    """Replace a computed value by a measured one: its value forward, the model's gradient backward.

    Args:
        model: what the equations gave, any shape.
        measured: what was measured, same shape, dtype and device; None returns the model.

    Raises:
        ValueError: shapes differ.
        TypeError: dtypes differ; or the measurement is Events, which a step on a grid cannot take.

    Source: the chip-in-the-loop scheme of Cramer et al., PNAS 119(4), 2022, where the recorded
    membrane replaces the simulated one in the forward pass only.

    >>> import torch
    >>> model = torch.tensor([1.0], requires_grad=True)
    >>> value = inject(3 * model, torch.tensor([7.0]))
    >>> value.backward()
    >>> value.item(), model.grad.item()
    (7.0, 3.0)
    """
    if measured is None:
        return model
    if not isinstance(measured, Tensor):
        raise TypeError(
            f"the measurement must be a Tensor, got {type(measured).__name__}; "
            f"a step takes one row of a grid: convert Events with to_grid(dt)"
        )
    if measured.shape != model.shape:
        raise ValueError(
            f"the measurement has shape {tuple(measured.shape)}, the model {tuple(model.shape)}; "
            f"they must be equal"
        )
    if measured.dtype != model.dtype:
        raise TypeError(
            f"the measurement is {measured.dtype}, the model {model.dtype}; "
            f"convert it with measured.to({model.dtype})"
        )
    injected: Tensor = _Inject.apply(model, measured)  # type: ignore[no-untyped-call]
    return injected
