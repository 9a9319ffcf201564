"""Hardware: the one chip behind its handles: pattern, calibration, and who has which circuits."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from snn_core import Problem
from torch import Tensor

from snn_hardware import circuits as parameters
from snn_hardware.calibration import Calibration
from snn_hardware.circuits import Values, typical_codes
from snn_hardware.effects import Effects
from snn_hardware.held import Held, Seen
from snn_hardware.pattern import Pattern
from snn_hardware.placement import NoRoom, Request, partition, place
from snn_hardware.readout import check_period
from snn_hardware.target import Target

_Memory = tuple[int, int]
"""Where a weight lies: its storage, and how far from its beginning."""

_KEPT_TARGETS = 64
"""Targets whose values are kept, of a chip that is not calibrated: one a layer of a network."""


class Hardware:
    """One chip. Its handles (``Chip``) share it.

    Args:
        seed: of its fixed pattern, and of its trials.
        effects: what is not ideal.
        partition: whether a layer that does not fit runs in parts, one after the other.

    Raises:
        TypeError, ValueError: effects that are none, or out of range.

    >>> Hardware(7, Effects(), partition=False).usable.sum()
    tensor(512)
    """

    def __init__(self, seed: int, effects: Effects, *, partition: bool) -> None:
        if not isinstance(effects, Effects):
            raise TypeError(
                f"effects must be an Effects, got {type(effects).__name__}; pass Effects.none() or "
                f"Effects.only('weights')"
            )
        self.effects = effects.check()
        check_period(effects)
        self.pattern = Pattern(seed)
        self.partition = partition
        self.calibration: Calibration | None = None
        self.trials = torch.Generator().manual_seed(seed)
        self.seen: dict[str, Seen] = {}
        self.ready: tuple[Problem, Any] | None = None  # the call that was checked last
        self._named: dict[str, Held] = {}
        self._stored: dict[_Memory, tuple[weakref.ref[torch.UntypedStorage], Held]] = {}
        self._values: dict[Target, Values] = {}
        self._kept: dict[tuple[str, str], tuple[Held, tuple[Any, ...], Any]] = {}
        self._last: tuple[weakref.ref[Tensor], int] | None = None
        self._madc: str | None = None
        self._made = 0

    def use(self, calibration: Calibration | None) -> None:
        """Write the codes of a calibration, or typical ones; layers are placed anew.

        >>> chip = Hardware(7, Effects(), partition=False)
        >>> chip.use(None)
        >>> chip.calibration is None
        True
        """
        self.calibration = calibration
        self._values.clear()
        self._kept.clear()
        self._named.clear()
        self._stored.clear()
        self.seen.clear()
        self._madc = None

    def write(self, calibration: Calibration) -> None:
        """Write codes once more, for the layers that are there."""
        self.calibration = calibration
        self._values.clear()
        self._kept.clear()

    def values(self, target: Target) -> Values:
        """What all circuits really have: calibrated, or at typical codes for a target.

        >>> Hardware(7, Effects.none(), partition=False).values(Target(leak=90)).leak[:2]
        tensor([90., 90.], dtype=torch.float64)
        """
        if target not in self._values:
            if len(self._values) >= _KEPT_TARGETS:  # time constants that are learnt never return
                self._values.clear()
            found = self.calibration
            codes = typical_codes(target, self.effects) if found is None else found.codes
            write = 0 if found is None else found.write
            self._values[target] = parameters.values(
                codes, target, self.pattern, self.effects, write
            )
        return self._values[target]

    def lend_madc(self, layer: str, neuron: int) -> None:
        """The one fast converter, to one neuron of one layer.

        Raises:
            ValueError: another layer has it.
        """
        if self._madc not in (None, layer):
            raise ValueError(
                f"the MADC reads one neuron, and layer {self._madc!r} has it: take it from there "
                f"(chip.release({self._madc!r}), or another chip) to read neuron {neuron} of "
                f"{layer!r}"
            )
        self._madc = layer

    def remember(self, output: object) -> None:
        """The last output: if it goes on to the next layer, it is known to be spikes."""
        self._last = None
        if isinstance(output, Tensor):
            self._last = (weakref.ref(output), output._version)

    def knows(self, x: object) -> bool:
        """Whether this is the last output, as it came from the chip."""
        if self._last is None or not isinstance(x, Tensor):
            return False
        ref, version = self._last
        return ref() is x and x._version == version

    def kept(self, held: Held, what: str, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What ``make`` makes for a layer: once for a place and a key.

        Nothing in the key is a tensor, or it is the same one in every call.
        """
        had = self._kept.get((held.name, what))
        if had is None or had[0] is not held or had[1] != key:
            had = (held, key, make())
            self._kept[held.name, what] = had
        return had[2]

    @property
    def usable(self) -> Tensor:
        """Circuits that a layer may get, ``(512,)``: all, or those that calibration left."""
        if self.calibration is None:
            return torch.ones(len(self.pattern.circuits("leak")), dtype=torch.bool)
        return self.calibration.ok

    @property
    def held(self) -> tuple[Held, ...]:
        """All layers on the chip."""
        alive = [held for ref, held in self._stored.values() if ref() is not None]
        return (*self._named.values(), *alive)

    def hold(self, request: Request, weight: Tensor) -> Held:
        """The circuits of a layer: those it has, or free ones, which are its own from then on.

        A layer is known by its name; without one by the memory of its weight, as long as that is.

        Raises:
            NoRoom: it does not fit.
            ValueError: it has no name, and its weight is computed anew in every call; or it is on
                the chip with another size or other settings.

        >>> chip, weight = Hardware(7, Effects(), partition=False), torch.ones(2, 3)
        >>> chip.hold(Request("", n_out=2, n_in=3), weight).circuits
        tensor([0, 1])
        """
        self.ready = None  # a call that was checked and never ran must not keep its weight alive
        storage = weight.untyped_storage()
        memory = id(storage), int(weight.storage_offset())  # parameters may be views of one vector
        found = self._find(request, weight, memory)
        if found is not None:
            return found
        name = request.name or self._new_name()
        if name in {one.name for one in self.held}:
            raise ValueError(
                f"the chip calls a layer {name!r} that was given no name; take another name"
            )
        held = self._place(request._replace(name=name))
        if request.name:
            self._named[name] = held
        else:
            self._stored[memory] = (weakref.ref(storage), held)
        self.seen[name] = Seen()
        return held

    def release(self, name: str) -> None:
        """Free the circuits of a layer.

        Raises:
            ValueError: there is no layer of this name.

        >>> chip = Hardware(7, Effects(), partition=False)
        >>> held = chip.hold(Request("hidden", n_out=2, n_in=3), torch.ones(2, 3))
        >>> chip.release("hidden")
        >>> chip.held
        ()
        """
        stored = {held.name: key for key, (_, held) in self._stored.items()}
        if name in self._named:
            del self._named[name]
        elif name in stored:
            del self._stored[stored[name]]
        else:
            there = ", ".join(held.name for held in self.held) or "none"
            raise ValueError(f"no layer {name!r} is on the chip; there are: {there}")
        self._forget(name)

    def _find(self, request: Request, weight: Tensor, memory: _Memory) -> Held | None:
        if request.name:
            found = self._named.get(request.name)
        elif weight.grad_fn is not None:
            raise ValueError(
                "this weight is computed, so that the chip cannot know its layer again in the next "
                "call; give the layer a name: backend=chip.at('hidden')"
            )
        else:
            self._forget_the_dead()
            _, found = self._stored.get(memory, (None, None))
        if found is not None:
            _check_same(found, request)
        return found

    def _forget_the_dead(self) -> None:
        dead = [key for key, (ref, _) in self._stored.items() if ref() is None]
        for key in dead:
            self._forget(self._stored.pop(key)[1].name)

    def _forget(self, name: str) -> None:
        """Everything that was kept of a layer that is gone."""
        self.seen.pop(name, None)
        for key in [key for key in self._kept if key[0] == name]:
            del self._kept[key]
        if self._madc == name:
            self._madc = None

    def _new_name(self) -> str:
        self._made += 1
        name = f"layer {self._made}"
        return self._new_name() if name in self._named else name

    def _place(self, request: Request) -> Held:
        taken = [one for held in self.held if not held.alone for one in held.runs]
        try:
            return Held(request.name, (place(request, taken, self.usable),), alone=False)
        except NoRoom:
            if not self.partition:
                raise
        return Held(request.name, partition(request, self.usable).places, alone=True)


def _check_same(found: Held, request: Request) -> None:
    """A layer that comes again asks for what it has."""
    had = [one.request for one in found.runs]
    n_out = sum(one.n_out for one in had)
    if (n_out, had[0].n_in) != (request.n_out, request.n_in):
        raise ValueError(
            f"layer {found.name!r} has {n_out} neurons with {had[0].n_in} inputs on the chip, not "
            f"{request.n_out} with {request.n_in}; give this one another name, or "
            f"chip.release({found.name!r})"
        )
    for field in ("recurrent", "replicas", "signed", "circuits", "merged"):
        was, now = getattr(had[0], field), getattr(request, field)
        if was != now:
            raise ValueError(
                f"layer {found.name!r} was placed with {field}={was!r}, and is called with "
                f"{field}={now!r}; give this one another name, or chip.release({found.name!r})"
            )
