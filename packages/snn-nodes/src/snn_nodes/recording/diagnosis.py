"""diagnose: one run of a network forward and backward, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from snn_nodes.recording.advice import SATURATION, LayerDiagnosis, advice_on
from snn_nodes.recording.columns import columns
from snn_nodes.recording.probing import Probe, probing
from snn_nodes.recording.sites import sites, undisturbed
from snn_nodes.spikes import dense

Loss = Callable[[Any], Tensor]
Run = Callable[[nn.Module, Any], Any]


class ParameterDiagnosis(NamedTuple):
    """The gradient of a parameter.

    Args:
        name: as in ``net.named_parameters()``.
        gradient: its norm; None if the loss does not depend on the parameter.
    """

    name: str
    gradient: float | None


class Diagnosis(NamedTuple):
    """What ``diagnose`` has found; ``print`` it.

    Args:
        layers: of neurons, in the order of the network.
        parameters: those that require a gradient.
        loss: its value.
        advice: a line for each thing that is wrong; empty if nothing is.
    """

    layers: tuple[LayerDiagnosis, ...]
    parameters: tuple[ParameterDiagnosis, ...]
    loss: float
    advice: tuple[str, ...]

    def __str__(self) -> str:
        heads = ("layer", "kind", "steps", "neurons", "spikes/step", "dead", "saturated")
        more = ("in width", "gradient", "early", "late")
        table = columns((*heads, *more), [_row(layer) for layer in self.layers], left=2)
        found = [f"- {line}" for line in self.advice] or ["nothing is wrong"]
        return "\n".join([table, f"loss {self.loss:.4g}", *found])


def diagnose(
    net: nn.Module, x: Any, loss: Loss | None = None, *, run: Run | None = None
) -> Diagnosis:
    """Run a network once forward and backward, and see which neurons and gradients are in order.

    Starts without state. Afterwards the network is as it was: memories, ``.grad`` of parameters,
    buffers and random numbers. Its mode (``train()`` or ``eval()``) is kept. The gradient with
    respect to a layer's output at a step is the way of the loss through all that comes after,
    without that layer's own reset or feedback.

    A neuron is dead if it never fires, saturated if it fires in more than 90 % of the steps. The
    width of a surrogate is where its slope is at least a tenth of its peak (``surrogate_width``).
    Membranes are seen as the threshold is asked, before reset. They are not on a backend other than
    ``'eager'`` that was asked for by name (nodes with ``'auto'`` run eagerly here, the same
    numbers), with a surrogate that is a plain function, or with the smooth primitive in the spike's
    place.

    Advice is given on a layer where more than 20 % of its neurons are dead, more than 10 % are
    saturated, less than 2 % of its membranes are within the width, its gradient is a thousand times
    smaller or larger than the last layer's, or is so in the first quarter of the steps (``early``,
    the largest) against the last (``late``); and on parameters without gradient, or with one that
    is not finite.

    Args:
        net: the network.
        x: its input, such as ``(T, B, *)``.
        loss: of the output; None for its sum. Pass what you train with: the sum does not know
            which steps or outputs matter, and that of a softmax has no gradient.
        run: ``(net, x) -> output``; None for ``net(x)``. For a network in step mode ``'s'``:
            ``lambda net, x: torch.stack([net(step) for step in x])``.

    Raises:
        ValueError: no layer of neurons, a loss that is not one number, weights made in inference
            mode.
        TypeError: an output that is no tensor, without a loss.

    >>> from snn_nodes.neuron import IFNode
    >>> net = nn.Sequential(IFNode(step_mode="m"))
    >>> print(diagnose(net, torch.zeros(8, 1, 3)))
    layer  kind    steps  neurons  spikes/step   dead  saturated  in width  gradient  early  late
    0      IFNode      8        3            0  100 %        0 %       0 %       4.9    1.7   1.7
    loss 0
    - IFNode '0': 3 of 3 neurons never fire; raise the weights ...
    - IFNode '0': 0.00% of its membranes are within -0.909 ... 0.909 of the threshold, ...
    """
    layers = sites(net)
    _check_learnable(net)
    run = _call if run is None else run
    loss = _sum if loss is None else loss
    named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    with _with_gradient(), undisturbed(net), probing(layers) as probes:
        value = loss(run(net, _usable(x)))
        _check_loss(value)
        zeros = [zero for probe in probes.values() for zero in probe.zeros]
        wanted = [*zeros, *(p for _, p in named)]
        gradients: list[Tensor | None] = [None] * len(wanted)
        if value.requires_grad and wanted:
            gradients = list(torch.autograd.grad(value, wanted, allow_unused=True))
    of_outputs = iter(gradients)
    found = tuple(_layer(name, probe, of_outputs) for name, probe in probes.items())
    parameters = tuple(
        ParameterDiagnosis(name, None if g is None else torch.linalg.vector_norm(g).item())
        for (name, _), g in zip(named, of_outputs, strict=True)
    )
    number = value.item()
    advice = (*advice_on(found), *_on_parameters(parameters), *_on_loss(number))
    return Diagnosis(found, parameters, number, advice)


@contextmanager
def _with_gradient() -> Iterator[None]:
    """Whatever mode is around it."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def _usable(x: Any) -> Any:
    """An input that inference has made as one that gradients may need."""
    return x.clone() if isinstance(x, Tensor) and x.is_inference() else x


