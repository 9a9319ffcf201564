"""SNN_PLUGINS and SNN_DISABLED_PLUGINS decide what is imported, before it is."""

from __future__ import annotations

import sys

import pytest
from snn_core.errors import PluginError, PluginWarning
from snn_core.registry import Registry


def provides(name: str) -> str:
    return f"@hookimpl\ndef snn_neurons():\n    return [Entry({name!r}, 'm:N', '')]\n"


@pytest.fixture
def two(site):
    site.add("snn-a", provides("a"))
    site.add("snn-b", provides("b"))
    return site


@pytest.mark.parametrize("listed", ["snn-a", "SNN_A", " snn.a , "])
def test_only_listed_distributions_are_imported(two, listed):
    registry = Registry({"SNN_PLUGINS": listed})
    assert registry.names("neuron") == ("a",)
    assert "snn_a_plugin" in sys.modules
    assert "snn_b_plugin" not in sys.modules
    assert {one.left_out_by for one in registry.plugins if one.distribution == "snn-b"} == {
        "SNN_PLUGINS"
    }


def test_an_empty_list_imports_nothing_but_snn_core(two):
    registry = Registry({"SNN_PLUGINS": ""})
    assert registry.names("neuron") == ()
    assert registry.issues == ()
    assert not {"snn_a_plugin", "snn_b_plugin"} & set(sys.modules)


@pytest.mark.parametrize("listed", ["snn-a", "", "nope"])
@pytest.mark.filterwarnings("ignore::snn_core.errors.PluginWarning")
def test_snn_core_is_there_whatever_is_listed(two, listed):
    registry = Registry({"SNN_PLUGINS": listed})
    assert registry.names("backend") == ("eager",)
    assert registry.names("command") == ("doctor", "list", "show")
    assert "super_spike" in registry.names("threshold")
    assert {one.left_out_by for one in registry.plugins if one.distribution == "snn-core"} == {None}


def test_who_disables_snn_core_is_told_that_it_stays(two):
    sentence = (
        "plugin snn-core failed to be left out: ValueError: "
        "SNN_DISABLED_PLUGINS names it, but nothing works without it; remove it there"
    )
    registry = Registry({"SNN_DISABLED_PLUGINS": "SNN_Core,snn-b"})
    with pytest.warns(PluginWarning, match=sentence):
        assert "eager" in registry.names("backend")
    assert "b" not in registry.names("neuron")
    assert [str(issue) for issue in registry.issues] == [sentence]


def test_disabled_distributions_are_not_imported_and_all_others_are(two):
    registry = Registry({"SNN_DISABLED_PLUGINS": "Snn_B"})
    assert "a" in registry.names("neuron")
    assert "b" not in registry.names("neuron")
    assert "snn_b_plugin" not in sys.modules


def test_disabled_wins_over_listed(two):
    registry = Registry({"SNN_PLUGINS": "snn-a,snn-b", "SNN_DISABLED_PLUGINS": "snn-a"})
    assert registry.names("neuron") == ("b",)


def test_a_listed_distribution_that_is_not_installed_is_an_issue(two):
    registry = Registry({"SNN_PLUGINS": "snn-a,snn-bb"})
    sentence = (
        "plugin snn-bb failed to load: LookupError: "
        "SNN_PLUGINS names it, but nothing installed announces it"
    )
    with pytest.warns(PluginWarning, match=sentence):
        assert registry.names("neuron") == ("a",)
    strict = Registry({"SNN_PLUGINS": "snn-a,snn-bb", "SNN_STRICT_PLUGINS": "1"})
    with pytest.raises(PluginError, match=sentence):
        strict.names("neuron")


def test_a_registry_scans_once_and_only_when_asked(two, monkeypatch):
    registry = two.registry()
    two.add("snn-c", provides("c"))
    monkeypatch.setenv("SNN_PLUGINS", "")
    late = Registry()
    monkeypatch.setenv("SNN_PLUGINS", "snn-c")
    assert late.names("neuron") == ("c",)
    assert registry.names("neuron") == ("a", "b")
    two.add("snn-d", provides("d"))
    assert late.names("neuron") == ("c",)
