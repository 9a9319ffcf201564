"""Small graphs of NIR, written by hand: nodes of two neurons, chains, any nodes and edges."""

from itertools import pairwise

import nir
import numpy as np

DT = 1e-3
EYE = np.eye(2, dtype=np.float32)


def full(value, n=2):
    return np.full(n, value)


def lif(tau=1e-2, r=1.0, v_leak=0.0, v_th=1.0, v_reset=0.0, n=2):
    return nir.LIF(*(full(value, n) for value in (tau, r, v_leak, v_th, v_reset)))


def graph(nodes, edges, n_in=2, n_out=2):
    ports = {"input": nir.Input(np.array([n_in])), "output": nir.Output(np.array([n_out]))}
    return nir.NIRGraph({**ports, **nodes}, edges, type_check=False)


def chain(*nodes):
    names = [f"n{k}" for k in range(len(nodes))]
    path = ["input", *names, "output"]
    return graph(dict(zip(names, nodes, strict=True)), list(pairwise(path)))
