"""NIR by Euler steps in NumPy, node by node: an interpreter that shares nothing with ours."""

import nir
import numpy as np
import torch

DT = 1e-3


class Interpreter:
    """NIR by Euler steps, node by node, in NumPy; ``order`` is a hand-written order of the nodes.

    Edges against the order carry the value of the step before, which was computed from zeros at
    first.
    """

    def __init__(self, graph, order, batch):
        self.graph, self.order = graph, order
        self.state, self.out = {}, {}
        for name in order:  # what stateless nodes make of nothing
            node = graph.nodes[name]
            if isinstance(node, nir.Linear | nir.Affine):
                n_out = node.weight.shape[0]
                bias = node.bias if isinstance(node, nir.Affine) else np.zeros(n_out)
                self.out[name] = np.broadcast_to(bias, (batch, n_out))
            else:
                self.out[name] = 0.0

    def run(self, x):
        return np.stack([self.step(row) for row in x])

    def step(self, x):
        now = {}
        for name in self.order:
            before = [a for a, b in self.graph.edges if b == name]
            come = sum(now[a] if a in now else self.out[a] for a in before)
            now[name] = self.node(name, self.graph.nodes[name], x if not before else come)
        self.out = now
        return now[self.order[-1]]

    def node(self, name, p, x):
        if isinstance(p, nir.Input | nir.Output):
            return x
        if isinstance(p, nir.Linear | nir.Affine):
            return x @ p.weight.T + (p.bias if isinstance(p, nir.Affine) else 0.0)
        if isinstance(p, nir.Scale):
            return x * p.scale
        if isinstance(p, nir.Threshold):
            return (x > p.threshold) * 1.0
        if isinstance(p, nir.Delay):
            line = self.state.setdefault(name, [np.zeros_like(x)] * 100)
            line.append(x)
            steps = np.round(p.delay / DT).astype(int)
            return np.stack([line[-1 - s][..., i] for i, s in enumerate(steps)], -1)
        return self.neuron(name, p, x)

    def neuron(self, name, p, x):
        leak = getattr(p, "v_leak", np.zeros(1))
        v, i = self.state.get(name, (np.zeros_like(x) + leak, np.zeros_like(x)))
        if isinstance(p, nir.IF):
            v = v + DT * p.r * x
        elif isinstance(p, nir.LIF | nir.LI):
            v = v + DT / p.tau * (leak - v + p.r * x)
        else:
            i = i + DT / p.tau_syn * (p.w_in * x - i)
            v = v + DT / p.tau_mem * (leak - v + p.r * i)
        if isinstance(p, nir.LI | nir.CubaLI):
            self.state[name] = v, i
            return v
        z = v > p.v_threshold
        self.state[name] = np.where(z, p.v_reset, v), i
        return z * 1.0


def spikes(n, steps=80, batch=2):
    generator = torch.Generator().manual_seed(3)
    return (torch.rand(steps, batch, n, generator=generator) < 0.3).double()


def assert_means(graph, order, net, x):
    expected = Interpreter(graph, order, x.shape[1]).run(x.numpy())
    given = net(x).detach().numpy()
    assert expected.any()
    if set(np.unique(expected)) <= {0.0, 1.0}:
        assert 0.01 < expected.mean() < 0.9
        assert np.array_equal(given, expected)
    else:
        np.testing.assert_allclose(given, expected, rtol=1e-11, atol=1e-13)
