"""The Euler grid and two adjoints on it, in plain NumPy after their descriptions.

``ours`` follows the description of the package's scheme, ``reference`` that of the reference: its
current at a spike is that of the step before, a spike stands at the end of its step, and the
adjoint current of a step does not see that step's spike.
"""

from __future__ import annotations

import numpy as np

NO_FLOOR = np.zeros(())


def grid(x, dt, tau_mem, tau_syn, leak=0.0, reset=0.0, threshold=1.0):
    """Spikes, membrane and current ``(T, ...)`` of an input."""
    i, z = np.zeros_like(x), np.zeros_like(x)
    v = np.zeros_like(x) + leak
    for t in range(len(x) - 1):
        i[t + 1] = i[t] * (1 - dt / tau_syn) + x[t]
        v[t + 1] = v[t] + dt / tau_mem * (leak - v[t] + i[t + 1])
        z[t + 1] = v[t + 1] > threshold
        v[t + 1] = np.where(z[t + 1], reset, v[t + 1])
    return z, v, i


def kernel(f, k_mem, k_syn):
    """int_0^f k_mem e^{-k_mem (f - s)} e^{-k_syn s} ds, by Gauss and Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    s = f[..., None] * (nodes + 1) / 2
    k_mem, k_syn = np.broadcast_to(k_mem, f.shape), np.broadcast_to(k_syn, f.shape)
    values = np.exp(-k_mem[..., None] * (f[..., None] - s) - k_syn[..., None] * s)
    return f / 2 * k_mem * (values * weights).sum(-1)


def ours(
    g,
    z,
    v,
    i,
    dt,
    tau_mem,
    tau_syn,
    leak=0.0,
    reset=0.0,
    threshold=1.0,
    floor=NO_FLOOR,
    recorded=False,
):
    """Both channels of the input's gradient ``(2, T, ...)``, and how many slopes were raised."""
    lv, li = np.zeros_like(z[0]), np.zeros_like(z[0])
    out, raised = np.zeros((2, *z.shape)), 0
    k_mem, k_syn = dt / tau_mem + 0 * lv, dt / tau_syn + 0 * lv
    for t in reversed(range(1, len(z))):
        spike = z[t] > 0
        drive = leak - v[t - 1] + i[t]
        rise = np.where(spike & (drive != 0), k_mem * drive, 1.0)
        f = np.ones_like(lv) if recorded else (threshold - v[t - 1]) / rise
        f = np.where(spike, f, 1.0)
        current = i[t] * np.exp(-f * k_syn)
        slope = leak - threshold + current
        low = spike & ((slope <= 0) | (slope < floor))
        slope = np.where(low, np.where(floor > 0, floor, drive), slope)
        before = (lv * (leak - reset + current) + g[t]) / np.where(spike, slope, 1.0)
        at_once = (v[t - 1] > threshold) & (not recorded)
        before = np.where(at_once, 0.0, before)
        raised += int((low & ~at_once).sum())
        across = np.clip(f, 0, 1)
        lv, li = (
            np.where(spike, before * np.exp(-across * k_mem), lv * (1 - k_mem)),
            np.where(
                spike,
                li * np.exp(-k_syn) + k_syn / k_mem * kernel(across, k_mem, k_syn) * before,
                li * (1 - k_syn) + k_syn * lv,
            ),
        )
        out[0, t - 1], out[1, t - 1] = tau_syn * li, lv - li
    return out, raised


def reference(g, z, v, i, dt, tau_mem, tau_syn, leak=0.0, reset=0.0, threshold=1.0):
    """The reference's: explicit Euler in reverse, then the jump; NaN and inf become 0."""
    lv, li = np.zeros_like(z[0]), np.zeros_like(z[0])
    out = np.zeros((2, *z.shape))
    for t in reversed(range(1, len(z))):
        li = li + dt / tau_syn * (lv - li)
        lv = lv - dt / tau_mem * lv
        down, up = leak - threshold + i[t - 1], leak - reset + i[t - 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            jumped = np.nan_to_num(lv * up / down + g[t] / down, nan=0.0, posinf=0.0, neginf=0.0)
        lv = np.where(z[t] > 0, jumped, lv)
        out[0, t - 1], out[1, t - 1] = tau_syn * li, lv - li
    return out
