"""Effects: every non-ideality of the chip, each a switch of its own with a number and a source."""

from __future__ import annotations

import math
import typing
from typing import Annotated, Any, NamedTuple

from snn_hardware.figures import ASSUMPTION


class Effect(NamedTuple):
    """What a switch stands for: unit, what it does in a few words, where its default is from."""

    unit: str
    meaning: str
    source: str


class Effects(NamedTuple):
    """The non-idealities of a chip; 0 or False switches one off. Times are the chip's.

    Spreads (leak to tau_syn) are standard deviations of calibrated circuits; those of circuits
    that are not calibrated are larger by the published ratios (``figures.AFTER_CALIBRATING``).

    >>> Effects.only("weights").weights, Effects.only("weights").leak
    (True, 0.0)
    """

    weights: Annotated[
        bool, Effect("", "weights are integers from -63 to 63", "halco: 6 bits, sign by row")
    ] = True
    leak: Annotated[float, Effect("LSB", "spread of the leak", ASSUMPTION)] = 2.0
    reset: Annotated[float, Effect("LSB", "spread of the reset", ASSUMPTION)] = 2.0
    threshold: Annotated[float, Effect("LSB", "spread of the threshold", ASSUMPTION)] = 2.0
    tau_mem: Annotated[
        float, Effect("", "relative spread of tau_mem, as of its capacitance", ASSUMPTION)
    ] = 0.05
    tau_syn: Annotated[float, Effect("", "relative spread of tau_syn", ASSUMPTION)] = 0.05
    efficacy: Annotated[
        float, Effect("", "relative spread of a circuit's two synaptic inputs", ASSUMPTION)
    ] = 0.10
    synapse: Annotated[float, Effect("", "relative spread of single synapses", ASSUMPTION)] = 0.04
    dead: Annotated[float, Effect("", "fraction of circuits that never fire", ASSUMPTION)] = 0.01
    dac: Annotated[bool, Effect("", "parameters have 10-bit codes", "haldls")] = True
    merging: Annotated[
        float, Effect("", "relative rise of tau_mem for each merged circuit", "calix: 24 % at six")
    ] = 0.048
    refractory_clock: Annotated[
        bool, Effect("", "refractory times are counted by a clock of real steps", "haldls, calix")
    ] = True
    rails: Annotated[bool, Effect("", "membranes stay within 0 to 255 LSB", ASSUMPTION)] = True
    synapse_saturation: Annotated[
        float,
        Effect("LSB", "where the synaptic current bends over, a tanh; 0: nowhere", ASSUMPTION),
    ] = 0.0
    membrane_noise: Annotated[
        float, Effect("LSB", "std of the membrane that noise of the current leaves", ASSUMPTION)
    ] = 0.0
    time_step: Annotated[
        float, Effect("s", "step at which circuits are integrated; 0: dt", ASSUMPTION)
    ] = 0.25e-6
    event_clock: Annotated[bool, Effect("", "spike times are multiples of 8 ns", "haldls")] = True
    links: Annotated[
        bool, Effect("", "one event per 8 ns and link, a FIFO of 8, then drops", ASSUMPTION)
    ] = True
    cadc: Annotated[bool, Effect("", "membranes are read as 8-bit numbers", "hxtorch")] = True
    cadc_period: Annotated[
        float, Effect("s", "time between two reads, lines between; 0: every row", "grenade")
    ] = 2e-6
    read_noise: Annotated[float, Effect("LSB", "std of a single read", "calix: its aim")] = 1.2
    read_offset: Annotated[
        float, Effect("LSB", "std of the channels' offsets", "assumption, calix: less than 3")
    ] = 1.5
    sample_memory: Annotated[
        bool, Effect("", "100 reads go to SRAM, 204 800 at every 6 us to DRAM", "grenade")
    ] = True
    residual_state: Annotated[
        bool, Effect("", "a sample starts where the one before it ended and relaxed", "hxtorch")
    ] = False

    @classmethod
    def none(cls) -> Effects:
        """Nothing imperfect.

        >>> Effects.none().read_noise
        0.0
        """
        return cls(*(type(default)() for default in cls._field_defaults.values()))

    @classmethod
    def only(cls, *names: str) -> Effects:
        """The named ones at their defaults, and nothing else.

        Raises:
            ValueError: a name that there is not; or one that is off by default, since it has no
                number to switch on: use ``Effects.none()._replace(name=...)``.

        >>> Effects.only("leak", "threshold").leak
        2.0
        """
        for name in names:
            if not _default(name):
                raise ValueError(
                    f"{name} is off by default and has no number of its own; give one: "
                    f"Effects.none()._replace({name}=...)"
                )
        on: dict[str, Any] = {name: _default(name) for name in names}
        return cls.none()._replace(**on)

    def check(self) -> Effects:
        """These effects, if each is in range.

        Raises:
            ValueError, TypeError: names the first that is not.

        >>> Effects(leak=-1.0).check()
        Traceback (most recent call last):
        ValueError: effect leak must be finite and not negative, got -1.0; 0.0 switches it off
        """
        for name, value in self._asdict().items():
            default = _default(name)
            if isinstance(default, bool):
                if not isinstance(value, bool):
                    raise TypeError(
                        f"effect {name} is on or off, got {value!r}; pass True or False"
                    )
            elif isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"effect {name} is a number, got {value!r}; 0.0 switches it off")
            elif not (math.isfinite(value) and value >= 0):
                raise ValueError(
                    f"effect {name} must be finite and not negative, got {value}; "
                    f"0.0 switches it off"
                )
        if self.dead >= 1:
            raise ValueError(f"effect dead is the fraction of dead circuits, got {self.dead}")
        return self


def describe(name: str) -> Effect:
    """Unit, meaning and source of an effect.

    >>> describe("dead").source
    'assumption'
    """
    _default(name)
    hint = typing.get_type_hints(Effects, include_extras=True)[name]
    effect: Effect = hint.__metadata__[0]
    return effect


def _default(name: str) -> float | bool:
    defaults = Effects._field_defaults
    if name not in defaults:
        raise ValueError(f"there is no effect {name!r}; there are: {', '.join(defaults)}")
    value: float | bool = defaults[name]
    return value
