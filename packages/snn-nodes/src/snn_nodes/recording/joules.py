"""energy: from numbers of operations to joules, by a table of published figures."""

from __future__ import annotations

from typing import NamedTuple

from snn_nodes.recording.columns import columns
from snn_nodes.recording.operations import Operations


class EnergyPerOperation(NamedTuple):
    """Joules an operation; as given, 32-bit floating point in 45 nm CMOS at 0.9 V.

    An addition takes 0.9 pJ, a multiplication 3.7 pJ, so a multiplication with its addition 4.6 pJ.
    Pass other figures for other hardware.

    Args:
        accumulation: of a weight, where a spike comes in: an addition.
        multiplication: of a weight and an input, with the addition (a MAC).
        bias: an addition.
        update: a step of a neuron: one multiplication and one addition, as a leaky
            integrate-and-fire neuron has; ``IFNode`` has the addition alone, 0.9 pJ.

    Source: Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, figure
    1.1.9.
    """

    accumulation: float = 0.9e-12
    multiplication: float = 4.6e-12
    bias: float = 0.9e-12
    update: float = 4.6e-12


class LayerEnergy(NamedTuple):
    """What a layer takes, in joules.

    Args:
        name, kind: its place and its class.
        synapses: accumulations, multiplications and biases.
        neurons: updates.
        dense: synapses and neurons, if the same input were not spikes.
    """

    name: str
    kind: str
    synapses: float
    neurons: float
    dense: float

    @property
    def total(self) -> float:
        """Synapses and neurons."""
        return self.synapses + self.neurons


class Energy(NamedTuple):
    """The energy of each layer; ``print`` it.

    Args:
        layers: in the order of the network.
        not_counted: modules with weights whose operations are not counted.
    """

    layers: tuple[LayerEnergy, ...]
    not_counted: tuple[str, ...]

    @property
    def total(self) -> float:
        """Of all layers, in joules."""
        return sum(layer.total for layer in self.layers)

    @property
    def dense(self) -> float:
        """Of all layers, if no input were spikes, in joules."""
        return sum(layer.dense for layer in self.layers)

    def __str__(self) -> str:
        rows = [
            (row.name, row.kind, *map(joules, (row.synapses, row.neurons, row.total, row.dense)))
            for row in self.layers
        ]
        synapses = sum(row.synapses for row in self.layers)
        neurons = sum(row.neurons for row in self.layers)
        sums = (synapses, neurons, self.total, self.dense)
        rows.append(("total", "", *map(joules, sums)))
        heads = ("layer", "kind", "synapses", "neurons", "both", "both if dense")
        lines = [columns(heads, rows, left=2), "without access to memory, which often takes more"]
        if self.not_counted:
            lines.append(f"not counted: {', '.join(self.not_counted)}")
        return "\n".join(lines)


def energy(operations: Operations, per: EnergyPerOperation | None = None) -> Energy:
    """The energy of operations that were counted.

    Only arithmetic counts. Not in it: reading weights and states from memory and writing them
    back, which in the source's figures takes more than the arithmetic itself (10 pJ for 64 bits
    from an 8 kB cache, 1 nJ and more from DRAM); moving spikes; comparisons and resets; leakage.

    Args:
        operations: from ``synaptic_operations(net, x)`` or an ``OperationCounter``.
        per: joules an operation; None for the table of ``EnergyPerOperation``.

    >>> from torch import nn, ones
    >>> from snn_nodes.recording import synaptic_operations
    >>> print(energy(synaptic_operations(nn.Linear(4, 3, bias=False), ones(1, 4))))
    layer   kind    synapses  neurons     both  both if dense
    Linear  Linear   10.8 pJ      0 J  10.8 pJ        55.2 pJ
    total            10.8 pJ      0 J  10.8 pJ        55.2 pJ
    without access to memory, which often takes more
    """
    per = EnergyPerOperation() if per is None else per
    layers = []
    for row in operations.layers:
        bias, neurons = row.biases * per.bias, row.updates * per.update
        spent = row.accumulations * per.accumulation + row.multiplications * per.multiplication
        full = row.dense * per.multiplication
        layers.append(LayerEnergy(row.name, row.kind, spent + bias, neurons, full + bias + neurons))
    return Energy(tuple(layers), operations.not_counted)


def joules(value: float) -> str:
    """An energy with three digits and a prefix.

    >>> joules(1.25e-10), joules(0.0), joules(3.0), joules(9.999e-7)
    ('125 pJ', '0 J', '3 J', '1 µJ')
    """
    if value == 0:
        return "0 J"
    rounded = float(f"{value:.3g}")
    scales = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"), (1e-12, "pJ"))
    factor, unit = next((s for s in scales if abs(rounded) >= s[0] * (1 - 1e-9)), scales[-1])
    return f"{rounded / factor:.3g} {unit}"