def _check_learnable(net: nn.Module) -> None:
    for name, value in (*net.named_parameters(), *net.named_buffers()):
        if value.is_inference():
            raise ValueError(
                f"{name} was made in torch.inference_mode() and takes part in no gradient; "
                f"construct the network outside of it"
            )


def _call(net: nn.Module, x: Any) -> Any:
    return net(x)


def _sum(output: Any) -> Tensor:
    if not isinstance(output, Tensor):
        raise TypeError(
            f"the network returns {type(output).__name__}, not a tensor: pass "
            f"loss=lambda output: ... that makes one number of it"
        )
    return dense(output).sum()


def _check_loss(value: Any) -> None:
    if not isinstance(value, Tensor) or value.numel() != 1:
        given = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"loss must return one number as a tensor, got {given}; take its mean")


def _layer(name: str, probe: Probe, gradients: Iterator[Tensor | None]) -> LayerDiagnosis:
    kind = type(probe.site).__name__
    if not probe.steps:
        nothing = torch.zeros(0)
        return LayerDiagnosis(name, kind, 0, 0, None, None, None, probe.width, None, nothing)
    rates = probe.rates()
    rate = dead = saturated = in_width = None
    if probe.spiking:
        rate = rates.mean().item()
        dead = (rates == 0).float().mean().item()
        saturated = (rates > SATURATION).float().mean().item()
        in_width = probe.in_width()
    norms = probe.norms([next(gradients) for _ in probe.zeros])
    return LayerDiagnosis(
        name,
        kind,
        rates.numel(),
        probe.steps,
        rate,
        dead,
        saturated,
        probe.width,
        in_width,
        norms,
    )


def _on_parameters(parameters: tuple[ParameterDiagnosis, ...]) -> Iterator[str]:
    kinds = {
        "the loss does not depend on": [p.name for p in parameters if p.gradient is None],
        "the gradient is 0 everywhere of": [p.name for p in parameters if p.gradient == 0],
        "the gradient is not finite of": [
            p.name for p in parameters if p.gradient is not None and not math.isfinite(p.gradient)
        ],
    }
    for what, names in kinds.items():
        if names:
            count = f"{len(names)} of {len(parameters)} parameters"
            yield f"{what} {count}: {', '.join(names)}"


def _on_loss(value: float) -> Iterator[str]:
    if not math.isfinite(value):
        yield f"the loss is {value}"


def _row(layer: LayerDiagnosis) -> tuple[str, ...]:
    shares = (layer.dead, layer.saturated, layer.in_width)
    norms = (layer.gradient_norm, layer.early, layer.late) if layer.steps else (None,) * 3
    return (
        layer.name,
        layer.kind,
        str(layer.steps),
        str(layer.neurons),
        "-" if layer.rate is None else f"{layer.rate:.3g}",
        *("-" if share is None else f"{100 * share:.3g} %" for share in shares),
        *("-" if norm is None else f"{norm:.2g}" for norm in norms),
    )
