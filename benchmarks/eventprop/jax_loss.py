"""The TTFS cross entropy in JAX, for the peers that have none of this form."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from problem import ALPHA, TAU0, TAU1


def ttfs(first: jax.Array, labels: jax.Array, end: float) -> jax.Array:
    """The mean over the batch of first spike times ``(B, 3)`` in seconds; silent from ``end`` on.

    Silent outputs leave the softmax; a sample whose label is silent adds nothing.
    """
    fired = first < end
    times = jnp.where(fired, first, end)
    log_shares = jax.nn.log_softmax(jnp.where(fired, -times / TAU0, -jnp.inf), axis=1)
    own = jnp.take_along_axis(times, labels[:, None], 1)[:, 0]
    log_share = jnp.take_along_axis(log_shares, labels[:, None], 1)[:, 0]
    heard = jnp.take_along_axis(fired, labels[:, None], 1)[:, 0]
    losses = -log_share + ALPHA * jnp.expm1(own / TAU1)
    return jnp.where(heard, losses, 0.0).mean()
