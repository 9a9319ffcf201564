"""How each library reads a graph of NIR and runs it step by step, and how we do."""

import contextlib
import copy
import io

import norse.torch as norse
import torch
from snn_nodes.exchange import from_nir
from snntorch import utils as snntorch_utils
from snntorch.import_nir import import_from_nir as snntorch_import
from spikingjelly.activation_based.nir_exchange import import_from_nir as sj_import

DT = 1e-4  # snnTorch knows no other


def stepped(module, x):
    state, rows = None, []
    with torch.no_grad():
        for row in x:
            output, state = module(row, state)
            rows.append(output)
    return torch.stack(rows)


def in_norse(graph, x, dt=DT):
    return stepped(norse.from_nir(copy.deepcopy(graph), dt=dt, ignore_warnings=True), x)


def in_snntorch(graph, x, dt=DT):
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that it scales
        module = snntorch_import(copy.deepcopy(graph))
    snntorch_utils.reset(module)
    return stepped(module, x)


def in_spikingjelly(graph, x, dt=DT):
    return stepped(sj_import(copy.deepcopy(graph), dt=dt), x)


RUN = {"norse": in_norse, "snntorch": in_snntorch, "spikingjelly": in_spikingjelly}


def in_ours(graph, x, dt=DT, **options):
    """By NIR's numbers alone: cards taken off."""
    plain = copy.deepcopy(graph)
    for node in plain.nodes.values():
        node.metadata = {}
    with torch.no_grad():
        return from_nir(plain, dt=dt, **options).net(x)


def spikes(*shape, steps=60, batch=3, rate=0.3):
    generator = torch.Generator().manual_seed(5)
    return (torch.rand(steps, batch, *shape, generator=generator) < rate).float()


def active(z):
    return 0.01 < z.mean() < 0.9
