"""``snn nir``: what it lists, what it imports, what it refuses, and its exit codes."""

import re

import h5py
import nir
import numpy as np
import pytest
from snn_core.cli.main import main as snn
from snn_nodes.command import main
from snn_nodes.exchange import ACCEPTABLE, from_nir, to_nir
from snn_nodes.layer import Linear, Recurrent, Sequential
from snn_nodes.neuron import IFNode, LIFNode

from .nir_graphs import GRAPHS, dense_graph, graph_in_a_graph, image_graph, line_graph
from .nir_parts import EYE, chain, full, graph, lif

IMPORT, REPORT = (
    "\nas a network:\n",
    "\nwhat it does otherwise than the graph says, at dt = 0.001 s:\n",
)


@pytest.fixture
def shown(capsys, tmp_path):
    """A function that writes a graph and gives exit code, output and errors of the command."""

    def run(given, *more, dt="1e-3"):
        nir.write(tmp_path / "a.nir", given)
        code = main([str(tmp_path / "a.nir"), "--dt", dt, *more])
        return code, *capsys.readouterr()

    return run


def listing(out):
    """The cells of the lines before the network; the margin stays with the name."""
    return [re.split(r"(?<=\S) {2,}", line) for line in out.split("\n\n")[0].splitlines()]


def test_it_is_a_command_of_snn(capsys, tmp_path):
    nir.write(tmp_path / "a.nir", dense_graph(nir.IF))
    assert snn(["nir", str(tmp_path / "a.nir"), "--dt", "1e-3"]) == 0
    assert "affine" in capsys.readouterr().out


@pytest.mark.parametrize("name", GRAPHS)
def test_every_graph_is_listed_imported_and_reported(name, shown, tmp_path):
    given = GRAPHS[name]()
    code, out, errors = shown(given)
    assert (code, errors) == (0, "")
    net, report = from_nir(tmp_path / "a.nir", dt=1e-3)
    assert out.endswith(f"{IMPORT}{net}\n{REPORT}{report}\n")
    names = [row[0] for row in listing(out) if not row[0].startswith(" ")]
    assert sorted(names) == sorted(given.nodes)


def test_nodes_come_in_the_order_of_the_flow_with_ranges_and_shapes(shown):
    """The file has them by their names; the input is first, loops and outputs come last."""
    weight = np.array([[1.0, 2.0], [3.0, 4.0]])
    nodes = {
        "x": nir.Input(np.array([2])),
        "w": nir.Affine(weight, np.array([0.0, 0.5])),
        "cell": lif(tau=np.array([0.01, 0.02]), v_th=0.3),
        "back": nir.Linear(EYE),
        "a": nir.Output(np.array([2])),
    }
    edges = [("x", "w"), ("w", "cell"), ("back", "cell"), ("cell", "a"), ("cell", "back")]
    code, out, _ = shown(nir.NIRGraph(nodes, edges))
    assert code == 0
    values = "tau=0.01...0.02 r=1 v_leak=0 v_threshold=0.3 v_reset=0"
    assert listing(out) == [
        ["x", "Input (2,)", "-> w"],
        ["w", "Affine", "-> cell", "weight=(2, 2) bias=0...0.5"],
        ["cell", "LIF (2,)", "-> a, back", values],
        ["back", "Linear", "-> cell", "weight=(2, 2)"],
        ["a", "Output (2,)"],
    ]
    assert "cell  recurrence  what 'back' leads back arrives one step (dt) late" in out


def test_columns_are_aligned(shown):
    lines = shown(dense_graph(nir.LIF))[1].split("\n\n")[0].splitlines()
    assert len({line.index("->") for line in lines if "->" in line}) == 1
    assert len({line.index("weight=") for line in lines if "weight=" in line}) == 1


def test_sizes_of_layers_of_images_are_shown_as_they_are(shown):
    out = shown(image_graph())[1]
    conv = "input_shape=(7, 6) weight=(6, 2, 3, 3) stride=(2, 1) padding=(1, 0) dilation=(1, 1)"
    assert f"{conv} groups=1 bias=" in out
    assert "LIF (6, 4, 4)" in out
    assert "SumPool2d          -> avgpool2d  kernel_size=(2, 2) stride=(2, 2) padding=(0, 0)" in out
    assert "Flatten (6, 3, 3)  -> linear     start_dim=0 end_dim=-1" in out
    assert "stride=1 padding=same dilation=2" in shown(line_graph())[1]


def test_a_graph_in_a_graph_is_set_in_below_its_name(shown):
    out = shown(graph_in_a_graph())[1]
    assert [row[:2] for row in listing(out)] == [
        ["input", "Input (4,)"],
        ["nirgraph", "NIRGraph"],
        ["  input", "Input (4,)"],
        ["  nirgraph", "NIRGraph"],
        ["    input", "Input (4,)"],
        ["    linear", "Linear"],
        ["    if", "IF (3,)"],
        ["    output", "Output (3,)"],
        ["  linear", "Linear"],
        ["  output", "Output (2,)"],
        ["li", "LI (2,)"],
        ["output", "Output (2,)"],
    ]


