"""registry.temporary: a plugin for the length of a with block."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from snn_core import Entry, hookimpl
from snn_core.errors import AmbiguousName, PluginError, UnknownName

LIF = object()
PLUGIN = SimpleNamespace(snn_neurons=hookimpl(lambda: [Entry("lif", LIF, "a neuron")]))


def test_a_temporary_plugin_is_there_inside_the_block_only(site):
    registry = site.registry()
    assert registry.names("neuron") == ()
    with registry.temporary(PLUGIN) as same:
        assert same is registry
        assert registry.resolve("neuron", "lif") is LIF
        assert registry.resolve("neuron", "temporary/lif") is LIF
    with pytest.raises(UnknownName):
        registry.find("neuron", "lif")
    assert registry.plugins == site.registry().plugins


def test_it_goes_when_the_block_raises(site):
    registry = site.registry()
    with pytest.raises(ZeroDivisionError), registry.temporary(PLUGIN):
        raise ZeroDivisionError
    assert registry.names("neuron") == ()


def test_two_of_them_clash_as_any_two_plugins(site):
    other = SimpleNamespace(snn_neurons=hookimpl(lambda: [Entry("lif", 1, "another")]))
    registry = site.registry()
    with (
        registry.temporary(PLUGIN, distribution="snn-x"),
        registry.temporary(other, distribution="snn-y"),
    ):
        with pytest.raises(AmbiguousName, match=r"write snn-x/lif or snn-y/lif"):
            registry.find("neuron", "lif")
        assert registry.resolve("neuron", "snn-x/lif") is LIF
    assert registry.clashes("neuron") == {}


def empty():
    return []


def failing():
    raise RuntimeError("no licence")


@pytest.mark.parametrize(
    ("plugin", "sentence"),
    [
        (SimpleNamespace(snn_nuerons=hookimpl(empty)), "did you mean 'snn_neurons'"),
        (
            SimpleNamespace(snn_neurons=hookimpl(lambda colour: [])),
            "register: PluginValidationError: .*Argument",
        ),
        (SimpleNamespace(snn_neurons=hookimpl(failing)), "list neurons: RuntimeError: no licence"),
        (SimpleNamespace(snn_backends=hookimpl(lambda: 3)), "failed to list backends: TypeError"),
    ],
    ids=["typo", "argument", "raises", "no list"],
)
def test_a_failing_one_raises_at_once_and_leaves_no_trace(site, plugin, sentence):
    registry = site.registry()
    with pytest.raises(PluginError, match=sentence), registry.temporary(plugin):
        pytest.fail("the block must not run")
    assert registry.issues == ()
    assert registry.plugins == site.registry().plugins
    with registry.temporary(PLUGIN):
        assert registry.names("neuron") == ("lif",)


def test_hooks_of_installed_plugins_are_not_called_again(site):
    site.add(
        "snn-a",
        """
        calls = []
        @hookimpl
        def snn_neurons():
            calls.append(1)
            return [Entry("a", calls, "")]
        """,
    )
    registry = site.registry()
    assert registry.names("neuron") == ("a",)
    with registry.temporary(PLUGIN):
        assert registry.names("neuron") == ("a", "lif")
    assert registry.resolve("neuron", "a") == [1]
