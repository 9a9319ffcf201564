"""IAFNode, LINode, AdExNode, CubaLIFNode: the neurons of snn-neurons as nodes, by class."""

from __future__ import annotations

from typing import Any, ClassVar

from snn_nodes.neuron.neuron_node import NeuronNode, check_settings


class _Registered(NeuronNode):
    """A node whose class says which neuron it is; the rest as for ``NeuronNode``."""

    model: ClassVar[str]

    def __init__(self, *, dt: float, **settings: Any) -> None:
        check_settings(self.model, settings)
        super().__init__(self.model, dt=dt, **settings)


class IAFNode(_Registered):
    """Integrate-and-fire without leak, fires on the old state, then adds its input (``iaf``)."""

    model = "iaf"


class LINode(_Registered):
    """Leaky integrator with an exponential synapse; its output is the membrane (``li``).

    >>> import torch
    >>> LINode(dt=1e-3, step_mode="m")(torch.ones(3, 1, 1)).flatten()
    tensor([0.0000, 0.1000, 0.2700])
    """

    model = "li"


class AdExNode(_Registered):
    """Adaptive exponential integrate-and-fire, current-based (``adex``)."""

    model = "adex"


class CubaLIFNode(_Registered):
    """Leaky integrate-and-fire with an exponential synapse (``lif``)."""

    model = "lif"
