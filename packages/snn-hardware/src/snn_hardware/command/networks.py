"""The weights of a saved network, layer by layer, read without running anything of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

_WEIGHT, _RECURRENT = "weight", "recurrent_weight"


class Layer(NamedTuple):
    """One layer of a network.

    Args:
        name: of the module that has the weight.
        weight: ``(N_out, N_in)``.
        recurrent: ``(N_out, N_out)`` or None.
    """

    name: str
    weight: Tensor
    recurrent: Tensor | None


class Network(NamedTuple):
    """The layers of a network in the order of the file.

    Args:
        layers: at least one.
        left_out: weights that are no matrix, each with its shape.
    """

    layers: tuple[Layer, ...]
    left_out: tuple[str, ...]


def read_network(path: Path) -> Network:
    """The weights of a ``state_dict``, or of a checkpoint of ``snn train``.

    Every matrix whose name ends in ``weight`` is a layer; one that ends in ``recurrent_weight``
    belongs to the layer before it.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    # Damage may show as almost anything: zip, unpickling, end of file, key or type errors.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read ({type(error).__name__}); expected a state_dict, as "
            "torch.save(model.state_dict(), path) writes it, or a checkpoint of snn train"
        ) from error
    return network_of(_state(content), str(path))


def network_of(state: dict[str, Any], path: str) -> Network:
    """The layers in a ``state_dict``.

    Args:
        state: names and tensors in order.
        path: for messages.

    Raises:
        ValueError: no layer, or one that cannot be.

    >>> found = network_of({"hidden.weight": torch.ones(3, 2), "hidden.bias": torch.ones(3)}, "a")
    >>> found.layers[0].name, found.layers[0].weight.shape
    ('hidden', torch.Size([3, 2]))
    """
    layers: list[Layer] = []
    left_out = []
    for name, value in state.items():
        if not (isinstance(value, Tensor) and name.endswith(_WEIGHT)):
            continue
        if value.dim() != 2:
            left_out.append(f"{name} {tuple(value.shape)}")
            continue
        if not bool(value.isfinite().all()):
            raise ValueError(f"{name} of {path} has weights that are not finite")
        if name.endswith(_RECURRENT):
            layers[-1:] = [_with_recurrent(layers, name, value)]
        else:
            layers.append(Layer(name.removesuffix(_WEIGHT).strip(".") or name, value, None))
    if not layers:
        raise ValueError(
            f"{path} has no matrix whose name ends in 'weight'; it has: "
            f"{', '.join(map(str, state)) or 'nothing'}"
        )
    return Network(tuple(layers), tuple(left_out))


def _with_recurrent(layers: list[Layer], name: str, value: Tensor) -> Layer:
    expected = (len(layers[-1].weight),) * 2 if layers else None
    if tuple(value.shape) != expected:
        raise ValueError(
            f"{name} {tuple(value.shape)} belongs to the layer before it, which "
            + (f"takes {expected}" if layers else "is missing")
        )
    return layers[-1]._replace(recurrent=value)


def _state(content: Any) -> dict[str, Any]:
    """The state_dict in what a file holds."""
    if isinstance(content, dict) and isinstance(content.get("training"), dict):
        content = content["training"].get("model")
    if not isinstance(content, dict):
        raise ValueError(
            f"expected a state_dict or a checkpoint of snn train, got {type(content).__name__}"
        )
    return content
