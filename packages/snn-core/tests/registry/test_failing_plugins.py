"""A plugin that fails is reported once and spoils only itself."""

from __future__ import annotations

import warnings

import pytest
from snn_core.errors import PluginError, PluginWarning

GOOD = """
@hookimpl
def snn_neurons():
    return [Entry("izhikevich", "x:IZH", "good", aliases=("izh",))]
"""
IMPORT_ERROR = "import nothing_of_this_name"
EXITING = "raise SystemExit(3)"
TYPO = """
@hookimpl
def snn_nuerons():
    return []
"""
STRANGE_HOOK = """
@hookimpl
def snn_zzz():
    return []
"""
UNMARKED = """
def snn_neurons():
    return []
"""
# hooks are registered in the order of their names: the sound one comes first
WRONG_ARGUMENT = """
@hookimpl
def snn_neurons():
    return [Entry("mine", "x:MINE", "")]

@hookimpl
def snn_thresholds(colour):
    return []
"""
SECOND_MISSPELT = WRONG_ARGUMENT.replace("snn_thresholds(colour)", "snn_treshold()")
RAISING = """
@hookimpl
def snn_neurons():
    raise RuntimeError("no licence")

@hookimpl
def snn_thresholds():
    return [Entry("mine", "x:MINE", "still there")]
"""

CASES = {
    "import error": (
        IMPORT_ERROR,
        "plugin snn-bad:p failed to load: ModuleNotFoundError: "
        "No module named 'nothing_of_this_name'",
    ),
    "exit": (EXITING, "plugin snn-bad:p failed to load: SystemExit: 3"),
    "misspelt hook": (
        TYPO,
        "plugin snn-bad:p failed to register: ValueError: "
        "there is no hook 'snn_nuerons'; did you mean 'snn_neurons'?",
    ),
    "strange hook": (
        STRANGE_HOOK,
        "plugin snn-bad:p failed to register: ValueError: there is no hook 'snn_zzz'; "
        "the hooks are snn_neurons, snn_thresholds, snn_backends, snn_commands",
    ),
    "hook without its marker": (
        UNMARKED,
        "plugin snn-bad:p failed to register: ValueError: "
        "'snn_neurons' is not marked; write @snn_core.hookimpl above it",
    ),
    "raising hook": (
        RAISING,
        "plugin snn-bad:p failed to list neurons: RuntimeError: no licence",
    ),
}


def listing(value: str) -> str:
    return f"@hookimpl\ndef snn_neurons():\n    return {value}\n"


WRONG_LISTS = {
    "None": "the hook returned NoneType, expected a list of snn_core.Entry; return [Entry(...)]",
    "['lif']": (
        "the hook listed str, expected snn_core.Entry; "
        'write Entry("name", "module:ATTR", "summary")'
    ),
    "[Entry('a', 'm:A', '', aliases='izh')]": (
        "aliases of entry 'a' must be a tuple of strings, got 'izh'; write aliases=(\"one\",)"
    ),
    "[Entry('a', 'm:A', '', needs=[1])]": (
        "needs of entry 'a' must be a tuple of strings, got [1]; write needs=(\"one\",)"
    ),
    "[Entry('a/b', 'm:A', '')]": (
        "'a/b' cannot be a name; use letters, digits, underscores, hyphens and dots"
    ),
    "[Entry('a', 'm.A', '')]": (
        "target of entry 'a' must be 'package.module:ATTR' or the object itself, got 'm.A'"
    ),
    "[Entry('a', 'm:A', ''), Entry('b', 'm:B', '', aliases=('A',))]": (
        "the name 'a' stands twice, in 'a' and in 'b'; rename one of them"
    ),
}


