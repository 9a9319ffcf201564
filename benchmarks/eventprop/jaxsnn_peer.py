"""jaxsnn: EventProp event by event, for tau_mem = 2 tau_syn, with room for so many events.

The room of each layer, input events and its own spikes, is what the fullest sample needs: with
less, spikes would be left out without a word; more costs time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
from jax_loss import ttfs
from jaxsnn.event.loss import first_spike
from jaxsnn.event.modules import LIF, Linear, Source
from jaxsnn.event.modules.lif.parameters import LIFParameters
from jaxsnn.event.topology import Topology
from jaxsnn.event.types import Spike
from problem import Answer, Problem, Variant

jax.config.update("jax_enable_x64", True)


def eventprop(problem: Problem) -> Callable[[], Answer]:
    apply = topology(problem)
    inputs, labels = {"input": spikes_of(problem)}, jnp.asarray(problem.labels)
    end, n_classes = float(problem.constants[2]), len(problem.output)
    weights = {
        "to_hidden": jnp.asarray(problem.hidden.T),
        "to_output": jnp.asarray(problem.output.T),
    }

    def loss(weights: dict[str, jax.Array]) -> jax.Array:
        events = apply(inputs, weights | {"input": None, "hidden": None, "output": None})
        first = jax.vmap(partial(first_spike, n_outputs=n_classes))(events["output"])
        return ttfs(first, labels, end)

    step = jax.jit(jax.value_and_grad(loss))

    def run() -> Answer:
        value, grads = step(weights)
        found = (np.asarray(grads[name]).T for name in ("to_hidden", "to_output"))
        return Answer(float(value), *found)

    return run


def topology(problem: Problem) -> Callable[..., dict[str, Spike]]:
    """What runs the net on a batch; the weights are handed over at each call."""
    tau_mem, tau_syn, end = map(float, problem.constants)
    n_hidden, n_inputs = problem.hidden.shape
    most_hidden, most_output = map(int, problem.most)
    params = LIFParameters(tau_syn=tau_syn, tau_mem=tau_mem, v_th=1.0, v_reset=0.0)
    net = Topology(t_max=end, backprop_method="eventprop")
    net.add(
        {
            "input": Source(n_inputs),
            "to_hidden": Linear(),
            "hidden": LIF(n_hidden, n_inputs + most_hidden, params),
            "to_output": Linear(),
            "output": LIF(len(problem.output), most_hidden + most_output, params),
        }
    )
    path = ["input", "to_hidden", "hidden", "to_output", "output"]
    net.connect(list(itertools.pairwise(path)))
    _, apply = net.done()
    return apply  # type: ignore[no-any-return]


def spikes_of(problem: Problem) -> Spike:
    order = np.argsort(problem.times, axis=1, kind="stable")
    times = jnp.asarray(np.take_along_axis(problem.times, order, axis=1))
    return Spike(
        time=times,
        idx=jnp.asarray(order),
        current=jnp.zeros_like(times),
        layer_idx=jnp.zeros_like(order),
        internal=jnp.ones_like(order, dtype=bool),
    )


VERSION = f"{version('jaxsnn')}, jax {version('jax')}"
VARIANTS = {"eventprop": Variant(("ratio2",), eventprop, "tau_mem = 2 tau_syn only, fixed room")}
