"""Two providers of one name: an error when it is asked for, and a spelling for each."""

from __future__ import annotations

import sys

import pytest
from snn_core.errors import AmbiguousName, UnknownName


def provides(name: str, *aliases: str, target: str = "math:pi") -> str:
    return (
        "@hookimpl\ndef snn_neurons():\n"
        f"    return [Entry({name!r}, {target!r}, 'a neuron', aliases={aliases!r})]\n"
    )


def test_a_name_with_two_providers_is_ambiguous_only_when_asked_for(site):
    site.add("snn-a", provides("izh", "one"))
    site.add("snn-b", provides("izh", "two", target="math:e"))
    registry = site.registry()
    assert registry.names("neuron") == ("izh",)
    assert [one.distribution for one in registry.entries("neuron")] == ["snn-a", "snn-b"]
    with pytest.raises(AmbiguousName) as caught:
        registry.find("neuron", "izh")
    assert str(caught.value) == (
        "neuron 'izh' is provided more than once; write snn-a/izh or snn-b/izh"
    )
    assert registry.find("neuron", "one").distribution == "snn-a"
    assert registry.find("neuron", "two").distribution == "snn-b"


@pytest.mark.parametrize("qualified", ["snn-b/izh", "SNN_B/Izh", "snn.b/izh", "snn-b:p/izh"])
def test_a_qualified_name_chooses_the_distribution(site, qualified):
    site.add("snn-a", provides("izh"))
    site.add("snn-b", provides("izh", target="math:e"))
    assert site.registry().resolve("neuron", qualified) == pytest.approx(2.718281828)


def test_an_alias_clashes_like_a_name(site):
    site.add("snn-a", provides("izhikevich", "izh"))
    site.add("snn-b", provides("izh"))
    registry = site.registry()
    with pytest.raises(AmbiguousName, match=r"^neuron 'Izh' is .*; write snn-a/izh or snn-b/izh$"):
        registry.find("neuron", "Izh")
    assert registry.find("neuron", "snn-a/izh").name == "izhikevich"
    assert registry.find("neuron", "izhikevich").distribution == "snn-a"
    assert list(registry.clashes("neuron")) == ["izh"]


def test_three_providers_are_all_named(site):
    for name in ("snn-c", "snn-a", "snn-b"):
        site.add(name, provides("izh"))
    with pytest.raises(AmbiguousName, match=r"write snn-a/izh, snn-b/izh or snn-c/izh$"):
        site.registry().find("neuron", "izh")


def test_two_plugins_of_one_distribution_are_told_apart_by_their_names(site):
    site.add("snn-a", provides("izh"), points="q = snn_a_more\np = snn_a_plugin")
    site.add_module(
        "snn_a_more",
        "from snn_core.hookspecs import Entry, hookimpl\n" + provides("izh", target="math:e"),
    )
    registry = site.registry()
    loaded = [one.name for one in registry.plugins if one.left_out_by is None]
    assert loaded == ["snn-a:p", "snn-a:q", "snn-core:core"]
    with pytest.raises(AmbiguousName, match=r"write snn-a:p/izh or snn-a:q/izh$"):
        registry.find("neuron", "snn-a/izh")
    assert registry.resolve("neuron", "snn-a:q/izh") == pytest.approx(2.718281828)


def test_the_order_of_installation_does_not_decide(site, tmp_path, monkeypatch):
    site.add("snn-b", provides("izh"))
    later = tmp_path / "later"
    later.mkdir()
    site.folder = later
    site.add("snn-a", provides("izh"))
    messages = set()
    for first in (later, tmp_path / "site"):
        monkeypatch.syspath_prepend(first)
        registry = site.registry()
        with pytest.raises(AmbiguousName) as caught:
            registry.find("neuron", "izh")
        messages.add(str(caught.value))
        assert [one.name for one in registry.plugins if one.left_out_by is None] == [
            "snn-a:p",
            "snn-b:p",
            "snn-core:core",
        ]
    for name in ("snn_a_plugin", "snn_b_plugin"):
        sys.modules.pop(name, None)
    assert messages == {"neuron 'izh' is provided more than once; write snn-a/izh or snn-b/izh"}


def test_a_hook_that_wants_to_be_first_does_not_decide_either(site):
    site.add("snn-a", provides("izh"))
    site.add("snn-b", provides("izh").replace("@hookimpl", "@hookimpl(trylast=True)"))
    site.add("snn-c", provides("izh").replace("@hookimpl", "@hookimpl(tryfirst=True)"))
    with pytest.raises(AmbiguousName, match=r"write snn-a/izh, snn-b/izh or snn-c/izh$"):
        site.registry().find("neuron", "izh")


def test_a_distribution_that_stands_twice_on_the_path_counts_once_as_an_import_would_find_it(
    site, tmp_path, monkeypatch
):
    site.add("snn-a", provides("izh"), version="1.0")
    site.folder = tmp_path / "earlier"
    site.folder.mkdir()
    site.add("snn-a", provides("izh"), version="2.0")
    monkeypatch.syspath_prepend(site.folder)
    (found,) = site.registry().entries("neuron")
    assert found.version == "2.0"
    sys.modules.pop("snn_a_plugin", None)


def test_a_qualified_name_that_the_distribution_lacks_points_to_the_one_that_has_it(site):
    site.add("snn-a", provides("izh"))
    site.add("snn-b", provides("hindmarsh_rose"))
    with pytest.raises(UnknownName, match=r"^unknown neuron 'snn-b/izh'; did you mean 'snn-a/izh'"):
        site.registry().find("neuron", "snn-b/izh")
