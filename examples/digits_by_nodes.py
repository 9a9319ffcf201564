"""Train a convolutional network of nodes on 8 x 8 digits; seconds on two cores.

    python run.py python examples/digits_by_nodes.py

Needs snn-nodes, and snn-train for the data; with snn-fused each node is one kernel. Nothing was
chosen on the test set; it is looked at once, at the end.
"""

from __future__ import annotations

import argparse

import torch
from snn_nodes import diagnose, functional, layer, neuron, surrogate
from snn_train.data.digits import load_digits
from torch import Tensor, nn

STEPS = 6


def network() -> layer.Sequential:
    return layer.Sequential(
        layer.Conv2d(1, 16, 3, padding=1, bias=False),
        layer.BatchNorm2d(16),
        neuron.IFNode(surrogate_function=surrogate.ATan()),
        layer.MaxPool2d(2),
        layer.Flatten(),
        layer.Linear(256, 10),
        neuron.LIFNode(surrogate_function=surrogate.ATan()),
    )


def images_over_time(images: Tensor) -> Tensor:
    """(B, 64) to (T, B, 1, 8, 8): the image at every step."""
    return images.view(-1, 1, 8, 8).expand(STEPS, -1, -1, -1, -1)


def rates(net: nn.Module, images: Tensor) -> Tensor:
    """The firing rate of each class."""
    with functional.fresh(net):
        return net(images_over_time(images)).mean(0)


def train(net: nn.Module, inputs: Tensor, labels: Tensor, epochs: int) -> None:
    adam = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(epochs):
        net.train()
        for batch in torch.randperm(len(inputs)).split(64):
            target = nn.functional.one_hot(labels[batch], 10).float()
            loss = nn.functional.mse_loss(rates(net, inputs[batch]), target)
            adam.zero_grad()
            loss.backward()
            adam.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}")


@torch.no_grad()
def accuracy(net: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    net.eval()
    return (rates(net, inputs).argmax(1) == labels).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15)
    epochs = parser.parse_args().epochs
    torch.manual_seed(0)
    digits, net = load_digits(), network()
    train(net, *digits.train, epochs)
    some = images_over_time(digits.validation.inputs[::11])
    print(diagnose(net, some))
    print(f"validation accuracy {100 * accuracy(net, *digits.validation):.1f} %")
    print(f"test accuracy {100 * accuracy(net, *digits.test):.1f} %")


if __name__ == "__main__":
    main()
