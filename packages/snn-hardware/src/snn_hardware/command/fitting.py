"""``snn chip fit``: does a saved network fit the chip, and what becomes of its weights?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from snn_core.cli import text
from torch import Tensor

from snn_hardware.calibration import Calibration
from snn_hardware.command.networks import Network, read_network
from snn_hardware.command.options import (
    add_pictures,
    add_target,
    option,
    pictures_wanted,
    say_written,
    target_options,
)
from snn_hardware.command.records import Mapped
from snn_hardware.figures import CIRCUITS
from snn_hardware.laws import gain
from snn_hardware.placement import Fit, Request, describe, fit
from snn_hardware.synapses import on_steps
from snn_hardware.target import Target

DOES_NOT_FIT = 1


def add_to(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "fit",
        help="see whether a saved network fits the chip",
        description="Place a saved network on the chip and round its weights. Exit code 1 if it "
        "does not fit. The target says how much a weight moves a membrane, and with it the scale.",
    )
    parser.add_argument(
        "network", type=Path, metavar="NETWORK.pt", help="a state_dict or snn train's checkpoint"
    )
    parser.add_argument(
        "--replicas", type=int, nargs="+", default=[1], metavar="N",
        help="synapses that share a weight, for all layers or each (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--weight-scale", type=float, nargs="+", metavar="X",
        help="steps for a weight of 1, for all layers or each (default: that of the target, for "
        "v_th - v_leak = 1)",
    )  # fmt: skip
    parser.add_argument(
        "--partition", action="store_true", help="layers may run in parts, one after the other"
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="FILE", help="leave out the circuits that failed there"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of a picture of the weights"
    )
    add_target(parser)
    add_pictures(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    draws = options.out is not None and pictures_wanted(options)
    network = read_network(options.network)
    target, usable = _circuits(options)
    layers = mapped(network, options.replicas, options.weight_scale or [_scale(target)])
    found = fit([_request(one) for one in layers], usable)
    for name in network.left_out:
        print(f"left out, no matrix: {name}")
    print("\n".join(table(layers, found)))
    print(describe(found.usage))
    if draws:
        from snn_hardware.command import drawing  # only here: it needs matplotlib

        options.out.mkdir(parents=True, exist_ok=True)
        say_written([drawing.draw_weights(layers, options.network.name, options.out)])
    return _verdict(layers, found, partition=options.partition)


def mapped(network: Network, replicas: Sequence[int], scales: Sequence[float]) -> list[Mapped]:
    """The layers on steps; one number for all of them, or one for each.

    Raises:
        ValueError: another number of numbers, or one that cannot be.

    >>> from snn_hardware.command.networks import Layer
    >>> net = Network((Layer("a", torch.tensor([[0.5, 2.0]]), None),), ())
    >>> mapped(net, [1], [40.0])[0].weights.steps
    tensor([[20., 63.]])
    """
    count = len(network.layers)
    each_replicas = _for_each("--replicas", replicas, count)
    each_scale = _for_each("--weight-scale", scales, count)
    found = []
    for layer, copies, scale in zip(network.layers, each_replicas, each_scale, strict=True):
        if copies < 1 or not 0 < scale < torch.inf:
            raise ValueError(
                f"replicas are at least 1 and a weight scale is above 0 and finite, got {copies} "
                f"and {scale:g} for layer {layer.name}"
            )
        both = [part.float() for part in (layer.weight, layer.recurrent) if part is not None]
        weights = on_steps(torch.cat(both, dim=1), scale, int(copies), "clip")
        found.append(Mapped(layer, int(copies), scale, weights))
    return found


def table(layers: Sequence[Mapped], found: Fit) -> list[str]:
    """A line for each layer: its size, its runs on a chip of its own, what rounding does to it.

    The last column is the root mean square of the rounding error, in steps.
    """
    head = ("layer", "neurons", "inputs", "pairs", "runs", "scale", "saturated", "error")
    rows = [head]
    for one, runs in zip(layers, found.runs, strict=True):
        n_out, n_in = one.layer.weight.shape
        inputs = f"{n_in} + {n_out} own" if one.layer.recurrent is not None else str(n_in)
        rows.append(
            (
                one.layer.name,
                str(n_out),
                inputs,
                str(one.replicas),
                str(runs) if runs else "none",
                f"{one.scale:.4g}",
                f"{one.weights.saturated:.2%}",
                f"{one.weights.rounding:.3f}",
            )
        )
    return text.columns(rows)


def _verdict(layers: Sequence[Mapped], found: Fit, *, partition: bool) -> int:
    if found.fits:
        print("it fits")
        return 0
    if partition and all(found.runs):
        print(f"it fits in {sum(found.runs)} runs, one after the other")
        return 0
    missing = [one.layer.name for one, runs in zip(layers, found.runs, strict=True) if not runs]
    print(f"it does not fit: {found.reason}")
    if missing:
        print(f"no number of runs helps: {', '.join(missing)}")
    elif not partition:
        print(f"with --partition: {sum(found.runs)} runs, one after the other")
    return DOES_NOT_FIT


def _circuits(options: argparse.Namespace) -> tuple[Target, Tensor]:
    """The target, and the circuits that can be used."""
    if options.calibration is None:
        return target_options(options), torch.ones(int(CIRCUITS.value), dtype=torch.bool)
    given = [option(name) for name in Target._fields if getattr(options, name) is not None]
    if given:
        raise ValueError(f"--calibration has its target; leave out {', '.join(given)}")
    found = Calibration.load(options.calibration)
    return found.target, found.ok


def _scale(target: Target) -> float:
    """Steps for a weight of 1 where the threshold is 1 above the leak."""
    span = target.per_circuit("threshold") - target.per_circuit("leak")
    scales = span / gain(target)
    if not bool((scales == scales[0]).all()):
        raise ValueError("circuits of that calibration have several scales; give --weight-scale")
    return float(scales[0].item())


def _request(one: Mapped) -> Request:
    n_out, n_in = one.layer.weight.shape
    recurrent = one.layer.recurrent is not None
    return Request(one.layer.name, n_out, n_in, recurrent=recurrent, replicas=one.replicas)


def _for_each(name: str, given: Sequence[float], count: int) -> list[Any]:
    if len(given) not in (1, count):
        raise ValueError(f"{name} takes one number or one for each of {count} layers, got {given}")
    return list(given) * count if len(given) == 1 else list(given)
