"""The analog part of the chip: a neuron as a circuit, and the circuits of a layer over time."""
