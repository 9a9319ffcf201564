"""What each operation does with a SpikeTensor: run on its bits, add weight rows, or go dense."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

# Torch has no public way to walk nested arguments, nor to learn of an operation what it writes into
# (``func._schema``) and what it is composed of (``func.decompose``, undocumented): its own tensor
# subclasses use these.
from torch.utils._pytree import tree_leaves, tree_map

from snn_nodes.spikes.bits import as_floats
from snn_nodes.spikes.convolving import convolve, convolve_backward
from snn_nodes.spikes.products import dense_times_spikes, spikes_times_dense
from snn_nodes.spikes.tally import Tally

aten = torch.ops.aten

# Move all spikes, each once: the count of spikes stays.
_REARRANGING = {
    aten.view.default,
    aten._unsafe_view.default,
    aten._reshape_alias.default,
    aten.permute.default,
    aten.transpose.int,
    aten.t.default,
    aten.unsqueeze.default,
    aten.squeeze.default,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.clone.default,
    aten.detach.default,
    aten.alias.default,
    aten.flip.default,
    aten.roll.default,
}
# Pick or repeat spikes. Views are found by their schema.
_PICKING = {
    aten.index.Tensor,
    aten.index_select.default,
    aten.gather.default,
    aten.masked_select.default,
    aten.repeat.default,
}
# Answer the same about bits as about zeros and ones, in the same dtype.
_COUNTING = {
    aten.count_nonzero.default,
    aten.count_nonzero.dim_IntList,
    aten.nonzero.default,
    aten.any.default,
    aten.any.dim,
    aten.all.default,
    aten.all.dim,
}


def run(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run ``func``, some of whose arguments are of type ``cls``, a SpikeTensor."""
    special = _SPECIAL.get(func)
    if special is not None:
        return special(cls, func, args, kwargs)
    if func in _REARRANGING:
        spikes = args[0]
        return _made(spikes, func(spikes.elem, *args[1:], **kwargs), spikes._tally)
    if func in _COUNTING:
        return func(args[0].elem, *args[1:], **kwargs)
    if func._schema.is_mutable:
        _refuse_writing(cls, func, args, kwargs)
    elif func in _PICKING:
        return _on_bits(cls, func, args, kwargs)
    else:
        # In inference mode composite operations come whole.
        parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        if func.is_view and func is not aten.view.dtype:
            return _on_bits(cls, func, args, kwargs)
    return _dense(cls, func, args, kwargs)


def _on_bits(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    spikes = args[0]
    if not isinstance(spikes, cls):  # dense values picked by spikes
        return _dense(cls, func, args, kwargs)
    out = func(spikes.elem, *args[1:], **kwargs)
    return tree_map(lambda part: _made(spikes, part), out)


def _made(spikes: Any, elem: Tensor, tally: Tally | None = None) -> Any:
    """elem as spikes of the same kind as those it was made from."""
    if torch.is_inference_mode_enabled() and not spikes.is_inference():
        # A view is as its base is: one of spikes from outside is no inference tensor.
        with torch.inference_mode(False):
            return type(spikes)(elem, spikes.dtype, tally)
    return type(spikes)(elem, spikes.dtype, tally)


def _dense(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    def densified(part: Any) -> Any:
        return as_floats(part.elem, part.dtype) if isinstance(part, cls) else part

    return func(*tree_map(densified, args), **tree_map(densified, kwargs))


def _refuse_writing(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    for part in _written(func, args, kwargs):
        if isinstance(part, cls):
            raise TypeError(
                f"{func.overloadpacket.__name__} would write into a SpikeTensor of shape "
                f"{tuple(part.shape)}, which holds only 0 and 1 and may be shared; write into "
                "spikes.to_dense() instead, or use the operation without '_'"
            )


def _written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Any]:
    for place, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            given = args[place] if place < len(args) else kwargs.get(argument.name)
            yield from tree_leaves(given)


def _joined(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """cat and stack: of spikes alone, spikes."""
    parts = args[0]
    if not all(isinstance(part, cls) for part in parts):
        return _dense(cls, func, args, kwargs)
    dtype = functools.reduce(torch.promote_types, (part.dtype for part in parts))
    return cls(func([part.elem for part in parts], *args[1:], **kwargs), dtype)


def _to_copy(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """To another device or floating dtype: spikes; to any other dtype: dense."""
    (spikes,) = args
    dtype = kwargs.get("dtype") or spikes.dtype
    if not dtype.is_floating_point:
        return func(spikes.elem, **kwargs)
    elem = func(spikes.elem, **{**kwargs, "dtype": torch.bool})
    return cls(elem, dtype, spikes._tally)


def _padded(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Padded with 0 or 1: spikes."""
    spikes, _, value = (*args, 0)[:3]
    if value not in (0, 1):
        return _dense(cls, func, args, kwargs)
    return cls(func(spikes.elem, *args[1:], **kwargs), spikes.dtype)


def _pooled(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Max pooling: spikes, and the places of the maxima, the same as of dense spikes."""
    spikes = args[0]
    bytes_do = spikes.elem.device.type == "cpu" and func not in _ADAPTIVE
    values = as_floats(spikes.elem, torch.uint8 if bytes_do else spikes.dtype)
    out, places = func(values, *args[1:], **kwargs)
    return cls(out != 0, spikes.dtype), places


def _mm(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    left, right = args
    if not isinstance(right, cls):
        return spikes_times_dense(left.elem, right, left._tally)
    if isinstance(left, cls):
        left = as_floats(left.elem, left.dtype)
    return dense_times_spikes(left, right.elem, right._tally)


def _addmm(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``bias + left @ right``; weight rows are added where left alone is spikes."""
    bias, left, right = args
    plain = isinstance(left, cls) and not isinstance(right, cls) and not isinstance(bias, cls)
    if not plain or kwargs or bias.ndim != 1:
        return _dense(cls, func, args, kwargs)
    return spikes_times_dense(left.elem, right, left._tally, bias)


def _convolution(cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    spikes, weight, bias, *how = args
    if not isinstance(spikes, cls) or isinstance(weight, cls) or isinstance(bias, cls):
        return _dense(cls, func, args, kwargs)
    return convolve(spikes.elem, spikes._tally, weight, bias, *how)


def _convolution_backward(
    cls: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    grad, spikes, weight, *how = args
    if not isinstance(spikes, cls) or isinstance(grad, cls) or isinstance(weight, cls):
        return _dense(cls, func, args, kwargs)
    return convolve_backward(grad, spikes.elem, spikes._tally, weight, *how)


_ADAPTIVE = {aten.adaptive_max_pool2d.default, aten.adaptive_max_pool3d.default}

_SPECIAL: dict[Any, Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]] = {
    aten.mm.default: _mm,
    aten.addmm.default: _addmm,
    aten.convolution.default: _convolution,
    aten.convolution_backward.default: _convolution_backward,
    aten.cat.default: _joined,
    aten.stack.default: _joined,
    aten._to_copy.default: _to_copy,
    aten.constant_pad_nd.default: _padded,
    aten.max_pool2d_with_indices.default: _pooled,
    aten.max_pool3d_with_indices.default: _pooled,
    aten.adaptive_max_pool2d.default: _pooled,
    aten.adaptive_max_pool3d.default: _pooled,
}
