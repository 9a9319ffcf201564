"""Cards: what NIR cannot say of a node, kept in its metadata, so that it comes back as it was.

A card is text and arrays, no pickle: the class by a name of the table here, its settings as JSON,
its tensors as arrays. It is believed only if the node that it makes is written to the very arrays
that the graph has: whoever changes an array in a graph gets what the array says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from snn_core import lookup
from snn_core.thresholds import Threshold
from snn_core.types import Value
from torch import Tensor, nn

from snn_nodes import surrogate as surrogates
from snn_nodes.exchange.arrays import to_array, to_tensor
from snn_nodes.exchange.firing import is_ours
from snn_nodes.neuron import (
    BaseNode,
    CubaLIFNode,
    IAFNode,
    IFNode,
    LIFNode,
    LINode,
    NeuronNode,
    ParametricLIFNode,
)
from snn_nodes.surrogate import Surrogate

CLASS, SETTINGS, TENSOR = "snn_nodes.class", "snn_nodes.settings", "snn_nodes.tensor."


class Card(NamedTuple):
    """How a class is described and made again.

    Args:
        kind: the class.
        settings: what is a number, a word or None of its construction, as JSON takes it.
        make: from the settings and from tensors of the right shapes, whose values are loaded after.
    """

    kind: type[nn.Module]
    settings: Callable[[Any], dict[str, Any]]
    make: Callable[[Any, dict[str, Any], Mapping[str, Tensor]], nn.Module]


def described(module: nn.Module) -> dict[str, Any]:
    """The card of a module, as metadata; empty for a class that has none.

    >>> described(IFNode(v_threshold=0.5))["snn_nodes.class"]
    'IFNode'
    """
    card = CARDS.get(type(module).__name__)
    if card is None or card.kind is not type(module):
        return {}
    values = module.state_dict()
    state = {key: v for key, v in values.items() if not key.endswith("_extra_state")}
    tensors = {key: [str(v.dtype), list(v.shape)] for key, v in state.items()}
    settings = card.settings(module) | {"tensors": tensors}
    arrays = {TENSOR + key: to_array(value).reshape(-1) for key, value in state.items()}
    return {CLASS: type(module).__name__, SETTINGS: json.dumps(settings), **arrays}


def made(metadata: Mapping[str, Any]) -> nn.Module | None:
    """The module of a card; None if there is no card of a known class.

    Raises:
        ValueError, TypeError, KeyError, LookupError: a card that makes no sense.
    """
    card = CARDS.get(str(metadata.get(CLASS)))
    if card is None:
        return None
    settings = json.loads(str(metadata[SETTINGS]))
    tensors = {
        key: to_tensor(
            metadata[TENSOR + key], getattr(torch, dtype.removeprefix("torch."))
        ).reshape(shape)
        for key, (dtype, shape) in settings.pop("tensors").items()
    }
    module = card.make(card.kind, settings, tensors)
    with torch.no_grad():
        for key, value in tensors.items():
            _place(module, key, value)
    return module


def without(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of others."""
    return {key: value for key, value in metadata.items() if not key.startswith("snn_nodes.")}


def plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A short card: settings of a layer whose class needs none."""
    return {SETTINGS: json.dumps(dict(metadata))} if metadata else {}


def settings_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a short card, empty if there are none."""
    found: dict[str, Any] = json.loads(str(metadata.get(SETTINGS, "{}")))
    return found


def _place(module: nn.Module, key: str, value: Tensor) -> None:
    """Put a tensor where its key says, in its own dtype."""
    owner, _, name = key.rpartition(".")
    where = module.get_submodule(owner) if owner else module
    held = getattr(where, name)
    if held.shape != value.shape:
        raise ValueError(f"tensor {key!r} of shape {tuple(value.shape)}, not {tuple(held.shape)}")
    held.data = value


def _surrogate_settings(surrogate: Any) -> dict[str, Any] | None:
    if not is_ours(surrogate):
        return None
    return {
        "class": type(surrogate).__name__,
        "name": surrogate.threshold.name,
        "alpha": surrogate.alpha,
        "spiking": surrogate.spiking,
    }


