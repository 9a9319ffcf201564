"""From a name to its object: spellings, missing needs, and targets that cannot be imported."""

from __future__ import annotations

import sys

import pytest
from snn_core.errors import MissingNeed
from snn_core.registry import missing_needs, need_line


def backend(name: str = "fast", target: str = "'fast_target:FAST'", more: str = "") -> str:
    return f"@hookimpl\ndef snn_backends():\n    return [Entry({name!r}, {target}, ''{more})]\n"


@pytest.mark.parametrize("asked", ["Super-Fast", "super_fast", "SUPER FAST", "superfast"])
def test_names_compare_in_lower_case_with_underscores(site, asked):
    site.add("snn-a", backend("Super-Fast", "'math:pi'", ", aliases=('SuperFast',)"))
    registry = site.registry()
    assert registry.names("backend") == ("eager", "super_fast")
    assert registry.resolve("backend", asked) == pytest.approx(3.14159265)


def test_a_target_is_imported_at_first_use_and_not_before(site):
    site.add("snn-a", backend())
    site.add_module("fast_target", "class FAST:\n    class Inner: pass")
    registry = site.registry()
    registry.find("backend", "fast")
    assert "fast_target" not in sys.modules
    assert registry.resolve("backend", "fast").__name__ == "FAST"


def test_a_target_may_be_nested_or_the_object_itself(site):
    site.add("snn-a", backend("nested", "'fast_target:FAST.Inner'"))
    site.add("snn-b", backend("itself", "hookimpl"))
    site.add_module("fast_target", "class FAST:\n    class Inner: pass")
    registry = site.registry()
    assert registry.resolve("backend", "nested").__qualname__ == "FAST.Inner"
    assert registry.resolve("backend", "itself").project_name == "snn"


def test_objects_pass_through(site):
    thing = object()
    assert site.registry().resolve("backend", thing) is thing


def test_a_missing_need_gives_the_pip_line_and_nothing_is_imported(site):
    more = ", needs=('triton_not_here',), install='snn-fused[triton]'"
    site.add("snn-a", backend("triton", more=more))
    site.add_module("fast_target", "FAST = 1")
    with pytest.raises(MissingNeed) as caught:
        site.registry().resolve("backend", "triton")
    assert str(caught.value) == (
        "backend 'triton' needs triton_not_here: pip install 'snn-fused[triton]'"
    )
    assert isinstance(caught.value, ImportError)
    assert caught.value.name == "triton_not_here"
    assert "fast_target" not in sys.modules


def test_several_missing_needs_are_all_named_and_plain_packages_stay_unquoted(site):
    site.add("snn-a", backend(more=", needs=('no_one', 'math', 'no_two'), install='one two>=2'"))
    site.add("snn-b", backend("silent", more=", needs=('no_one',)"))
    registry = site.registry()
    assert need_line(registry.find("backend", "fast")) == (
        "backend 'fast' needs no_one and no_two: pip install one 'two>=2'"
    )
    assert need_line(registry.find("backend", "silent")) == (
        "backend 'silent' needs no_one, not installed; snn-b does not say how to install it"
    )


def test_a_submodule_is_looked_for_without_importing_its_parent(site):
    package = site.folder / "heavy_parent"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('must not be imported')")
    (package / "inner.py").write_text("")
    needs = "'heavy_parent.inner', 'heavy_parent.outer', 'heavy_parent.inner.x', 'gone.x', 'math.x'"
    site.add("snn-a", backend(more=f", needs=({needs})"))
    found = site.registry().find("backend", "fast")
    assert missing_needs(found) == (
        "heavy_parent.outer",
        "heavy_parent.inner.x",
        "gone.x",
        "math.x",
    )
    assert "heavy_parent" not in sys.modules


def test_a_module_that_is_loaded_or_blocked_counts_as_such(site, monkeypatch):
    monkeypatch.setitem(sys.modules, "loaded_only", object())
    monkeypatch.setitem(sys.modules, "colorsys", None)
    site.add("snn-a", backend(more=", needs=('loaded_only', 'colorsys')"))
    assert missing_needs(site.registry().find("backend", "fast")) == ("colorsys",)


@pytest.mark.parametrize(
    ("target", "error", "cause"),
    [
        ("gone_target:FAST", ModuleNotFoundError, "No module named 'gone_target'"),
        ("fast_target:SLOW", AttributeError, "module 'fast_target' has no attribute 'SLOW'"),
    ],
)
def test_a_target_that_cannot_be_imported_says_whose_it_is(site, target, error, cause):
    site.add("snn-a", backend(target=repr(target)))
    site.add_module("fast_target", "FAST = 1")
    with pytest.raises(error, match=cause) as caught:
        site.registry().resolve("backend", "fast")
    assert caught.value.__notes__ == [
        f"while importing {target!r}, the backend 'fast' of plugin snn-a:p"
    ]
