"""SparseSynapse: a linear layer with some of its synapses only."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from snn_nodes.layer.described import Described
from snn_nodes.layer.time_first import TimeFirst, check_rank
from snn_nodes.naming import label


class SparseSynapse(Described, TimeFirst, nn.Linear):
    """``x @ weight.T + bias`` through the synapses that exist.

    The parameter ``weight`` is left as it is; a synapse that does not exist counts as 0, whatever
    an optimiser or a checkpoint puts there, and its gradient is exactly 0.

    Args:
        in_features, out_features: numbers of inputs and of neurons.
        connections: bool ``(N_out, N_in)``, True where there is a synapse.
        bias: whether to add a learnt bias.
        step_mode: ``'s'``: ``(B, *, N_in)``; ``'m'``: ``(T, B, *, N_in)``.
        device, dtype: of the weight.

    Attributes:
        weight: ``(N_out, N_in)``; each row is drawn as ``torch.nn.Linear`` draws that of a neuron
            with as many inputs as the row has synapses. 0 where there is none.
        connections: a buffer, in ``state_dict()``: loading a checkpoint with other ones is an
            error that says how to construct the layer for it.

    Raises:
        TypeError: connections that are not boolean.
        ValueError: connections or an input of the wrong shape.

    >>> layer = SparseSynapse(3, 1, torch.tensor([[True, False, True]]), bias=False)
    >>> _ = torch.nn.init.ones_(layer.weight)
    >>> y = layer(torch.ones(1, 3))
    >>> y.item()
    2.0
    >>> y.sum().backward()
    >>> layer.weight.grad
    tensor([[1., 0., 1.]])
    """

    STEP = ("B, *, N_in",)
    GIVEN = ("connections",)
    connections: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        connections: Tensor,
        bias: bool = True,
        step_mode: str = "s",
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        _check_connections(connections, (out_features, in_features))
        nn.Linear.__init__(self, in_features, out_features, bias, device, dtype)
        self.step_mode = step_mode
        self.register_buffer("connections", connections.detach().clone().to(self.weight.device))
        self._n_synapses = int(connections.sum())
        with torch.no_grad():
            # Linear draws from +-1/sqrt(N_in); a row of k synapses has +-1/sqrt(k)
            fan_in = self.connections.sum(1, keepdim=True).clamp(min=1).to(self.weight.dtype)
            self.weight.mul_((in_features / fan_in).sqrt() * self.connections)

    @classmethod
    def from_density(
        cls,
        in_features: int,
        out_features: int,
        density: float,
        bias: bool = True,
        step_mode: str = "s",
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> SparseSynapse:
        """With a share of all synapses, drawn at random: ``round(density * N_out * N_in)``.

        Args:
            in_features, out_features, bias, step_mode, device, dtype: as for the class.
            density: ``0 < density <= 1``.
            generator: on the CPU; None for torch's own.

        Raises:
            ValueError: a density out of range.

        >>> generator = torch.Generator().manual_seed(0)
        >>> SparseSynapse.from_density(10, 5, 0.2, generator=generator)
        SparseSynapse(in_features=10, out_features=5, bias=True, synapses=10 of 50, step_mode='s')
        """
        if not 0 < density <= 1:
            raise ValueError(
                f"density of {cls.__name__} must be a share of the synapses, 0 < density <= 1, "
                f"got {density!r}"
            )
        size = in_features * out_features
        chosen = torch.randperm(size, generator=generator)[: round(density * size)]
        connections = torch.zeros(size, dtype=torch.bool)
        connections[chosen] = True
        grid = connections.view(out_features, in_features)
        return cls(in_features, out_features, grid, bias, step_mode, device=device, dtype=dtype)

    def masked_weight(self) -> Tensor:
        """``weight`` ``(N_out, N_in)`` with 0 where there is no synapse."""
        # a selection: a product would make NaN of an infinite weight that does not count
        return torch.where(self.connections, self.weight, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, *, N_out)``, in mode ``'m'`` with T before.

        Raises:
            ValueError: x has too few axes, or not N_in inputs; the message names the layer.
        """
        check_rank(self, x, self.STEP)
        if x.shape[-1] != self.in_features:
            raise ValueError(
                f"{label(self)} takes {self.in_features} inputs along the last axis, got "
                f"{tuple(x.shape)}"
            )
        return functional.linear(x, self.masked_weight(), self.bias)

    def extra_repr(self) -> str:
        """Sizes, and how many synapses there are."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}, synapses={self._n_synapses} of "
            f"{self.connections.numel()}, step_mode={self.step_mode!r}"
        )


def _check_connections(connections: Tensor, shape: tuple[int, int]) -> None:
    if not isinstance(connections, Tensor) or connections.dtype != torch.bool:
        kind = connections.dtype if isinstance(connections, Tensor) else type(connections).__name__
        raise TypeError(
            f"connections of SparseSynapse must be a boolean tensor, True where there is a "
            f"synapse, got {kind}; pass connections != 0"
        )
    if connections.shape != shape:
        raise ValueError(
            f"connections of SparseSynapse must be (N_out, N_in) = {shape}, got "
            f"{tuple(connections.shape)}; rows are outputs, columns inputs"
        )
