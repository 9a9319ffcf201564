"""A recurrent layer: at each step a product with the recurrent weight, and kernels of one step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from snn_fused.gpu.launch import Forward, run_backward, run_forward
from snn_fused.graph.body import Body


def forward(
    body: Body,
    backward: Body | None,
    given: Mapping[str, Tensor],
    weight: Tensor,
    before: Tensor,
) -> Forward:
    """As ``run_forward``; the neurons receive ``x[t] + z[t-1] @ weight.T``.

    Args:
        body, backward, given: as there.
        weight: ``(N, N)``, from the outputs of one step to the next.
        before: the output before the first step, ``(B, N)``.
    """
    x, output = given["x"], before
    state = {name: given[name] for name in body.names("state.")}
    steps = []
    for t in range(len(x)):
        received = x[t].view(before.shape) + output @ weight.t()
        at = _row(given, t) | state | {"x": received.view(1, -1)}
        steps.append(run_forward(body, at, backward=backward))
        output = steps[-1].results["output"].view(before.shape)
        state = {name: steps[-1].results[name] for name in state}
    streams = [name for name in body.results("") if name not in state]
    joined = {name: torch.cat([step.results[name] for step in steps]) for name in streams}
    return Forward(joined | state, torch.cat([step.checkpoints for step in steps]))


def backward(
    body: Body,
    backward: Body,
    given: Mapping[str, Tensor],
    checkpoints: Tensor,
    weight: Tensor,
    output: Tensor,
    before: Tensor,
    late: Mapping[str, str],
) -> dict[str, Tensor]:
    """As ``run_backward``; the gradients to x are those to what the neurons received.

    Args:
        body, backward, given, checkpoints: as there.
        weight, before: as for ``forward``.
        output: the one of the forward pass, ``(T, B, N)``.
        late: for each ``grad.trace.*`` the ``grad.state.*`` of the same variable.

    Returns:
        As ``run_backward``, and ``grad.before`` ``(B * N,)``.
    """
    x, shape = given["x"], before.shape
    carried = {name: given[name] for name in backward.names("grad.state.")}
    sums = {name: x.new_zeros(x.shape[1:]) for name in backward.results("sum.")}
    to_received = torch.empty_like(x)
    to_output = before.new_zeros(shape)
    for t in reversed(range(len(x))):
        earlier = before if t == 0 else output[t - 1]
        received = x[t].view(shape) + earlier @ weight.t()
        at = _row(given, t) | carried | {"x": received.view(1, -1)}
        at["grad.output"] = given["grad.output"][t : t + 1] + to_output.view(1, -1)
        found = run_backward(body, backward, at, checkpoints[t : t + 1])
        to_received[t] = found["grad.x"][0]
        to_output = to_received[t].view(shape) @ weight
        sums = {name: total + found[name] for name, total in sums.items()}
        carried = {name: found[name] for name in carried}
        if t > 0:  # a kernel takes its only step for the first of all, before which is no trace
            for name, state in late.items():
                carried[state] = carried[state] + given[name][t - 1]
    return {"grad.x": to_received, "grad.before": to_output.flatten(), **carried, **sums}


def _row(given: Mapping[str, Tensor], t: int) -> dict[str, Tensor]:
    """What is given, of streams the row of one step."""
    return {
        name: tensor[t : t + 1] if name.startswith(("seen.", "grad.trace.")) else tensor
        for name, tensor in given.items()
    }
