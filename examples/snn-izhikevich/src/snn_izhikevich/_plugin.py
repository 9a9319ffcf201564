"""The plugin: tells snn-core the neuron's name and where it is; imports no torch."""

from snn_core import Entry, hookimpl


@hookimpl
def snn_neurons() -> list[Entry]:
    target = "snn_izhikevich.neuron:IZHIKEVICH"
    return [Entry("izhikevich", target, "two variables, many firing patterns", aliases=("izh",))]