def _surrogate(settings: Mapping[str, Any] | None) -> Surrogate | None:
    if settings is None:
        return None
    kind = vars(surrogates).get(str(settings["class"]))
    rest = {"alpha": settings["alpha"], "spiking": settings["spiking"]}
    if isinstance(kind, type) and issubclass(kind, Surrogate) and kind is not Surrogate:
        return kind(**rest)
    return Surrogate(settings["name"], **rest)


def _number(value: Value | None) -> float | None:
    """A number as it is; of a tensor, which is kept apart, nothing."""
    return None if isinstance(value, Tensor) else value


def _base_settings(node: BaseNode) -> dict[str, Any]:
    return {
        "v_threshold": _number(node.v_threshold),
        "v_reset": _number(node.v_reset),
        "surrogate_function": _surrogate_settings(node.surrogate_function),
        "detach_reset": node.detach_reset,
        "spike_out": node.spike_out,
        "store_v_seq": node.store_v_seq,
        "learnt": [
            name for name, _ in node.named_parameters() if name in ("v_threshold", "v_reset")
        ],
    }


def _lif_settings(node: LIFNode) -> dict[str, Any]:
    return _base_settings(node) | {"tau": _number(node.tau), "decay_input": node.decay_input}


def _plif_settings(node: ParametricLIFNode) -> dict[str, Any]:
    return _base_settings(node) | {"decay_input": node.decay_input}


def _make_base(kind: Any, settings: dict[str, Any], tensors: Mapping[str, Tensor]) -> nn.Module:
    learnt = settings.pop("learnt")
    settings["surrogate_function"] = _surrogate(settings["surrogate_function"])
    for name in ("v_threshold", "v_reset", "tau"):
        if name in tensors:
            value = tensors[name]
            settings[name] = nn.Parameter(value) if name in learnt else value
    if "w" in tensors:
        settings["init_tau"] = torch.full_like(tensors["w"], 2.0)
    module: nn.Module = kind(**settings)
    return module


def _threshold_settings(threshold: Threshold) -> dict[str, Any]:
    return {"name": threshold.name, "alpha": threshold.alpha, "strict": threshold.strict}


def _neuron_settings(node: NeuronNode) -> dict[str, Any]:
    fields = node.neuron.Params._fields
    return {
        "neuron": node.neuron.name,
        "dt": node.dt,
        "threshold": _threshold_settings(node.threshold),
        "params": {
            name: value
            for name, value in node.params()._asdict().items()
            if not isinstance(value, Tensor)
        },
        "learn": [name for name in fields if node._learns(name)],
        "spike_out": node.spike_out,
        "store_v_seq": node.store_v_seq,
    }


def _make_neuron(kind: Any, settings: dict[str, Any], tensors: Mapping[str, Tensor]) -> nn.Module:
    neuron = lookup.neuron(settings.pop("neuron"))
    named = settings.pop("threshold")
    threshold = lookup.threshold(named["name"], alpha=named["alpha"], strict=named["strict"])
    values: dict[str, Any] = settings.pop("params")
    for key, value in tensors.items():
        name = key.rpartition(".")[2]
        logarithmic = name.startswith("log_")
        values[name.removeprefix("log_")] = value.exp() if logarithmic else value
    settings |= {"params": neuron.Params(**values), "threshold": threshold}
    first = (neuron,) if kind is NeuronNode else ()
    module: nn.Module = kind(*first, **settings)
    return module


CARDS: Mapping[str, Card] = {
    "IFNode": Card(IFNode, _base_settings, _make_base),
    "LIFNode": Card(LIFNode, _lif_settings, _make_base),
    "ParametricLIFNode": Card(ParametricLIFNode, _plif_settings, _make_base),
    "NeuronNode": Card(NeuronNode, _neuron_settings, _make_neuron),
    "CubaLIFNode": Card(CubaLIFNode, _neuron_settings, _make_neuron),
    "IAFNode": Card(IAFNode, _neuron_settings, _make_neuron),
    "LINode": Card(LINode, _neuron_settings, _make_neuron),
}
"""The classes that come back."""
