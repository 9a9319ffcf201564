"""snn show: a card for a neuron, a threshold, a backend, a command."""

from __future__ import annotations

import json

import pytest
import snn_core as snn
import torch
from snn_core.cli.facts import reach_of, slope
from snn_core.cli.main import main

pytestmark = pytest.mark.usefixtures("fresh_default_registry")

MODEL = '''
"""Decay: a membrane that forgets,
in two lines.

    v <- v exp(-dt/tau) + x

Text with ``code`` in it.
"""
from functools import partial
from typing import Annotated, NamedTuple

import torch
from snn_core.types import Neuron, Quantity, Value
from torch import Tensor


class Params(NamedTuple):
    needed: Annotated[Value, Quantity("V", "has no default")]
    tau: Annotated[Value, Quantity("s", "time constant", positive=True)] = 10e-3
    gain: Annotated[Value, Quantity("1", "of the input", nonnegative=True)] = torch.ones(2)
    limit: Value = float("inf")


class State(NamedTuple):
    v: Annotated[Tensor, Quantity("V", "membrane")]


def step(x, state, params, threshold, dt, scale=1.0):
    raise NotImplementedError


DECAY = Neuron("decay", Params, State, None, partial(step, scale=2.0))
'''
VARIANT = '''
"""Held: what another neuron does, held.

    v <- v_reset where held
"""
from functools import partial

from fake_decay import DECAY
from snn_core.types import Neuron


def step(x, state, params, threshold, dt, *, neuron):
    raise NotImplementedError


HELD = Neuron("held", DECAY.Params, DECAY.State, None, partial(step, neuron=DECAY))
'''
PLUGIN = """
@hookimpl
def snn_neurons():
    return [
        Entry("decay", "fake_decay:DECAY", "forgets", aliases=("dk",)),
        Entry("held", "fake_held:HELD", "forgets, held"),
        Entry("wrong", "fake_decay:step", "is no neuron"),
        Entry("both", "fake_decay:DECAY", "a neuron"),
        Entry("needy", "gone:GONE", "needs more", needs=("no_such_module",), install="snn-more"),
    ]

def both(argv):
    return 0

@hookimpl
def snn_commands():
    return [Entry("both", both, "and a command")]
"""


@pytest.fixture(autouse=True)
def models(site):
    site.add("snn-a", PLUGIN)
    site.add_module("fake_decay", MODEL)
    site.add_module("fake_held", VARIANT)


def shown(capsys, *arguments):
    assert main(["show", *arguments]) == 0
    return capsys.readouterr().out


def test_the_card_of_a_neuron(capsys):
    rule = "─" * 80
    assert shown(capsys, "DK") == (
        f"decay{'neuron':>75}\n{rule}\n"
        "forgets\n"
        "\n"
        "  aliases  dk\n"
        "  from     snn-a 1.0\n"
        "  target   fake_decay:DECAY\n"
        "\n"
        "Decay: a membrane that forgets, in two lines.\n"
        "\n"
        "      v <- v exp(-dt/tau) + x\n"
        "\n"
        "  Text with `code` in it.\n"
        "\n"
        "Parameters\n"
        "  name    default     unit  constraint  meaning\n"
        "  needed              V                 has no default\n"
        "  tau     0.01        s     > 0         time constant\n"
        "  gain    [1.0, 1.0]  1     >= 0        of the input\n"
        "  limit   inf\n"
        "\n"
        "State\n"
        "  name  unit  meaning\n"
        "  v     V     membrane\n"
    )


def test_a_neuron_made_from_another_shows_the_equations_of_both(capsys):
    said = shown(capsys, "held")
    first = said.index("Held: what another neuron does, held.")
    assert first < said.index("v <- v_reset where held") < said.index("Decay: a membrane that")


def test_json_of_a_neuron_has_equations_parameters_and_state(capsys):
    (card,) = json.loads(shown(capsys, "decay", "--json"))
    assert card["name"] == "decay"
    assert card["equations"][0]["title"] == "Decay: a membrane that forgets, in two lines."
    assert card["equations"][0]["text"].startswith("    v <- v exp(-dt/tau) + x")
    assert card["parameters"][0] == {
        "name": "needed",
        "unit": "V",
        "constraint": "",
        "meaning": "has no default",
    }
    assert [field.get("default") for field in card["parameters"]] == [None, 0.01, [1, 1], "inf"]


def test_the_card_of_a_threshold_has_its_formulas_its_alpha_and_a_drawing(capsys):
    said = shown(capsys, "super-spike")
    assert "1 / (a |x| + 1)^2" in said
    assert "x / (a |x| + 1)" in said
    assert "  fires      where x > 0\n" in said
    assert "  alpha      a = 50 by default\n" in said
    assert "Slope over x, a = 50\n    1 │" in said
    assert "-0.1" in said.splitlines()[-1]


def test_json_of_a_threshold_has_the_slope_as_numbers(capsys):
    (card,) = json.loads(shown(capsys, "super_spike", "--json"))
    values, reach = card["slope"]["values"], card["slope"]["reach"]
    assert card["strict"] is True
    assert values[len(values) // 2] == 1.0
    assert values[0] == values[-1] == pytest.approx((50 * reach + 1) ** -2)


@pytest.mark.parametrize("name", snn.default_registry().names("threshold"))
def test_every_slope_is_drawn_from_where_it_has_died_away(name):
    threshold = snn.threshold(name)
    reach = reach_of(threshold)
    values = slope(threshold, reach)
    torch.testing.assert_close(values, values.flip(0), rtol=1e-12, atol=0)
    if name in ("heaviside", "straight_through"):
        assert reach == 1.0
    else:
        assert values[0] <= 0.06 * values.max()
        assert (values > 0.06 * values.max()).sum() > 10


def test_the_card_of_a_backend_has_its_rank_and_what_its_module_says(capsys):
    said = shown(capsys, "eager")
    assert "  auto    tries the highest rank first; this has 0\n" in said
    assert "reference loop over time steps" in said


def test_a_name_of_two_kinds_shows_both_and_kind_chooses(capsys):
    both = json.loads(shown(capsys, "both", "--json"))
    assert [card["kind"] for card in both] == ["neuron", "command"]
    assert "`snn both --help` says how to use it." in shown(capsys, "both")
    (one,) = json.loads(shown(capsys, "both", "--json", "--kind", "command"))
    assert one["summary"] == "and a command"


def test_a_name_whose_needs_are_missing_shows_what_to_install_and_imports_nothing(capsys):
    said = shown(capsys, "needy")
    assert said.endswith("\nneuron 'needy' needs no_such_module: pip install snn-more\n")
    (card,) = json.loads(shown(capsys, "needy", "--json"))
    assert card["missing"] == ["no_such_module"]


def test_an_unknown_name_says_which_was_meant(capsys):
    assert main(["show", "superspik"]) == 2
    assert capsys.readouterr().err == (
        "UnknownName: unknown name 'superspik'; did you mean 'super_spike' (a threshold)?\n"
    )


def test_a_target_of_another_type_is_refused():
    with pytest.raises(TypeError, match="neuron 'wrong' is registered as function, expected a snn"):
        main(["show", "wrong"])


@pytest.mark.parametrize("columns", [50, 80, 300])
@pytest.mark.parametrize("name", ["super_spike", "eager", "list", "held"])
def test_prose_keeps_within_the_terminal(capsys, monkeypatch, columns, name):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = shown(capsys, name).splitlines()
    assert max(map(len, lines)) <= min(columns, 100)
    assert not any(line != line.rstrip() for line in lines)
