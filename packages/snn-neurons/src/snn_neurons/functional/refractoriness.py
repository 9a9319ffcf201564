"""refractory_update: the refractory part of a step on its own."""

from __future__ import annotations

from snn_core.checking import check_step_size
from snn_core.injection import inject
from snn_core.types import Value
from torch import Tensor

from snn_neurons.functional.projections import check_floating
from snn_neurons.refractory import check_countable, refractory_steps
from snn_neurons.terms import countdown, held_at, silenced


def refractory_update(
    z: Tensor,
    v: Tensor,
    ref_state: Tensor,
    spikes_hw: Tensor | None,
    membrane_hw: Tensor | None,
    *,
    reset: Value,
    refractory_time: Value,
    dt: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Silence and hold the neurons that spiked a while ago, and count on.

    The equations stand in ``snn_neurons.refractory``.

    Args:
        z: spikes of the threshold, ``(B, *N)``.
        v: membrane after the reset, ``(B, *N)``, in volts.
        ref_state: steps that each neuron is still held, ``(B, *N)``, in the dtype of v.
        spikes_hw, membrane_hw: recorded values of this step, or None.
        reset: the membrane while held, in volts.
        refractory_time: how long a neuron is held after a spike, in seconds.
        dt: step in seconds.

    Returns:
        ``(z, v, ref_state)`` after the step.

    Raises:
        ValueError: shapes that differ, a negative time, a dt that is not above 0, or more steps
            than the dtype counts.
        TypeError: a membrane that is not floating point, a ref_state of another dtype.

    >>> import torch
    >>> held, free = torch.tensor([2.0]), torch.tensor([0.0])
    >>> spike, v = torch.tensor([1.0]), torch.tensor([0.7])
    >>> time = {"reset": 0.0, "refractory_time": 3e-3, "dt": 1e-3}
    >>> refractory_update(spike, v, held, None, None, **time)
    (tensor([0.]), tensor([0.]), tensor([1.]))
    >>> refractory_update(spike, v, free, None, None, **time)
    (tensor([1.]), tensor([0.7000]), tensor([3.]))
    """
    if not z.shape == v.shape == ref_state.shape:
        raise ValueError(
            f"z, v and ref_state must have one shape, got {tuple(z.shape)}, {tuple(v.shape)} and "
            f"{tuple(ref_state.shape)}"
        )
    check_floating("v", v)
    if ref_state.dtype != v.dtype:
        raise TypeError(
            f"ref_state is {ref_state.dtype}, v {v.dtype}; a state counts in the dtype of v: "
            f"convert it with .to({v.dtype})"
        )
    check_step_size(dt)
    if not isinstance(refractory_time, Tensor) and refractory_time < 0:
        raise ValueError(f"refractory_time must not be negative, got {refractory_time} (seconds)")
    n = refractory_steps(refractory_time, dt)
    check_countable(n, ref_state)
    held = ref_state > 0
    z = inject(silenced(z, held), spikes_hw)
    v = inject(held_at(v, held, reset), membrane_hw)
    return z, v, countdown(ref_state, z, n)
