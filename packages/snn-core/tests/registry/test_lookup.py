"""snn.neuron, snn.threshold, snn.backend, snn.names: names to records."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import snn_core as snn
import torch
from snn_core import Entry, hookimpl
from snn_core.thresholds import SUPER_SPIKE

NEURON = snn.Neuron("mine", None, None, lambda: None, lambda: None)
BACKEND = snn.Backend("mine", 1, lambda problem: None, lambda problem: None)
PLUGIN = SimpleNamespace(
    snn_neurons=hookimpl(lambda: [Entry("mine", NEURON, ""), Entry("wrong", print, "")]),
    snn_backends=hookimpl(lambda: [Entry("mine", BACKEND, "")]),
    snn_thresholds=hookimpl(
        lambda: [
            Entry("mine", SUPER_SPIKE, "", aliases=("my_own",)),
            Entry("wrong", NEURON, ""),
        ]
    ),
)


@pytest.fixture
def registry(site):
    registry = site.registry()
    with registry.temporary(PLUGIN):
        yield registry


def test_names_resolve_to_records(registry):
    assert snn.neuron("Mine", registry) is NEURON
    assert snn.backend("mine", registry) is BACKEND
    assert snn.threshold("My-Own", registry=registry) is SUPER_SPIKE
    assert snn.threshold("Super-Spike", registry=registry) is SUPER_SPIKE
    assert snn.names("neuron", registry) == ("mine", "wrong")


def test_records_pass_through(registry):
    assert snn.neuron(NEURON, registry) is NEURON
    assert snn.backend(BACKEND, registry) is BACKEND
    assert snn.threshold(SUPER_SPIKE, registry=registry) is SUPER_SPIKE


def test_alpha_and_strictness_make_another_record(registry):
    made = snn.threshold("super_spike", alpha=3, strict=False, registry=registry)
    assert (made.alpha, made.strict, made.name) == (3.0, False, "super_spike")
    assert (SUPER_SPIKE.alpha, SUPER_SPIKE.strict) == (50.0, True)
    assert snn.threshold(made, alpha=4, registry=registry).strict is False


@pytest.mark.parametrize("method", ["super_spike", "superspike", "Super-Spike", SUPER_SPIKE])
def test_the_functional_form_gives_spikes_and_the_slope_at_that_alpha(registry, method):
    x = torch.tensor([-0.03, 0.0, 0.01], dtype=torch.float64, requires_grad=True)
    z = snn.threshold(x, method, 20.0, registry=registry)
    assert z.tolist() == [0.0, 0.0, 1.0]
    (slope,) = torch.autograd.grad(z.sum(), x)
    expected = [1 / (20 * 0.03 + 1) ** 2, 1.0, 1 / (20 * 0.01 + 1) ** 2]
    assert slope.tolist() == pytest.approx(expected, rel=1e-12)


def test_the_functional_form_without_alpha_takes_the_default_and_keywords_work(registry):
    x = torch.tensor(0.02, requires_grad=True)
    snn.threshold(x, method="super_spike", registry=registry).backward()
    assert x.grad.item() == pytest.approx(0.25)
    z = snn.threshold(torch.zeros(1), "super_spike", alpha=1.0, strict=False, registry=registry)
    assert z.item() == 1.0


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ((torch.zeros(1),), "Tensor"),
        (("super_spike", 50.0), "str and float"),
        ((0.3, "super_spike"), "float and str"),
    ],
)
def test_a_threshold_called_another_way_says_both_ways(registry, arguments, given):
    with pytest.raises(TypeError) as caught:
        snn.threshold(*arguments, registry=registry)
    assert str(caught.value) == (
        "threshold takes a name, as in threshold('super_spike', alpha=50.0), or a tensor and a "
        f"name, as in threshold(x, 'super_spike', 50.0); got {given}"
    )


def test_what_is_neither_name_nor_record_says_what_was_expected(registry):
    for lookup, kind, record in (
        (snn.neuron, "neuron", "Neuron"),
        (snn.backend, "backend", "Backend"),
    ):
        with pytest.raises(TypeError) as caught:
            lookup(3, registry)
        assert str(caught.value) == (
            f"expected the name of a {kind} or a snn_core.{record}, got int; "
            f"snn_core.names('{kind}') lists the names"
        )
    with pytest.raises(TypeError, match=r"^expected the name of a threshold or a snn_core.Thresh"):
        snn.threshold(3, registry=registry)


def test_a_target_of_another_type_is_refused(registry):
    with pytest.raises(TypeError) as caught:
        snn.neuron("wrong", registry)
    assert str(caught.value) == (
        "neuron 'wrong' is registered as builtin_function_or_method, expected a snn_core.Neuron; "
        "its plugin must name another target"
    )
    with pytest.raises(TypeError, match=r"registered as Neuron, expected a snn_core.Threshold"):
        snn.threshold("wrong", registry=registry)


def test_a_bad_alpha_is_refused_before_any_work(registry):
    with pytest.raises(ValueError, match=r"alpha"):
        snn.threshold(torch.zeros(1), "super_spike", -1.0, registry=registry)


@pytest.mark.parametrize("name", snn.default_registry().names("threshold"))
def test_every_threshold_of_this_installation_resolves_to_a_record_of_its_name(name):
    assert snn.threshold(name).name == name
