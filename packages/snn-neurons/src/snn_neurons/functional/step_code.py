"""CuBaStepCode: the step of ``cuba_aelif_integration`` as readable text, and its comparison."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from itertools import zip_longest

from snn_neurons import adex, refractory, terms
from snn_neurons.adex import Terms
from snn_neurons.functional.observables import HardwareObservables
from snn_neurons.functional.specialising import specialised


@dataclasses.dataclass(frozen=True)
class CuBaStepCode:
    """The step of ``cuba_aelif_integration`` for given flags.

    Args:
        leaky, fire, refractory, exponential, subthreshold_adaptation, spike_triggered_adaptation:
            which terms the step has.
        hw_voltage_trace_available, hw_spikes_available, hw_adaptation_trace_available: which
            variables are recorded; the last by keyword.

    >>> print(CuBaStepCode().generate())
    # one step of cuba_aelif_integration
    # terms: leaky, fire
    # recorded: nothing
    def step(x, state, params, threshold, dt, observed):
        v, i, w = state
        current = i
        current = current + params.g_l * (params.v_leak - v)
        i = i * (1 - dt / params.tau_syn) + x
        v = v + dt / params.c_mem * current
        z = threshold(v - params.v_th)
        v = torch.where(z > 0.5, params.v_reset, v)
        return (z, State(v, i, w))
    <BLANKLINE>
    """

    leaky: bool = True
    fire: bool = True
    refractory: bool = False
    exponential: bool = False
    subthreshold_adaptation: bool = False
    spike_triggered_adaptation: bool = False
    hw_voltage_trace_available: bool = False
    hw_spikes_available: bool = False
    hw_adaptation_trace_available: bool = dataclasses.field(default=False, kw_only=True)

    @classmethod
    def of(cls, terms: Terms, refractory: bool, hw: HardwareObservables) -> CuBaStepCode:
        """The step of a call with these terms and these recorded traces."""
        return cls(
            refractory=refractory,
            hw_voltage_trace_available=hw.membrane_cadc is not None,
            hw_spikes_available=hw.spikes is not None,
            hw_adaptation_trace_available=hw.adaptation is not None,
            **terms._asdict(),
        )

    @property
    def terms(self) -> Terms:
        """The terms of the neuron itself."""
        return Terms(**{name: getattr(self, name) for name in Terms._fields})

    def generate(self) -> str:
        """The text of the step: the source that runs, with the flags decided.

        It is for reading, and for ``integration_step_code``. Calls of terms are written out.
        Refractoriness is a second function around the first. It is made once for the same flags.
        """
        return _generated(self)

    def _text(self) -> str:
        parts = [self._header(), specialised(adex.step, "step", self._decided(), terms)]
        if self.refractory and self.fire:
            parts.append(
                "\n\n" + specialised(refractory.step, "refractory_step", self._around(), terms)
            )
        return "\n".join(parts) + "\n"

    def _recorded(self) -> dict[str, bool]:
        return {
            "v": self.hw_voltage_trace_available,
            "z": self.hw_spikes_available,
            "w": self.hw_adaptation_trace_available,
        }

    def _header(self) -> str:
        on = [name for name, flag in self.terms._asdict().items() if flag]
        on += ["refractory"] if self.refractory else []
        words = {"v": "membrane", "z": "spikes", "w": "adaptation"}
        seen = [words[letter] for letter, flag in self._recorded().items() if flag]
        return (
            f"# one step of cuba_aelif_integration\n"
            f"# terms: {', '.join(on) or 'none'}\n"
            f"# recorded: {', '.join(seen) or 'nothing'}"
        )

    def _measured(self) -> dict[str, str]:
        """What the source says of measurements, and what that is for these flags."""
        replace = {"seen": "observed"}
        for letter, flag in self._recorded().items():
            replace[f"seen.{letter}"] = f"observed.{letter}" if flag else "None"
            replace[f"seen.{letter} is None"] = str(not flag)
        return replace

    def _decided(self) -> dict[str, str]:
        flags = {f"terms.{name}": str(flag) for name, flag in self.terms._asdict().items()}
        return self._measured() | flags | {"terms.adapts": str(self.terms.adapts)}

    def _around(self) -> dict[str, str]:
        return self._measured() | {
            "neuron.State": "State",
            "neuron.Params": "Params",
            "neuron.step": "step",
            "State": "RefractoryState",
        }


@lru_cache(maxsize=512)
def _generated(code: CuBaStepCode) -> str:
    return code._text()


def check_step_code(given: str | None, expected: CuBaStepCode) -> None:
    """Raise unless the text is the one of these flags, or None. It is compared, never executed.

    Raises:
        TypeError: no text.
        ValueError: another text; the message has the first line that differs.
    """
    if given is None:
        return
    if not isinstance(given, str):
        raise TypeError(f"integration_step_code must be a str, got {type(given).__name__}")
    text = expected.generate()
    if given == text:
        return
    pairs = zip_longest(text.splitlines(), given.splitlines(), fillvalue="(no line)")
    differing = (
        f"line {number}: expected {ours!r}, got {theirs!r}"
        for number, (ours, theirs) in enumerate(pairs, start=1)
        if ours != theirs
    )
    raise ValueError(
        f"integration_step_code is not the step of this call; "
        f"{next(differing, 'its line ends differ')}. It is compared, never executed: pass None, "
        f"or {expected!r}.generate()"
    )
