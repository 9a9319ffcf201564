"""Write the problems into a folder: drawn weights, weights after training, what ours computes.

python make.py FOLDER --epochs 20
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from networks import DURATION, Net, drawn
from problem import Problem
from rows import AGAINST_PEERS, NETS, OWN, WEIGHTS
from snn_core import Events
from torch import Tensor
from yin_yang import events, samples

SIZE, BATCH, RATE, DECAY = 5000, 32, 5e-3, 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the problems into a folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=20, help="of the training")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    times, labels = samples(SIZE)
    rows = dict.fromkeys([*AGAINST_PEERS, *OWN])  # each once
    for name in NETS:
        found = drawn(name, options.seed)
        for weights in WEIGHTS:
            if weights == "trained":
                train(found, times, labels, options)
            for row in rows:
                if (row.net, row.weights) == (name, weights):
                    problem = pose(found, times[: row.batch], labels[: row.batch])
                    problem.save(options.folder / f"{row.name()}.npz")
                    print(f"{row.name()}: {said(problem)}", file=sys.stderr, flush=True)


def train(net: Net, times: Tensor, labels: Tensor, options: argparse.Namespace) -> None:
    """The published recipe, for fewer epochs."""
    adam = torch.optim.Adam((net.hidden, net.output), lr=RATE)
    shuffle = torch.Generator().manual_seed(options.seed)
    for epoch in range(options.epochs):
        if epoch > 1:
            adam.param_groups[0]["lr"] *= DECAY
        for rows in torch.split(torch.randperm(len(labels), generator=shuffle), BATCH):
            adam.zero_grad()
            net.loss(events(times[rows]), labels[rows]).backward()  # type: ignore[no-untyped-call]
            adam.step()


def pose(net: Net, times: Tensor, labels: Tensor) -> Problem:
    inputs = events(times)
    loss = net.loss(inputs, labels)
    of_hidden, of_output = torch.autograd.grad(loss, (net.hidden, net.output))
    counts = [counted(spikes) for spikes in net.spikes(inputs)]
    return Problem(
        times=times.numpy(),
        labels=labels.numpy(),
        hidden=net.hidden.detach().numpy().copy(),  # the training goes on in it
        output=net.output.detach().numpy().copy(),
        constants=np.array([net.params.tau_mem, net.params.tau_syn, DURATION]),
        once=np.array(net.neuron == "lif_refractory"),
        loss=np.array(loss.item()),
        hidden_grad=of_hidden.numpy(),
        output_grad=of_output.numpy(),
        counts=np.array([float(count.double().mean()) for count in counts]),
        most=np.array([int(count.max()) for count in counts]),
    )


def counted(spikes: Events) -> Tensor:
    """Spikes of each sample."""
    return spikes.times.isfinite().sum(1)


def said(problem: Problem) -> str:
    hidden, output = problem.counts
    return f"loss {problem.loss:.3f}, {hidden:.1f} hidden and {output:.1f} output spikes a sample"


if __name__ == "__main__":
    main()