def test_what_we_write_is_shown_as_it_will_be_read(shown):
    net = Sequential(Linear(2, 2), Recurrent(LIFNode(tau=3.0), 2), IFNode())
    code, out, errors = shown(to_nir(net, 2, dt=1e-3).graph)
    assert (code, errors) == (0, "")
    assert all(kind in out for kind in ("LIFNode(", "IFNode(", "Recurrent("))
    assert "tau=0.003 r=1 v_leak=0 v_threshold=1 v_reset=0" in out


def test_a_report_without_differences_says_so(shown):
    assert shown(chain(nir.Linear(EYE)))[1].endswith(f"{REPORT}no differences\n")


def test_values_that_are_rounded_are_in_the_report(shown):
    rounded = chain(nir.Linear(EYE), lif(tau=np.array([0.011, 0.012])))
    assert "n1  precision  kept in torch.float32, which rounds: tau; " in shown(rounded)[1]


# what is refused: the graph is listed all the same


def test_a_graph_that_is_not_whole_is_listed_and_refused_with_code_1(shown):
    nodes = {"a": lif(), "lost": nir.Scale(full(1.0))}
    code, out, errors = shown(graph(nodes, [("input", "a"), ("a", "b"), ("b", "output")]))
    assert code == 1
    assert [row[0] for row in listing(out)] == ["input", "a", "lost", "output"]
    assert IMPORT not in out
    assert errors.startswith("\nan import is refused:\nedge 'a' -> 'b' leads to a node that is not")


def test_a_difference_is_refused_until_it_is_accepted(shown):
    delays = chain(nir.Delay(np.array([1e-3, 2.4e-3])))
    code, out, errors = shown(delays)
    assert code == 1
    assert "delay=0.001...0.0024" in out
    assert "node 'n0': a delay of 0.0024 s is no whole number of steps of 0.001 s" in errors
    assert "or pass --accept delay_rounding: delays become whole numbers of steps" in errors
    code, out, errors = shown(delays, "--accept", "delay_rounding")
    assert (code, errors) == (0, "")
    assert "n0  delay_rounding  " in out.split(REPORT)[1]


def test_several_differences_are_accepted_and_warnings_are_plain_lines(shown):
    both = chain(nir.Delay(full(2.4e-3)), lif(tau=1e-4))
    assert shown(both, "--accept", "delay_rounding")[0] == 1
    code, out, errors = shown(both, "--accept", "delay_rounding", "--accept", "coarse_dt")
    assert code == 0
    assert all(f"  {name}  " in out for name in ("delay_rounding", "coarse_dt"))
    assert errors.startswith("warning: dt = 0.001 s is longer than tau_mem")
    assert errors.count("\n") == 1


def test_dt_is_that_of_the_import(shown):
    given = chain(nir.Delay(np.array([1e-3, 2e-3])))
    assert "steps=tensor (2,) of up to 2" in shown(given)[1]
    out = shown(given, dt="5e-4")[1]
    assert "steps=tensor (2,) of up to 4" in out
    assert "at dt = 0.0005 s:" in out


# what cannot be read: nothing is printed but why


def unreadable(capsys, file):
    assert main([str(file), "--dt", "1e-3"]) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.startswith(f"{file} ")
    assert errors.count("\n") == 1
    return errors.removeprefix(f"{file} ").rstrip()


def test_a_file_that_is_missing_or_is_none(capsys, tmp_path):
    missing = unreadable(capsys, tmp_path / "nowhere.nir")
    assert missing == "cannot be read: No such file or directory"
    assert unreadable(capsys, tmp_path) == "cannot be read: Is a directory"
    (tmp_path / "text.nir").write_text("no graph")
    message = "cannot be read: no HDF5 file, as nir.write writes"
    assert unreadable(capsys, tmp_path / "text.nir") == message


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({}, "KeyError: Unable"),
        ({"node/type": "Wonder"}, "AssertionError"),
        ({"node/type": "LIF", "node/tau": 1.0}, "KeyError: v_threshold"),
        ({"node/type_check": True}, "ValueError: The 'type_check' key was found"),
    ],
)
def test_a_file_of_hdf5_without_a_graph(capsys, tmp_path, content, why):
    with h5py.File(tmp_path / "a.nir", "w") as file:
        for name, value in content.items():
            file[name] = value
    message = unreadable(capsys, tmp_path / "a.nir")
    assert message.startswith(f"holds no graph that nir {nir.version} can read: {why}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.nir", "required: --dt"),
        ("--dt 1e-3", "required: file"),
        ("a.nir --dt 0", "must be a time in seconds above 0, got '0'"),
        ("a.nir --dt inf", "must be a time in seconds above 0, got 'inf'"),
        ("a.nir --dt nan", "must be a time in seconds above 0, got 'nan'"),
        ("a.nir --dt long", "must be a time in seconds above 0, got 'long'"),
        ("a.nir --dt 1 --accept anything", "invalid choice: 'anything' (choose from"),
    ],
)
def test_malformed_options_stop_the_parser(capsys, line, message):
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_the_help_names_every_difference_with_its_meaning(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert all(f"  {name:15} {meaning}\n" in out for name, meaning in ACCEPTABLE.items())
