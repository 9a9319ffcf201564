"""The time of moving what a layer must move: x to z forward; x and the gradient of z to that of x.

No layer can be faster where memory is the limit. "into arrays" writes to arrays that are there;
"into new arrays" lets each pass make its result, as a layer has to.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from work import Shape, Variant


def into_arrays(shape: Shape) -> Callable[[], object]:
    x, g, z, out = (torch.rand(shape) for _ in range(4))

    def run() -> None:
        z.copy_(x)
        torch.add(x, g, out=out)

    return run


def into_new_arrays(shape: Shape) -> Callable[[], object]:
    x, g = torch.rand(shape), torch.rand(shape)

    def run() -> object:
        return x.clone(), torch.add(x, g)  # both live, as spikes and gradient do

    return run


VERSION = torch.__version__
VARIANTS = {
    "into arrays": Variant(moves={"moving": into_arrays}),
    "into new arrays": Variant(moves={"moving": into_new_arrays}),
}
