"""Request and Place: what a layer asks of the chip, and what it got."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from snn_hardware.figures import BUSES, CIRCUITS, ROWS


class Request(NamedTuple):
    """What a layer of neurons asks of the chip.

    Args:
        name: of the layer, for messages.
        n_out: neurons.
        n_in: inputs from outside of the layer; they come over the external links.
        recurrent: whether each neuron is also a source of all neurons of the layer.
        replicas: row pairs of a source; weights reach ``63 * replicas``.
        signed: two rows a source and replica (demos). False: one row, for a layer all of whose
            weights have one sign, since the sign is a property of the row (haldls).
        circuits: the first circuit of each neuron, by hand; they win. None: the lowest free.
        merged: circuits of a neuron. None: as few as its sources need.

    >>> Request("hidden", n_out=120, n_in=5, replicas=5).check().rows_each
    10
    """

    name: str
    n_out: int
    n_in: int
    recurrent: bool = False
    replicas: int = 1
    signed: bool = True
    circuits: tuple[int, ...] | None = None
    merged: int | None = None

    @property
    def rows_each(self) -> int:
        """Rows that a source takes.

        >>> Request("a", 1, 1, replicas=3, signed=False).rows_each
        3
        """
        return self.replicas * (2 if self.signed else 1)

    @property
    def least_merged(self) -> int:
        """Circuits that a neuron needs at the least for its inputs and neurons of the layer.

        >>> Request("hidden", n_out=64, n_in=784).least_merged
        7
        """
        sources = self.n_in + (self.n_out if self.recurrent else 0)
        per_circuit = int(ROWS.value) // self.rows_each
        return -(-sources // per_circuit) if per_circuit else 1

    @property
    def fits_rows(self) -> bool:
        """Whether one source fits the rows of a circuit, or of a bus if it is recurrent.

        >>> Request("a", 1, 1, replicas=129).fits_rows
        False
        """
        rows = int(ROWS.value) // (int(BUSES.value) if self.recurrent else 1)
        return self.rows_each <= rows

    def check(self) -> Request:
        """This request, if it makes sense.

        Raises:
            TypeError: a number that is no integer.
            ValueError: a number below 1; circuits that are not one for each neuron, that are named
                twice, or that there are not.
        """
        for name in ("n_out", "n_in", "replicas", "merged"):
            _check_number(self.name, name, getattr(self, name))
        if self.circuits is not None:
            _check_circuits(self.name, self.n_out, self.circuits)
        return self


class Place(NamedTuple):
    """Where a layer lies on the chip. All tensors are int64.

    Circuit c lies in hemisphere c // 256, column c % 256. The weight of source j to neuron i is in
    circuit ``circuits[i, part[j]]``, at rows ``rows[j, r]`` for each replica r.

    Args:
        request: what was asked for.
        circuits: ``(N_out, c)``; the first keeps the membrane and fires.
        part: ``(N_in,)`` which of the c circuits of a neuron holds the synapses of a source.
        rows: ``(N_in, R, 2)`` excitatory and inhibitory row, 0 to 255, the same in both
            hemispheres; the two are one row if the request is not signed.
        labels: ``(N_in,)`` 6-bit synapse address; sources that share a driver differ in it.
        recurrent_part: ``(N_out,)``, and
        recurrent_rows: ``(N_out, R, 2)``, and
        recurrent_labels: ``(N_out,)`` the same of the layer's own neurons as sources; their rows
            are on the bus that their column dictates. All are empty if it is not recurrent.

    >>> import torch
    >>> from snn_hardware.placement import place
    >>> one = place(Request("out", n_out=2, n_in=3), taken=(), usable=torch.ones(512).bool())
    >>> one.circuits.tolist(), one.rows[:, 0].tolist()
    ([[0], [1]], [[0, 1], [2, 3], [4, 5]])
    """

    request: Request
    circuits: Tensor
    part: Tensor
    rows: Tensor
    labels: Tensor
    recurrent_part: Tensor
    recurrent_rows: Tensor
    recurrent_labels: Tensor


def _check_number(layer: str, name: str, value: int | None) -> None:
    if value is None and name == "merged":
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"layer {layer!r}: {name} must be an integer, got {value!r}")
    if value < 1:
        raise ValueError(f"layer {layer!r}: {name} must be at least 1, got {value}")


def _check_circuits(layer: str, n_out: int, circuits: tuple[int, ...]) -> None:
    if len(circuits) != n_out:
        raise ValueError(
            f"layer {layer!r}: circuits must name the first one of each of the {n_out} neurons, "
            f"got {len(circuits)}; None leaves them to the chip"
        )
    last = int(CIRCUITS.value) - 1
    for circuit in circuits:
        if isinstance(circuit, bool) or not isinstance(circuit, int):
            raise TypeError(f"layer {layer!r}: circuits are integers, got {circuit!r}")
        if not 0 <= circuit <= last:
            raise ValueError(f"layer {layer!r}: there is no circuit {circuit}, only 0 to {last}")
    if len(set(circuits)) < n_out:
        twice = next(c for c in circuits if circuits.count(c) > 1)
        raise ValueError(f"layer {layer!r}: circuit {twice} is named for two neurons; name others")
