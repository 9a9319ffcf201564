"""AdEx: adaptive exponential integrate-and-fire, current-based, each term switchable.

Continuous, with D = exp_slope and V_T = exp_threshold:

    c_mem    dv/dt = g_l (v_leak - v) + g_l D exp((v - V_T) / D) - w + i
    tau_adap dw/dt = a (v - v_leak) - w
    tau_syn  di/dt = -i

A spike z = 1 is emitted where v > v_th; then v is set to v_reset and w grows by b. Input adds to i.

Discrete, in this order (the right-hand sides of the first three lines are old values; each term in
brackets is there if its flag is on, ``- w`` if any adaptation is):

    I  = i [+ g_l (v_leak - v)] [+ g_l D exp((v - V_T) / D)] [- w]
    v <- v + dt/c_mem I
    i <- i (1 - dt/tau_syn) + x
    z  = threshold(v - v_th)                                         [fire]
    w <- w (1 - dt/tau_adap) [+ dt/tau_adap a (v - v_leak)] [+ b z]
    v <- v_reset where z                                             [fire]

w takes the v from before the reset. v starts at v_leak if the leak or the subthreshold adaptation
is on, else at 0. The exponential term keeps g_l without a leak, and acts at rest too.

The defaults are the published ones in units of V_T - E_L = 20.2 mV and g_l = 30 nS: C = 281 pF,
D = 2 mV, a = 4 nS, b = 80.5 pA, tau_w = 144 ms. SI values of a real cell can be given as well.

Measured: v after its update (then there is no reset), z after the threshold, w after its update.

Source: Brette and Gerstner, J. Neurophysiol. 94, 2005, eqs 1 to 3; the names of the terms and the
order of the step: hxtorch.spiking, ``cuba_aelif_integration``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Annotated, NamedTuple

import torch
from snn_core.injection import inject
from snn_core.types import Neuron, Observed, Quantity, Value
from torch import Tensor

from snn_neurons.lif import TauSyn
from snn_neurons.terms import (
    UNOBSERVED,
    adaptation_drive,
    at_rest,
    euler_decay,
    euler_membrane,
    euler_synapse,
    exponential_current,
    leak_current,
    reset,
)

TauAdap = Annotated[Value, Quantity("s", "adaptation time constant", positive=True, euler=True)]


class Terms(NamedTuple):
    """Which terms of the equations are there; all by default.

    >>> lif = Terms(exponential=False, subthreshold_adaptation=False,
    ...             spike_triggered_adaptation=False)
    >>> lif.adapts, lif.observes
    (False, ('v', 'z'))
    """

    leaky: bool = True
    fire: bool = True
    exponential: bool = True
    subthreshold_adaptation: bool = True
    spike_triggered_adaptation: bool = True

    @property
    def adapts(self) -> bool:
        """Whether there is any adaptation."""
        return self.subthreshold_adaptation or self.spike_triggered_adaptation

    @property
    def observes(self) -> tuple[str, ...]:
        """What can be measured of a neuron with these terms."""
        return ("v", *("w" if self.adapts else ""), *("z" if self.fire else ""))


class Params(NamedTuple):
    """The parameters of AdEx; each a number or a tensor that broadcasts to ``(*N,)``."""

    c_mem: Annotated[Value, Quantity("F", "membrane capacitance", positive=True)] = 9.37e-3
    g_l: Annotated[Value, Quantity("S", "leak conductance", nonnegative=True)] = 1.0
    tau_syn: TauSyn = 5e-3
    tau_adap: TauAdap = 144e-3
    v_leak: Annotated[Value, Quantity("V", "resting membrane")] = 0.0
    v_reset: Annotated[Value, Quantity("V", "membrane after a spike")] = 0.0
    v_th: Annotated[Value, Quantity("V", "firing threshold: where a spike counts")] = 1.5
    exp_slope: Annotated[Value, Quantity("V", "slope of the exponential", positive=True)] = 0.1
    exp_threshold: Annotated[Value, Quantity("V", "soft threshold of the exponential")] = 1.0
    a: Annotated[Value, Quantity("S", "subthreshold adaptation strength")] = 0.13
    b: Annotated[Value, Quantity("A", "spike-triggered adaptation increment")] = 0.13


class State(NamedTuple):
    """The state of AdEx, each ``(B, *N)``."""

    v: Annotated[Tensor, Quantity("V", "membrane")]
    i: Annotated[Tensor, Quantity("A", "synaptic current")]
    w: Annotated[Tensor, Quantity("A", "adaptation current")]


def initial_state(
    params: Params,
    shape: tuple[int, ...],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    terms: Terms,
) -> State:
    """At rest, without currents; ``shape`` is ``(B, *N)``."""
    v, i, w = (torch.zeros(shape, dtype=dtype, device=device) for _ in State._fields)
    if terms.leaky or terms.subthreshold_adaptation:
        v = at_rest(v, params.v_leak)
    return State(v, i, w)


def step(
    x: Tensor,
    state: State,
    params: Params,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    observed: Observed | None = None,
    *,
    terms: Terms,
) -> tuple[Tensor, State]:
    """One step: input x ``(B, *N)`` to spikes ``(B, *N)`` and the next state.

    Without the term ``fire`` the output is the membrane.

    >>> from snn_core.thresholds import SUPER_SPIKE
    >>> start = State(*torch.tensor([1.4, 2.0, 0.5]).reshape(3, 1, 1))
    >>> z, after = step(torch.ones(1, 1), start, Params(), SUPER_SPIKE, 1e-3, terms=Terms())
    >>> z.item(), after.v.item(), round(after.w.item(), 4)
    (1.0, 0.0, 0.6283)
    """
    seen = observed or UNOBSERVED
    v, i, w = state
    # currents into the membrane, from the old state
    current = i
    if terms.leaky:
        current = current + leak_current(v, params.g_l, params.v_leak)
    if terms.exponential:
        current = current + exponential_current(
            v, params.g_l, params.exp_slope, params.exp_threshold
        )
    if terms.adapts:
        current = current - w
    # integrate
    i = euler_synapse(i, x, dt, params.tau_syn)
    v = euler_membrane(v, current, dt, params.c_mem)
    v = inject(v, seen.v)
    # spike
    if terms.fire:
        z = inject(threshold(v - params.v_th), seen.z)
    # adapt, with the membrane from before the reset
    if terms.adapts:
        w = euler_decay(w, dt, params.tau_adap)
    if terms.subthreshold_adaptation:
        w = w + adaptation_drive(v, params.a, params.v_leak, dt, params.tau_adap)
    if terms.spike_triggered_adaptation and terms.fire:
        w = w + params.b * z
    if terms.adapts:
        w = inject(w, seen.w)
    # reset, unless the membrane was measured
    if terms.fire and seen.v is None:
        v = reset(v, z, params.v_reset)
    return (z if terms.fire else v), State(v, i, w)


@cache
def with_terms(terms: Terms) -> Neuron:
    """AdEx with the given terms only; the same record for the same terms.

    Params and State are those of AdEx whatever the terms; the adaptation of a neuron that does
    not adapt stays at its start. A neuron without the term ``fire`` outputs its membrane.

    >>> with_terms(Terms(exponential=False)).name
    'adex_without_exponential'
    """
    missing = [name for name, on in terms._asdict().items() if not on]
    return Neuron(
        "adex_without_" + "_".join(missing) if missing else "adex",
        Params,
        State,
        partial(initial_state, terms=terms),
        partial(step, terms=terms),
        terms.observes,
    )


ADEX = with_terms(Terms())
