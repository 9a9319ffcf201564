"""Chip: the emulated chip as its user holds it. It is a backend, and can be calibrated."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from snn_core import Backend, Output, Problem, Unsupported
from snn_core.choosing import candidates

from snn_hardware.calibration import Calibration, calibrate
from snn_hardware.effects import Effects
from snn_hardware.gradients import gradient_of
from snn_hardware.hardware import Hardware
from snn_hardware.layer_run import run_layer
from snn_hardware.preparing import prepare
from snn_hardware.reporting import Report, report_of
from snn_hardware.settings import LayerSettings, check_number
from snn_hardware.target import Target
from snn_hardware.units import target_for


class Chip:
    """An emulated BrainScaleS-2 chip; a backend for ``integrate`` and ``Layer``.

    The layers that run on it are placed first come, each on circuits of its own. Forward its
    circuits run, with what they really have, and are measured; backward the model runs, with the
    measured spikes (and membranes, if asked for) in the place of its own.

    Args:
        seed: the serial number: its fixed pattern depends on it and on nothing else.
        effects: what is not ideal; by default all that is known of a real chip.
        acceleration: seconds of the model in a second of the chip: 1 if dt and time constants are
            the chip's microseconds, 1000 if they are biology's milliseconds.
        partition: whether a layer that does not fit runs in parts, one after the other.
        wait: seconds of the chip between two samples, in which membranes relax; only with the
            effect ``residual_state``, else each sample starts at rest.

    Raises:
        ValueError, TypeError: an effect, or a number, out of range.

    >>> import torch, snn_core as snn
    >>> from snn_neurons import lif
    >>> chip = Chip(seed=7)
    >>> x = (torch.rand(50, 4, 20) < 0.05).float()
    >>> params = lif.Params(tau_mem=10e-6, tau_syn=10e-6)
    >>> weight = torch.full((30, 20), 0.5, requires_grad=True)
    >>> out = snn.integrate("lif", x, weight=weight, params=params, dt=1e-6, backend=chip)
    >>> out.output.shape, out.observed.membrane_cadc.shape
    (torch.Size([50, 4, 30]), torch.Size([50, 4, 30]))
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        effects: Effects | None = None,
        acceleration: float = 1.0,
        partition: bool = False,
        wait: float = 0.0,
    ) -> None:
        if type(seed) is not int or seed < 0:
            raise ValueError(f"the seed of a chip is a whole number from 0 on, got {seed!r}")
        check_number("acceleration", acceleration, "above 0")
        if acceleration == 0:
            raise ValueError("acceleration must be finite and above 0, got 0; pass 1.0 or 1000.0")
        check_number("wait", wait, "0 seconds or more")
        self._hardware = Hardware(
            seed, Effects() if effects is None else effects, partition=partition
        )
        self._acceleration, self._wait = acceleration, wait
        self._simulators = candidates("auto")
        self._gradient = gradient_of("surrogate")
        self._settings = LayerSettings()

    @classmethod
    def ideal(cls, **options: Any) -> Chip:
        """A chip on which nothing is imperfect: it computes what the simulator does, to the bit.

        >>> Chip.ideal().effects == Effects.none()
        True
        """
        return cls(effects=Effects.none(), **options)

    @property
    def seed(self) -> int:
        """The serial number."""
        return self._hardware.pattern.seed

    @property
    def effects(self) -> Effects:
        """What is not ideal."""
        return self._hardware.effects

    @property
    def calibration(self) -> Calibration | None:
        """The one in use; None if the chip was not calibrated."""
        return self._hardware.calibration

    def calibrate(self, target: Target | None = None) -> Calibration:
        """Search the settings of all circuits by measuring them, and use them from now on.

        Layers that were on the chip are placed anew, on circuits that can be used.

        Raises:
            ValueError: a target that cannot be reached.

        >>> chip = Chip.ideal()
        >>> int(chip.calibrate(Target(leak=90)).ok.sum()), chip.calibration.target.leak
        (512, 90)
        """
        hardware, target = self._hardware, Target() if target is None else target
        if not isinstance(target, Target):
            raise TypeError(
                f"target must be a Target, got {type(target).__name__}; that of a model's "
                f"parameters is chip.target_for(params)"
            )
        found = calibrate(target.copied(), hardware.pattern, hardware.effects)
        hardware.use(found)
        return found

    def use(self, calibration: Calibration | str | Path) -> Calibration:
        """Take a calibration that was made before, or the file of one.

        Raises:
            ValueError: it belongs to another chip, or the file is no calibration.
            OSError: the file cannot be read.
        """
        found = (
            calibration if isinstance(calibration, Calibration) else Calibration.load(calibration)
        )
        if (found.seed, found.effects) != (self.seed, self.effects):
            other = f"number {found.seed}, this is {self.seed}"
            what = other if found.seed != self.seed else "other effects"
            raise ValueError(
                f"this calibration belongs to a chip of {what}; calibrate this one: "
                f"chip.calibrate(target)"
            )
        self._hardware.use(found)
        return found

    def reseed(self, seed: int) -> None:
        """Begin the trial noise anew; what is fixed in the chip stays."""
        self._hardware.trials.manual_seed(seed)

    def write_again(self) -> None:
        """Write the settings in use once more: what each write adds is drawn anew (drift).

        Layers keep their circuits. Residuals and failures are not measured again.

        Raises:
            ValueError: the chip was not calibrated, so that it has no settings of its own.

        >>> chip = Chip(seed=7)
        >>> before = chip.calibrate().write
        >>> chip.write_again()
        >>> chip.calibration.write - before
        1
        """
        found = self.calibration
        if found is None:
            raise ValueError("a chip that is not calibrated has nothing to write: calibrate it")
        self._hardware.write(dataclasses.replace(found, write=found.write + 1))

    def target_for(self, params: Any, **settings: float) -> Target:
        """The target under which circuits do what a model's parameters say.

        See ``snn_hardware.target_for``; the acceleration is this chip's.

        >>> from snn_neurons import lif
        >>> Chip(acceleration=1000.0).target_for(lif.Params(tau_mem=6e-3, tau_syn=6e-3)).tau_mem
        6e-06
        """
        return target_for(params, acceleration=self._acceleration, **settings)

    def with_gradient(self, gradient: str | Backend) -> Chip:
        """This chip, with the backward pass of another backend.

        Args:
            gradient: ``"surrogate"``; or a backend that goes by spike times, ``"eventprop"`` on a
                grid and ``"eventprop_exact"`` on events, by name or with settings of its own.

        Raises:
            UnknownName, MissingNeed: as the registry says.
            ValueError: a backend that does not go by spike times.

        On a grid ``eventprop`` has a spike in the row that holds its time, and
        ``observed.spikes`` in the nearest.

        >>> Chip(seed=7).with_gradient("eventprop")
        Chip(seed=7, gradient='eventprop', not calibrated)
        """
        return self._handle(gradient=gradient_of(gradient))

    def at(self, name: str, **settings: Any) -> Chip:
        """This chip for one layer, which has a name there and settings of its own.

        Args:
            name: by which the chip knows the layer; it keeps its circuits under it.
            settings: ``replicas``: synapses that share a weight, so that it can be as many times
                larger. ``merged``: circuits that form a neuron, as few as needed if not given.
                ``signed=False``: all weights of a source have one sign, and take one row.
                ``circuits``: numbers of the neurons' first circuits. ``per_unit``: LSB for one unit
                of a neuron that does not fire. ``mapping``: of weights beyond the largest, see
                ``synapses.MAPPINGS``. ``inject``: what the model takes, ``("z",)``
                spikes, ``("v", "z")`` membranes too. ``madc``: the neuron that the MADC reads.

        Raises:
            ValueError, TypeError: a setting that cannot be.

        >>> Chip().at("hidden", replicas=0)
        Traceback (most recent call last):
        ValueError: replicas must be a whole number of at least 1, got 0
        """
        return self._handle(settings=LayerSettings.of(name, settings))

    def release(self, name: str) -> None:
        """Free the circuits of a layer.

        Raises:
            ValueError: there is no layer of this name.

        >>> Chip().release("hidden")
        Traceback (most recent call last):
        ValueError: no layer 'hidden' is on the chip; there are: none
        """
        self._hardware.release(name)

    def report(self) -> Report:
        """What is on the chip and what happened to it; ``print`` it.

        >>> print(Chip(seed=7).report())
        chip 7, not calibrated, typical settings; no layer is on it
        """
        return report_of(self._hardware)

    def as_backend(self) -> Backend:
        """The backend that this chip is.

        >>> Chip().as_backend().name
        'bss2'
        """
        return Backend("bss2", None, self._supports, self._run, ("cpu",))

    def __reduce__(self) -> Any:
        """No pickle holds a chip.

        Raises:
            TypeError: always; says what can be saved.
        """
        raise TypeError(
            "a chip is hardware and cannot be pickled: save its calibration "
            "(chip.calibration.save(path)) and the state_dict of the network"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Chip:
        """The chip itself: a copy of a network runs on the same hardware."""
        return self

    def __repr__(self) -> str:
        state = "not calibrated" if self.calibration is None else "calibrated"
        ideal = ", ideal" if self.effects == Effects.none() else ""
        return f"Chip(seed={self.seed}{ideal}, gradient={self._gradient.name!r}, {state})"

    def _handle(self, **changes: Any) -> Chip:
        """Another handle on the same hardware."""
        chip = object.__new__(Chip)
        chip.__dict__.update(self.__dict__)
        for name, value in changes.items():
            setattr(chip, f"_{name}", value)
        return chip

    def _prepare(self, problem: Problem) -> Any:
        return prepare(
            self._hardware,
            self._settings,
            problem,
            acceleration=self._acceleration,
            wait=self._wait,
        )

    def _supports(self, problem: Problem) -> str | None:
        try:
            self._gradient.check(problem)
            self._hardware.ready = (problem, self._prepare(problem))
        except (ValueError, Unsupported) as reason:
            return str(reason)
        return None

    def _run(self, problem: Problem) -> Output:
        ready, self._hardware.ready = self._hardware.ready, None
        known = ready is not None and ready[0] is problem
        setup = ready[1] if ready is not None and known else self._prepare(problem)
        done = run_layer(self._hardware, setup, problem, backends=self._simulators)
        out = self._gradient.output(problem, done)
        if setup.fires and not self._gradient.by_times:
            self._hardware.remember(out.output)
        return out
