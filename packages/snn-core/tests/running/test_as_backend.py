"""Whatever is a backend besides is taken where one is, and hands out what it measured."""

import copy

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY


class Device:
    """A backend with a counter, which adds a measurement."""

    def __init__(self):
        self.calls = 0

    def as_backend(self):
        return snn.backend("eager")._replace(name="device", rank=None, run=self.run)

    def run(self, problem):
        self.calls += 1
        return snn.backend("eager").run(problem)._replace(observed=self.calls)

    def __deepcopy__(self, memo):
        return self


def test_integrate_and_layer_take_it_and_return_its_measurements():
    device, x = Device(), torch.rand(4, 2, 3)
    out = snn.integrate(TOY, x, dt=1e-3, backend=device)
    assert out.observed == 1
    assert torch.equal(out.output, snn.integrate(TOY, x, dt=1e-3, backend="eager").output)
    layer = snn.Layer(3, 5, TOY, dt=1e-3, backend=device)
    assert layer(x).observed == 2
    assert copy.deepcopy(layer)(x).observed == 3
    assert "backend=device" in repr(layer)
    assert snn.backend(device).name == "device"
    assert isinstance(device, snn.AsBackend)


def test_a_backend_that_computes_has_measured_nothing():
    assert snn.integrate(TOY, torch.rand(4, 2, 3), dt=1e-3).observed is None


def test_a_class_is_no_backend():
    with pytest.raises(TypeError, match="expected the name of a backend"):
        snn.integrate(TOY, torch.rand(4, 2, 3), dt=1e-3, backend=Device)