@pytest.mark.parametrize(("source", "sentence"), CASES.values(), ids=CASES)
def test_a_failing_plugin_is_one_issue_and_one_warning_and_others_go_on(site, source, sentence):
    site.add("snn-bad", source)
    site.add("snn-good", GOOD)
    registry = site.registry()
    with pytest.warns(PluginWarning) as caught:
        assert registry.names("neuron") == ("izhikevich",)
    assert [str(issue) for issue in registry.issues] == [sentence]
    assert [str(one.message) for one in caught] == [f"{sentence}; run `snn doctor`"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert registry.find("neuron", "izh").distribution == "snn-good"


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (WRONG_ARGUMENT, r"PluginValidationError: .*Argument\(s\) {'colour'}"),
        (SECOND_MISSPELT, r"there is no hook 'snn_treshold'; did you mean 'snn_thresholds'\?"),
    ],
    ids=["wrong argument", "misspelt"],
)
def test_one_bad_hook_leaves_nothing_of_its_plugin_registered(site, source, cause):
    site.add("snn-bad", source)
    site.add("snn-good", GOOD)
    registry = site.registry()
    with pytest.warns(PluginWarning, match=f"plugin snn-bad:p failed to register: .*{cause}"):
        assert registry.names("neuron") == ("izhikevich",)
    assert {one.distribution for one in registry.entries("threshold")} == {"snn-core"}
    assert "Traceback" in registry.issues[0].traceback()


def test_a_raising_hook_does_not_spoil_the_other_hooks_of_its_plugin(site):
    site.add("snn-bad", RAISING)
    registry = site.registry()
    with pytest.warns(PluginWarning):
        assert registry.names("neuron") == ()
    assert "mine" in registry.names("threshold")


@pytest.mark.parametrize(("value", "sentence"), WRONG_LISTS.items(), ids=WRONG_LISTS)
def test_a_hook_that_lists_something_else_says_what_to_write(site, value, sentence):
    site.add("snn-bad", listing(value))
    registry = site.registry()
    with pytest.warns(PluginWarning):
        assert registry.names("neuron") == ()
    (issue,) = registry.issues
    assert str(issue.error) == sentence
    assert issue.stage == "list neurons"


def test_a_hook_of_a_later_version_may_be_marked_optional(site):
    site.add("snn-new", "@hookimpl(optionalhook=True)\ndef snn_encoders():\n    return []\n")
    assert site.registry().issues == ()


def test_two_entry_points_of_one_module_are_an_issue_of_the_second(site):
    site.add("snn-twice", GOOD, points="a = snn_twice_plugin\nb = snn_twice_plugin")
    registry = site.registry()
    with pytest.warns(PluginWarning, match=r"plugin snn-twice:b failed to register"):
        assert registry.find("neuron", "izh").plugin == "snn-twice:a"


def test_unreadable_metadata_spoil_only_their_own_distribution(site):
    site.add("snn-bad", GOOD, points="a line that is no entry point")
    site.add("snn-good", GOOD)
    registry = site.registry()
    with pytest.warns(PluginWarning, match=r"plugin snn-bad failed to load"):
        assert registry.find("neuron", "izh").plugin == "snn-good:p"


def test_metadata_without_a_name_spoil_only_their_own_distribution(site):
    metadata = site.add("snn-bad", GOOD)
    (metadata / "METADATA").unlink()
    site.add("snn-good", GOOD)
    registry = site.registry(SNN_PLUGINS="snn-good")
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        assert registry.find("neuron", "izh").plugin == "snn-good:p"
    assert all("nameless" in str(issue) or "snn-bad" in str(issue) for issue in registry.issues)


@pytest.mark.parametrize("source", [IMPORT_ERROR, TYPO, RAISING], ids=["load", "register", "list"])
def test_strict_mode_raises_each_time_and_names_the_cause(site, source):
    site.add("snn-bad", source)
    registry = site.registry(SNN_STRICT_PLUGINS="1")
    for _ in range(2):
        with pytest.raises(PluginError, match=r"plugin snn-bad:p failed to") as caught:
            registry.names("neuron")
        assert str(caught.value).endswith("(SNN_STRICT_PLUGINS=1 makes this an error)")
        assert caught.value.__cause__ is not None


def test_a_warning_turned_into_an_error_is_raised_once_and_the_registry_works_after_it(site):
    site.add("snn-bad", RAISING)
    registry = site.registry()
    with pytest.raises(PluginWarning):
        registry.names("neuron")
    assert registry.names("neuron") == ()
    assert len(registry.issues) == 1


def test_strict_mode_is_switched_by_0_and_1_only(site):
    with pytest.raises(
        ValueError, match=r"^SNN_STRICT_PLUGINS must be 0 or 1, got 'yes'; set SNN_"
    ):
        site.registry(SNN_STRICT_PLUGINS="yes").names("neuron")
