"""What an unknown name says: the nearest thing, how to get it, what is installed, what failed."""

from __future__ import annotations

import pytest
from snn_core.errors import PluginWarning, UnknownName
from snn_core.registry import Registry

IZHIKEVICH = """
@hookimpl
def snn_neurons():
    return [Entry("izhikevich", "m:IZH", "a neuron", aliases=("izh", "izhi", "izhik"))]
"""
SURROGATES = """
@hookimpl
def snn_thresholds():
    return [
        Entry("twin_peak", "m:S", "a threshold", aliases=("twinpeak", "twin")),
        Entry("cusp", "m:A", "a threshold"),
    ]

@hookimpl
def snn_commands():
    return [Entry("cusp", "m:run", "a command")]
"""


def message(registry: Registry, kind: str, name: str) -> str:
    with pytest.raises(UnknownName) as caught:
        registry.find(kind, name)
    return str(caught.value)


def test_a_catalogued_name_says_which_package_has_it_what_is_installed_and_what_failed(site):
    site.add("snn-izh", IZHIKEVICH)
    site.add("snn-broken", "import foo_that_is_not_there")
    registry = site.registry(SNN_PLUGINS="snn-izh,snn-broken", SNN_DISABLED_PLUGINS="")
    with pytest.warns(PluginWarning):
        said = message(registry, "neuron", "lif").splitlines()
    assert said[0] == "unknown neuron 'lif'"
    assert said[1].startswith("  it is in snn-neurons")
    assert said[2] == "  installed: izhikevich"
    assert said[3] == (
        "  note: plugin snn-broken:p failed to load: "
        "ModuleNotFoundError: No module named 'foo_that_is_not_there'"
    )


def test_a_package_that_is_not_installed_comes_with_its_pip_line(site, monkeypatch):
    site.add("snn-izh", IZHIKEVICH)
    monkeypatch.setattr("snn_core.registry.messages.homes", lambda kind: {"glif": "snn-elsewhere"})
    said = message(site.registry(), "neuron", "GLIF").splitlines()
    assert said[:3] == [
        "unknown neuron 'GLIF'",
        "  it is in snn-elsewhere: pip install snn-elsewhere",
        "  installed: izhikevich",
    ]
    said = message(site.registry(), "neuron", "glifs").splitlines()
    assert said[0] == "unknown neuron 'glifs'; did you mean 'glif'?"
    assert said[1] == "  it is in snn-elsewhere: pip install snn-elsewhere"


def test_a_package_that_is_left_out_or_failed_is_not_to_be_installed_again(site, monkeypatch):
    site.add("snn-izh", IZHIKEVICH)
    site.add("snn-away", SURROGATES)
    site.add("snn-bad", "1 / 0")
    site.add("snn-old", SURROGATES.replace('"cusp"', '"old_cusp"'))
    homes = {"glif": "snn-away", "eif": "snn-bad", "qif": "snn-old"}
    monkeypatch.setattr("snn_core.registry.messages.homes", lambda kind: homes)
    registry = site.registry(SNN_DISABLED_PLUGINS="snn-away")
    with pytest.warns(PluginWarning):
        said = message(registry, "neuron", "glif")
    assert "\n  it is in snn-away, which SNN_DISABLED_PLUGINS leaves out\n" in said
    assert "\n  note: SNN_DISABLED_PLUGINS leaves out snn-away" in said
    said = message(registry, "neuron", "eif")
    assert "\n  it is in snn-bad, which failed\n" in said
    assert "\n  note: plugin snn-bad:p failed to load: ZeroDivisionError" in said
    said = message(registry, "neuron", "qif")
    assert "\n  it is in another version of snn-old: pip install --upgrade snn-old\n" in said


@pytest.mark.parametrize("asked", ["twin_pek", "twin-pek", "twinpek", "twinn"])
def test_a_near_name_is_suggested_by_its_canonical_name(site, asked):
    site.add("snn-s", SURROGATES)
    said = message(site.registry(), "threshold", asked).splitlines()
    assert said[0] == f"unknown threshold {asked!r}; did you mean 'twin_peak'?"
    assert not any(line.startswith("  installed") for line in said)


def test_a_name_of_another_kind_says_so(site):
    site.add("snn-s", SURROGATES)
    said = message(site.registry(), "neuron", "Super-Spike").splitlines()[0]
    assert said == "unknown neuron 'Super-Spike'; it is a threshold, not a neuron"
    said = message(site.registry(), "neuron", "cusp").splitlines()[0]
    assert said == "unknown neuron 'cusp'; it is a threshold and a command, not a neuron"


def test_a_name_like_no_other_lists_what_is_installed_each_once(site):
    site.add("snn-izh", IZHIKEVICH)
    site.add("snn-s", SURROGATES)
    registry = site.registry()
    said = message(registry, "neuron", "qqqq").splitlines()
    assert said[:2] == ["unknown neuron 'qqqq'", "  installed: izhikevich"]
    listed = message(registry, "threshold", "qqqq").splitlines()[1].split(": ")[1].split(", ")
    assert sorted(set(listed)) == listed
    assert {"atan", "cusp", "super_spike", "twin_peak"} <= set(listed)


def test_where_nothing_of_a_kind_is_installed_it_says_none(site):
    assert message(site.registry(), "neuron", "qqqq").splitlines()[1] == "  installed: none"


def test_a_name_of_no_kind_at_all_suggests_across_kinds(site):
    site.add("snn-izh", IZHIKEVICH)
    site.add("snn-s", SURROGATES)
    registry = site.registry()
    for asked, first in {
        "izhikevic": "unknown name 'izhikevic'; did you mean 'izhikevich' (a neuron)?",
        "qqqq": "unknown name 'qqqq'; `snn list` shows every name",
        "lif": "unknown name 'lif'",
        "adx": "unknown name 'adx'; did you mean 'adex' (a neuron of snn-neurons)?",
    }.items():
        with pytest.raises(UnknownName) as caught:
            registry.find_anywhere(asked)
        assert str(caught.value).splitlines()[0] == first
    with pytest.raises(UnknownName, match=r"\n  the neuron: it is in snn-neurons"):
        registry.find_anywhere("lif")
    assert [one.kind for one in registry.find_anywhere("cusp")] == ["threshold", "command"]


def test_an_unknown_kind_lists_the_kinds(site):
    with pytest.raises(ValueError, match=r"^unknown kind 'synapse'; the kinds are neuron, thresh"):
        site.registry().names("synapse")


def test_an_unknown_name_is_a_lookup_error_whose_text_keeps_its_lines(site):
    site.add("snn-izh", IZHIKEVICH)
    with pytest.raises(LookupError) as caught:
        site.registry().find("neuron", "qqqq")
    assert "\n" in str(caught.value)
    assert not isinstance(caught.value, KeyError)
