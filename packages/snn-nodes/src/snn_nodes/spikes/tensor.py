"""SpikeTensor: spikes of one byte each that act as a tensor of zeros and ones with a gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from snn_nodes.spikes.bits import as_floats, pack, unpack
from snn_nodes.spikes.operations import run
from snn_nodes.spikes.tally import Tally
from snn_nodes.spikes.values import checked_bits


class SpikeTensor(Tensor):
    """Spikes, stored as bool, that act as a floating tensor of 0 and 1, with a gradient.

    - Operations that only move spikes (view, reshape, flatten, transpose, permute, expand, index,
      cat, stack, split, clone, detach, ``to(device)``, ``to(floating dtype)``, max pooling) give a
      SpikeTensor again. ``cat`` and ``stack`` with a dense tensor give a dense tensor.
    - Matrix products, ``linear`` and convolutions give a dense tensor in the dtype of the dense
      partner. They add up rows of the weight where few spikes are set (see ``spike_linear``).
    - All else (``sum``, ``mean``, ``+``, ``*``, comparisons ...) works on dense zeros and ones and
      gives a plain tensor. An operation that would write into the spikes is refused.

    Gradients flow through all of them as they do for dense spikes, and are plain tensors. What
    autograd keeps for the backward pass is the bool tensor. ``torch.compile`` and ``torch.func``
    take SpikeTensors; inside them products are dense.

    Args:
        elem: bool, any shape; shared, not copied, and not to be written to afterwards.
        dtype: the public one, floating.

    Raises:
        TypeError: ``elem`` is not a bool tensor, or ``dtype`` is not floating.

    >>> spikes = SpikeTensor(torch.tensor([[True, False], [True, True]]))
    >>> spikes.dtype, spikes.shape, spikes.nbytes
    (torch.float32, torch.Size([2, 2]), 4)
    >>> spikes.flatten()
    SpikeTensor([1, 0, 1, 1], dtype=torch.float32)
    >>> spikes.sum(), spikes * 2
    (tensor(3.), tensor([[2., 0.],
            [2., 2.]]))
    """

    elem: Tensor
    _tally: Tally

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def __new__(  # noqa: D102  # the class says what it takes
        cls, elem: Tensor, dtype: torch.dtype = torch.float32, tally: Tally | None = None
    ) -> SpikeTensor:
        if elem.dtype != torch.bool:
            raise TypeError(
                f"SpikeTensor(elem) takes a bool tensor, got {elem.dtype}; "
                "SpikeTensor.from_dense takes zeros and ones of any dtype"
            )
        if not dtype.is_floating_point:
            raise TypeError(
                f"the public dtype of a SpikeTensor must be floating, got {dtype}; "
                "spikes.elem is the bool tensor"
            )
        spikes: SpikeTensor = Tensor._make_wrapper_subclass(
            cls,
            elem.shape,
            strides=elem.stride(),
            storage_offset=elem.storage_offset(),
            dtype=dtype,
            device=elem.device,
        )
        spikes.elem = elem
        spikes._tally = Tally() if tally is None else tally
        return spikes

    @classmethod
    def from_dense(cls, x: Tensor, dtype: torch.dtype | None = None) -> SpikeTensor:
        """The spikes of a dense tensor of 0 and 1; the gradient flows to x unchanged.

        Args:
            x: any shape and dtype, bool too.
            dtype: public dtype; None: that of x if it is floating, else float32.

        Raises:
            ValueError: x has values other than 0 and 1 (not a number is one of them).

        >>> SpikeTensor.from_dense(torch.tensor([0.0, 1.0]))
        SpikeTensor([0, 1], dtype=torch.float32)
        >>> SpikeTensor.from_dense(torch.tensor([[0.0, 1.0], [0.5, 2.0]]))
        Traceback (most recent call last):
        ValueError: SpikeTensor.from_dense takes only 0 and 1: 2 of 4 values are others, the first
        is 0.5 at (1, 0); say which of them are spikes, such as x > 0.5
        """
        return cls.from_bits(checked_bits(x), x, dtype)

    @classmethod
    def from_spikes(cls, x: Tensor, dtype: torch.dtype | None = None) -> SpikeTensor:
        """As ``from_dense`` without the check: for the output of a threshold, which is 0 or 1.

        Whatever is not 0 counts as a spike.
        """
        return cls.from_bits(x != 0, x, dtype)

    @classmethod
    def from_bits(cls, bits: Tensor, x: Tensor, dtype: torch.dtype | None = None) -> SpikeTensor:
        """Spikes that are known already, with the gradient flowing to the x they came from."""
        if dtype is None:
            dtype = x.dtype if x.dtype.is_floating_point else torch.float32
        spikes: SpikeTensor = _Mark.apply(x, bits, dtype)  # type: ignore[no-untyped-call]
        return spikes

    def to_dense(self, dtype: torch.dtype | None = None) -> Tensor:  # type: ignore[override]
        """Zeros and ones as a plain tensor; the gradient flows back.

        >>> SpikeTensor(torch.tensor([True, False])).to_dense()
        tensor([1., 0.])
        """
        dense: Tensor = _Dense.apply(self, dtype or self.dtype)  # type: ignore[no-untyped-call]
        return dense

    def spike_count(self) -> int:
        """How many spikes are set; counted at the first call, then known to views as well.

        >>> SpikeTensor(torch.tensor([True, False])).spike_count()
        1
        """
        return self._tally.count(self.elem)

    def activity(self) -> float:
        """The fraction of entries that are spikes; 0 if there are no entries.

        >>> SpikeTensor(torch.tensor([True, False])).activity()
        0.5
        """
        return self.spike_count() / max(1, self.numel())

    def packed(self) -> PackedSpikes:
        """A copy that takes one bit a spike, without gradient; ``unpack`` gives the spikes back."""
        return PackedSpikes(pack(self.elem), tuple(self.shape), self.dtype)

    @property
    def nbytes(self) -> int:  # type: ignore[override]
        """The bytes that the stored spikes take: one each."""
        return self.elem.nbytes

    def tolist(self) -> Any:
        """Zeros and ones as nested lists of floats."""
        return as_floats(self.elem, torch.float32).tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """Zeros and ones as a dense array."""
        return self.to_dense().numpy(force=force)

    def __repr__(self, *, tensor_contents: object = None) -> str:  # type: ignore[override]
        body = repr(self.elem.to(torch.uint8))
        body = body.removeprefix("tensor(").removesuffix(", dtype=torch.uint8)")
        body = body.replace("\n", "\n" + " " * (len("SpikeTensor(") - len("tensor(")))
        gradient = ", requires_grad=True" if self.requires_grad else ""
        return f"SpikeTensor({body}, dtype={self.dtype}{gradient})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return SpikeTensor, (self.elem, self.dtype)

    def __tensor_flatten__(self) -> tuple[list[str], torch.dtype]:
        return ["elem"], self.dtype

    @staticmethod
    def __tensor_unflatten__(
        parts: dict[str, Tensor], dtype: torch.dtype, shape: Any, strides: Any
    ) -> SpikeTensor:
        return SpikeTensor(parts["elem"], dtype)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return run(cls, func, args, kwargs or {})


class PackedSpikes(NamedTuple):
    """Spikes of one bit each, made by ``SpikeTensor.packed``; plain data that can be saved.

    Args:
        bits: uint8 ``(ceil(n / 8),)``; spike i of the flattened n is bit ``i % 8`` of byte
            ``i // 8``, the lowest first.
        shape: of the spikes.
        dtype: their public dtype.

    >>> packed = SpikeTensor(torch.ones(5, 2, dtype=torch.bool)).packed()
    >>> packed.nbytes, packed.unpack().sum()
    (2, tensor(10.))
    """

    bits: Tensor
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def nbytes(self) -> int:
        """The bytes that the bits take."""
        return self.bits.nbytes

    def unpack(self) -> SpikeTensor:
        """The spikes again."""
        return SpikeTensor(unpack(self.bits, self.shape), self.dtype)


def dense(x: Tensor) -> Tensor:
    """x as a plain tensor: zeros and ones of a SpikeTensor, with its gradient; any other as it is.

    >>> dense(SpikeTensor(torch.tensor([True, False]))), dense(torch.ones(1))
    (tensor([1., 0.]), tensor([1.]))
    """
    return x.to_dense() if isinstance(x, SpikeTensor) else x


class _Mark(torch.autograd.Function):
    """Bits in place of the values that they were made from."""

    @staticmethod
    def forward(x: Tensor, bits: Tensor, dtype: torch.dtype) -> SpikeTensor:
        return SpikeTensor(bits, dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.dtype = inputs[0].dtype

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return grad.to(ctx.dtype), None, None


class _Dense(torch.autograd.Function):
    """Values in place of bits."""

    @staticmethod
    def forward(spikes: SpikeTensor, dtype: torch.dtype) -> Tensor:
        return as_floats(spikes.elem, dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.dtype = inputs[0].dtype

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return grad.to(ctx.dtype), None
