"""eventax: a solver of differential equations between events, for any time constants.

Its ``ttfs`` stops once every output has fired. What differs from its defaults, and why: Newton's
method as root finder gives up in about half of the samples, and a batch by ``vmap`` is refused
(branches that are not taken raise), so crossings are bisected and samples follow each other in one
compiled loop; Euler's method in steps of 0.1 ms is up to 5 ms off, Tsit5 in steps of 1 ms takes
about as long and is 2e-5 ms off. Its EventPropAdjoint took six times as long as the default one.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from eventax.evnn import FFEvNN
from eventax.neuron_models import LIF
from jax_loss import ttfs
from problem import Answer, Floats, Problem, Variant

jax.config.update("jax_enable_x64", True)
MS = 1e3
STEP, TOLERANCE = 1.0, 1e-9  # ms
SPARE = 10  # events beside those of inputs and neurons


def trained(problem: Problem) -> Callable[[], Answer]:
    model, start = network(problem), jnp.asarray(matrix(problem))
    times, labels = jnp.asarray(MS * problem.times)[:, :, None], jnp.asarray(problem.labels)
    end = float(problem.constants[2])

    def loss(weights: jax.Array) -> jax.Array:
        net = eqx.tree_at(lambda net: net.neuron_model.weights, model, weights)
        return ttfs(jax.lax.map(net.ttfs, times) / MS, labels, end)

    step = eqx.filter_jit(jax.value_and_grad(loss))
    n_hidden, n_inputs = problem.hidden.shape

    def run() -> Answer:
        value, grad = step(start)
        found = np.asarray(grad)
        return Answer(float(value), found[-n_inputs:, :n_hidden].T, found[:n_hidden, n_hidden:].T)

    return run


def network(problem: Problem) -> FFEvNN:
    tau_mem, tau_syn, end = (MS * float(value) for value in problem.constants)
    n_hidden, n_inputs = problem.hidden.shape
    return FFEvNN(
        layers=[n_hidden, len(problem.output)],
        in_size=n_inputs,
        neuron_model=LIF,
        max_solver_time=end,
        key=jax.random.PRNGKey(0),
        max_event_steps=SPARE + 2 * (n_inputs + int(problem.most.sum())),
        solver_stepsize=STEP,
        solver=diffrax.Tsit5(),
        root_finder=optimistix.Bisection(TOLERANCE, TOLERANCE, flip="detect"),
        dtype=jnp.float64,
        output_no_spike_value=end,
        thresh=1.0,
        tmem=tau_mem,
        tsyn=tau_syn,
        init_weights=jnp.asarray(matrix(problem)),
        init_bias=0.0,
    )


def matrix(problem: Problem) -> Floats:
    """Weights from hidden, output and input neurons (rows) to hidden and output neurons."""
    n_hidden, n_inputs = problem.hidden.shape
    n_out = len(problem.output)
    weights = np.zeros((n_hidden + n_out + n_inputs, n_hidden + n_out))
    weights[:n_hidden, n_hidden:] = problem.output.T
    weights[-n_inputs:, :n_hidden] = problem.hidden.T
    return weights


VERSION = f"{version('eventax')}, jax {version('jax')}"
VARIANTS = {"ttfs": Variant(("full",), trained, "stops at the outputs' first spikes", most=32)}
