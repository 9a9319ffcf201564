"""What every threshold must hold. Each check takes a Threshold and raises AssertionError."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from snn_core.testing.compiling import whole_graph
from snn_core.thresholds import Threshold

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def check_fires(threshold: Threshold) -> None:
    """Spikes are 0 or 1 in the input's dtype, and what happens at zero is as the record says."""
    at_zero = 0.0 if threshold.strict else 1.0
    for dtype in DTYPES:
        spikes = threshold(torch.tensor([-1.0, -1e-3, 0.0, 1e-3, 1.0], dtype=dtype))
        expected = torch.tensor([0.0, 0.0, at_zero, 1.0, 1.0], dtype=dtype)
        assert spikes.dtype == dtype, f"{threshold.name}: {spikes.dtype} spikes for {dtype}"
        assert torch.equal(spikes, expected), f"{threshold.name}: fires {spikes.tolist()}"


def check_derivative(threshold: Threshold) -> None:
    """The derivative is that of the primitive: by autograd, and by central differences."""
    x = torch.linspace(-2.03, 2.07, 101, dtype=torch.float64, requires_grad=True)
    expected = threshold.derivative(x.detach(), threshold.alpha)
    (by_autograd,) = torch.autograd.grad(threshold.smooth(x).sum(), x)
    torch.testing.assert_close(by_autograd, expected, rtol=1e-9, atol=1e-12)
    width = 1e-6
    with torch.no_grad():
        rise = threshold.smooth(x + width) - threshold.smooth(x - width)
    torch.testing.assert_close(rise / (2 * width), expected, rtol=1e-4, atol=1e-6)


def check_backward(threshold: Threshold) -> None:
    """Backward multiplies by the derivative, for the default alpha and another one."""
    for one in (threshold, threshold.with_alpha(2.5)):
        x = torch.linspace(-0.5, 0.5, 11, dtype=torch.float64, requires_grad=True)
        weights = torch.arange(1.0, 12.0, dtype=torch.float64)
        (grad,) = torch.autograd.grad((weights * one(x)).sum(), x)
        torch.testing.assert_close(grad, weights * one.derivative(x.detach(), one.alpha))


def check_finite(threshold: Threshold) -> None:
    """The gradient is finite over the whole range of every dtype."""
    for dtype in DTYPES:
        info = torch.finfo(dtype)
        sizes = [0.0, info.tiny, info.eps, 1e-2, 1.0, 1e2, 1e4, info.max**0.5, info.max]
        x = torch.tensor([*sizes, *(-s for s in sizes)], dtype=dtype, requires_grad=True)
        (grad,) = torch.autograd.grad(threshold(x).sum(), x)
        finite = grad.isfinite()
        assert bool(finite.all()), f"{threshold.name}: {dtype} not finite at {x[~finite].tolist()}"


def check_transforms(threshold: Threshold) -> None:
    """torch.func's grad, vmap and jacrev see the same gradient as backward."""
    x = torch.linspace(-0.4, 0.45, 6, dtype=torch.float64)
    expected = threshold.derivative(x, threshold.alpha)
    mapped = torch.func.vmap(torch.func.grad(threshold))(x)
    torch.testing.assert_close(mapped, expected)
    torch.testing.assert_close(torch.func.jacrev(threshold)(x), torch.diag(expected))
    assert torch.equal(torch.func.vmap(threshold)(x), threshold(x)), f"{threshold.name}: vmap"


def check_compiles(threshold: Threshold) -> None:
    """torch.compile takes it whole, and a second call compiles nothing."""

    def fire(x: Tensor) -> Tensor:
        return threshold(x - 0.1)

    x = torch.linspace(-0.5, 0.5, 11, requires_grad=True)
    with whole_graph(fire) as compiled:
        compiled(x)
        with torch.compiler.set_stance("fail_on_recompile"):
            (grad,) = torch.autograd.grad(compiled(x).sum(), x)
    torch.testing.assert_close(grad, torch.autograd.grad(fire(x).sum(), x)[0])


CHECKS: Sequence[Callable[[Threshold], None]] = (
    check_fires,
    check_derivative,
    check_backward,
    check_finite,
    check_transforms,
    check_compiles,
)
