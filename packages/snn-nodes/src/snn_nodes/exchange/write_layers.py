"""From layers without a state of neurons to NIR: one function for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import nir
import numpy as np
import torch
from torch import nn

from snn_nodes import layer
from snn_nodes.exchange.arrays import Array, array, spread, to_array
from snn_nodes.exchange.cards import plain
from snn_nodes.exchange.elementwise import Scale, Threshold
from snn_nodes.exchange.report import ExchangeError
from snn_nodes.exchange.shapes import Shape
from snn_nodes.exchange.write_neurons import Setting
from snn_nodes.layer.spiking_input import SpikingInput


def write_linear(module: nn.Linear, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """Affine with a bias, Linear without."""
    if len(shape) != 1:
        raise ExchangeError(
            f"node {name!r} (Linear) gets steps of shape {shape}; NIR's takes one axis: put a "
            f"Flatten before it"
        )
    weight = to_array(module.weight)
    if isinstance(module, layer.SparseSynapse):
        weight = to_array(module.masked_weight())
        setting.report.add(name, "mask", "synapses that do not exist are weights of 0 in NIR")
    metadata = plain(_unsaid(module))
    if module.bias is None:
        return nir.Linear(weight, metadata=metadata)
    return nir.Affine(weight, to_array(module.bias), metadata=metadata)


def _unsaid(module: Any) -> dict[str, Any]:
    """What an array cannot say of a layer with a weight."""
    said: dict[str, Any] = {}
    if module.weight.dtype == torch.bfloat16:
        said["dtype"] = "bfloat16"
    if isinstance(module, SpikingInput) and module.spike_in:
        said["spike_in"] = True
    return said


def _bias(module: Any) -> tuple[Array, dict[str, Any]]:
    """NIR's convolutions always have a bias."""
    if module.bias is not None:
        return to_array(module.bias), {}
    weight = to_array(module.weight)
    return np.zeros(weight.shape[0], weight.dtype), {"bias": False}


def _zero_padded(module: Any, name: str, setting: Setting) -> None:
    if module.padding_mode != "zeros":
        reason = f"padding_mode={module.padding_mode!r}, NIR pads with zeros"
        setting.report.refuse(name, "padding_mode", reason, "train with padding_mode='zeros'")


def write_conv1d(module: nn.Conv1d, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """A bias of 0 where the layer has none."""
    _zero_padded(module, name, setting)
    bias, said = _bias(module)
    padding = module.padding if isinstance(module.padding, str) else int(module.padding[0])
    return nir.Conv1d(
        None,
        to_array(module.weight),
        int(module.stride[0]),
        padding,
        int(module.dilation[0]),
        module.groups,
        bias,
        metadata=plain(said | _unsaid(module)),
    )


def write_conv2d(module: nn.Conv2d, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """A bias of 0 where the layer has none."""
    _zero_padded(module, name, setting)
    bias, said = _bias(module)
    kernel = module.weight.shape[2:]
    if kernel[0] != kernel[1] or module.groups != 1:
        what = "a kernel that is not square" if kernel[0] != kernel[1] else "groups"
        setting.report.add(
            name, "type_check", f"nir 1.0 infers wrong shapes from {what}: nir.read(..., False)"
        )
    padding = module.padding if isinstance(module.padding, str) else tuple(module.padding)
    return nir.Conv2d(
        None,
        to_array(module.weight),
        tuple(module.stride),
        padding,
        tuple(module.dilation),
        module.groups,
        bias,
        metadata=plain(said | _unsaid(module)),
    )


def _two(value: Any) -> Array:
    given = np.atleast_1d(array(value)).astype(np.int64)
    return np.repeat(given, 2) if given.size == 1 else given


def write_avg_pool(module: nn.AvgPool2d, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """Its mean counts padded zeros, as NIR's does."""
    padded = np.any(_two(module.padding))
    if module.ceil_mode or module.divisor_override or (padded and not module.count_include_pad):
        raise ExchangeError(
            f"node {name!r}: NIR's AvgPool2d has no ceil_mode, no divisor_override, and counts "
            f"padded zeros; got {module}"
        )
    return nir.AvgPool2d(_two(module.kernel_size), _two(module.stride), _two(module.padding))


def write_sum_pool(
    module: layer.SumPool2d, name: str, shape: Shape, setting: Setting
) -> nir.NIRNode:
    """The same in both."""
    return nir.SumPool2d(_two(module.kernel_size), _two(module.stride), _two(module.padding))


def write_flatten(module: nn.Flatten, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """NIR counts axes without the batch."""
    first, last = (d - 1 if d > 0 else d for d in (module.start_dim, module.end_dim))
    if module.start_dim == 0 or module.end_dim == 0:
        raise ExchangeError(f"node {name!r} would flatten the batch, which NIR does not have")
    return nir.Flatten(np.array(shape), first, last)


def write_delay(module: layer.Delay, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """Steps as seconds."""
    steps = module.steps
    counts = steps.double() if isinstance(steps, torch.Tensor) else float(steps)
    return nir.Delay(spread(counts, shape) * setting.dt)


def write_scale(module: Scale, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """The same in both."""
    return nir.Scale(np.broadcast_to(to_array(module.scale), shape).copy())


def write_threshold(module: Threshold, name: str, shape: Shape, setting: Setting) -> nir.NIRNode:
    """The surrogate gradient is not in NIR."""
    setting.report.add(name, "training", "the surrogate gradient is not in NIR")
    return nir.Threshold(np.broadcast_to(to_array(module.level), shape).copy())


LAYERS: Mapping[type, Callable[[Any, str, Shape, Setting], nir.NIRNode]] = {
    nn.Linear: write_linear,
    nn.Conv1d: write_conv1d,
    nn.Conv2d: write_conv2d,
    nn.AvgPool2d: write_avg_pool,
    nn.Flatten: write_flatten,
    layer.Linear: write_linear,
    layer.Conv1d: write_conv1d,
    layer.Conv2d: write_conv2d,
    layer.AvgPool2d: write_avg_pool,
    layer.Flatten: write_flatten,
    layer.SparseSynapse: write_linear,
    layer.SumPool2d: write_sum_pool,
    layer.Delay: write_delay,
    Scale: write_scale,
    Threshold: write_threshold,
}
"""The layers by their class: a subclass may do anything."""

PASSED = (nn.Identity, nn.Dropout, layer.Dropout, layer.Dropout2d)
"""What does nothing after training: it has no node."""
