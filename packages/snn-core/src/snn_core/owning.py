"""Owner: the nn.Module that keeps a layer's values: learnt, tensors that stay, plain numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snn_core import checking
from snn_core.types import Quantity, Value


class Owner(nn.Module):
    """A module that owns values by name, each kept in the one way that suits it.

    Attributes:
        learned: learnt ones as they are, or as ``log_NAME`` their logarithm.
        fixed: tensors that stay as they are; they move with the module and are saved.

    >>> from snn_core.layer import Layer
    >>> from snn_core.testing import TOY
    >>> layer = Layer(5, 3, TOY, dt=1e-3, params=TOY.Params(v_th=torch.ones(3)), learn=("tau_mem",))
    >>> sorted(name for name in layer.state_dict() if "extra" not in name)
    ['fixed.v_th', 'learned.log_tau_mem', 'weight']
    """

    def __init__(self) -> None:
        super().__init__()
        self.learned = nn.ParameterDict()
        self.fixed = nn.Module()
        self._numbers: dict[str, float] = {}
        self._logarithmic: set[str] = set()

    def __repr__(self) -> str:
        """One line: ``extra_repr`` says what is in ``learned`` and ``fixed``."""
        return f"{type(self).__name__}({self.extra_repr()})"

    def _own(
        self,
        whose: str,
        values: dict[str, Value],
        known: dict[str, Quantity],
        learn: tuple[str, ...],
        like: Tensor,
    ) -> None:
        """Keep values: as what is learnt, as buffers, as numbers.

        Args:
            whose: what they belong to, for messages.
            values: by name.
            known: what each is; one that must not be negative is learnt by its logarithm.
            learn: names of those to learn.
            like: gives learnt numbers their dtype and device.

        Raises:
            ValueError: one is to be learnt that has no gradient, or starts where it must not.
        """
        for name, value in values.items():
            quantity = known.get(name, Quantity(""))
            if name not in learn:
                self._keep(name, value)
            elif not quantity.learnable:
                raise ValueError(f"{name} of {whose} has no gradient; it cannot be learnt")
            elif quantity.positive or quantity.nonnegative:
                self._learn_logarithm(name, value, like)
            else:
                self._learn(name, value, like)

    def _keep(self, name: str, value: Value) -> None:
        """Keep a value as it is: a tensor as a buffer of its own memory, a number as a number."""
        _check_not_attached(name, value)
        if isinstance(value, Tensor):
            self.fixed.register_buffer(name, value.clone())
        else:
            self._numbers[name] = value

    def _learn(self, name: str, value: Value, like: Tensor) -> None:
        """Learn a value from where it is; a number in the dtype and on the device of ``like``."""
        self.learned[name] = nn.Parameter(_start(name, value, like))

    def _learn_logarithm(self, name: str, value: Value, like: Tensor) -> None:
        """Learn a positive value through its logarithm, so that it stays positive.

        Raises:
            ValueError: it is not positive.
        """
        start = _start(name, value, like)
        values = checking.readable(start)
        if values is not None and not bool((values > 0).all()):
            raise ValueError(
                f"{name} must be positive to be learnt through its logarithm, got "
                f"{values.min().item()}"
            )
        self._logarithmic.add(name)
        self.learned[f"log_{name}"] = nn.Parameter(start.log())

    def _learns(self, name: str) -> bool:
        """Whether the value of this name is learnt."""
        return name in self._logarithmic or name in self.learned

    def _value(self, name: str) -> Value | None:
        """The value as it stands now, in its own unit; None if there is none of this name."""
        if name in self._numbers:
            return self._numbers[name]
        if name in self._logarithmic:
            logarithm: Tensor = self.learned[f"log_{name}"]
            return logarithm.exp()
        if name in self.fixed._buffers:
            return self.fixed._buffers[name]
        learnt: Tensor | None = self.learned.get(name)
        return learnt


def _start(name: str, value: Value, like: Tensor) -> Tensor:
    """Where learning starts: memory of its own."""
    _check_not_attached(name, value)
    if isinstance(value, Tensor):
        return value.clone()
    checking.check_number(name, value)
    return torch.tensor(value, dtype=like.dtype, device=like.device)


def _check_not_attached(name: str, value: object) -> None:
    if isinstance(value, Tensor) and value.requires_grad:
        raise ValueError(
            f"{name} requires a gradient, but a layer owns what it learns: "
            f"pass its value, {name}.detach(), and learn=({name!r},)"
        )
