"""snn list: names, aliases, providers, summaries, and what is missing."""

from __future__ import annotations

import json

import pytest
from snn_core.cli.main import main
from snn_core.registry import default_registry

pytestmark = pytest.mark.usefixtures("fresh_default_registry")

NEURONS = """
@hookimpl
def snn_neurons():
    return [
        Entry("zeta", "m:Z", "the last"),
        Entry("alpha", "m:A", "the first", aliases=("al", "Al-Pha")),
        Entry(
            "needy", object(), "needs more", needs=("math", "no_such_module"), install="snn-more[x]"
        ),
    ]
"""


@pytest.fixture
def only_ours(fresh_default_registry, site, monkeypatch):
    monkeypatch.setenv("SNN_PLUGINS", "snn-core,snn-a,snn-b")
    site.add("snn-a", NEURONS)
    site.add("snn-b", "@hookimpl\ndef snn_neurons():\n    return [Entry('al', 'm:X', 'other')]\n")


@pytest.mark.usefixtures("only_ours")
def test_it_is_grouped_by_provider_sorted_by_name_with_remarks_below(capsys):
    assert main(["list", "--kind", "neuron"]) == 0
    assert capsys.readouterr().out == (
        "neurons of snn-a 1.0\n"
        "  alpha  the first\n"
        "         also al, al_pha\n"
        "         'al' is provided more than once; write snn-a/al\n"
        "  needy  needs more\n"
        "         neuron 'needy' needs no_such_module: pip install 'snn-more[x]'\n"
        "  zeta   the last\n"
        "\n"
        "neurons of snn-b 1.0\n"
        "  al  other\n"
        "      'al' is provided more than once; write snn-b/al\n"
    )


@pytest.mark.usefixtures("only_ours")
def test_json_has_every_field(capsys):
    assert main(["list", "--kind", "neuron", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found] == ["al", "alpha", "needy", "zeta"]
    assert found[1] == {
        "kind": "neuron",
        "name": "alpha",
        "aliases": ["al", "al_pha"],
        "summary": "the first",
        "distribution": "snn-a",
        "version": "1.0",
        "plugin": "snn-a:p",
        "target": "m:A",
        "needs": [],
        "missing": [],
        "install": "",
    }
    assert found[2]["missing"] == ["no_such_module"]
    assert found[2]["target"] == "an object, object"


def test_it_lists_all_kinds_of_the_installation(capsys):
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    registry = default_registry()
    for kind in ("neuron", "threshold", "backend", "command"):
        assert [one["name"] for one in found if one["kind"] == kind] == [
            provided.name for provided in registry.entries(kind)
        ]
    assert main(["list"]) == 0
    words = capsys.readouterr().out.split()
    assert {one["name"] for one in found} <= set(words)


def test_a_kind_that_nobody_provides_is_none(capsys, monkeypatch):
    monkeypatch.setenv("SNN_PLUGINS", "snn-core")
    assert main(["list", "--kind", "neuron"]) == 0
    assert capsys.readouterr().out == "neurons\n  none\n"


@pytest.mark.parametrize("columns", [40, 60, 100, 300])
def test_lines_keep_within_the_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    main(["list", "--kind", "threshold"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= min(columns, 100)
    assert not any(line != line.rstrip() for line in lines)


def test_an_unknown_kind_is_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["list", "--kind", "synapse"])
    assert caught.value.code == 2
    assert "invalid choice: 'synapse'" in capsys.readouterr().err
