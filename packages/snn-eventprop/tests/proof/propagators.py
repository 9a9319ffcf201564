"""The solution of the LIF equations between two events, computed without a closed form for phi.

    tau_mem dv/dt = v_leak - v + i          tau_syn di/dt = -i

is linear: after a time h, v = v_leak + a (v0 - v_leak) + phi i0 and i = b i0, where
((a, phi), (0, b)) is the exponential of h times the matrix ((-1/tau_mem, 1/tau_mem),
(0, -1/tau_syn)). Here phi comes from the power series of that exponential at h / 2^k, squared k
times. No difference of nearly equal numbers occurs, so equal and nearly equal time constants are
no special case.
"""

from __future__ import annotations

import math

TERMS = 17  # 0.5^n / n! is then below rounding


def propagators(h, tau_mem, tau_syn, *, exp, longest):
    """a, phi, b of a time h; of NumPy arrays or tensors, as ``exp`` is. longest >= every h/tau."""
    doublings = max(0, math.ceil(math.log2(max(longest, 1e-300) / 0.5)))
    h = h / 2.0**doublings
    p, q = -h / tau_mem, -h / tau_syn
    phi = _divided_difference(p, q) * h / tau_mem
    for k in range(doublings):
        phi = phi * (exp(p * 2.0**k) + exp(q * 2.0**k))
    return exp(p * 2.0**doublings), phi, exp(q * 2.0**doublings)


def _divided_difference(p, q):
    """(e^p - e^q) / (p - q) = sum over n of (p^n + p^(n-1) q + ... + q^n) / (n+1)!."""
    power, complete = q * 0 + 1, q * 0 + 1
    total = complete
    for n in range(1, TERMS):
        power = power * q
        complete = complete * p + power
        total = total + complete / float(math.factorial(n + 1))
    return total
