"""The backend of a run: what auto takes, kept by its name, so that the run goes on with it."""

import json
from types import SimpleNamespace

import pytest
import snn_core as snn
import torch
from snn_core.eager import EAGER
from snn_train import backends, command, find_task, load_checkpoint
from snn_train.runs import Run

RUN = Run(find_task("digits"), seed=0)


def installed(*given):
    """Registered inside a ``with`` block."""
    entries = [snn.Entry(one.name, one, "for a test") for one in given]
    plugin = SimpleNamespace(snn_backends=snn.hookimpl(lambda: entries))
    return snn.default_registry().temporary(plugin)


def quick(name, supports=lambda problem: None, **changes):
    """A backend that auto asks first; its numbers are eager's."""
    return snn.Backend(name, 10_000, supports, EAGER.run)._replace(**changes)


def only_lif(problem):
    return None if problem.neuron.name == "lif" else "it knows no other neuron than lif"


def train(*options):
    return command.main(["digits", "--quiet", *map(str, options)])


def read(folder):
    """The metrics and the checkpoint that a run left."""
    checkpoint = load_checkpoint(folder / "checkpoint.pt")
    return json.loads((folder / "metrics.json").read_text()), checkpoint


@pytest.fixture
def interrupted(small, monkeypatch):
    """``interrupted(*options)`` trains two epochs and is interrupted after the first."""
    save = command.save_progress

    def stop(run, training, folder):
        save(run, training, folder)
        raise KeyboardInterrupt

    def start(*options):
        with monkeypatch.context() as patch:
            patch.setattr(command, "save_progress", stop)
            assert train("--epochs", 2, *options) == 130

    return start


@pytest.mark.usefixtures("small")
def test_a_run_keeps_the_name_of_what_auto_took_and_that_name_gives_the_same(tmp_path):
    assert train("--epochs", 1, "--out", tmp_path / "auto") == 0
    metrics, checkpoint = read(tmp_path / "auto")
    taken = metrics["backend"]
    assert checkpoint.run["backend"] == taken == backends.fastest_for(RUN)
    assert taken in snn.names("backend")
    assert train("--epochs", 1, "--backend", taken, "--out", tmp_path / "named") == 0
    again, other = read(tmp_path / "named")
    assert again == metrics
    first, second = checkpoint.training["model"], other.training["model"]
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_resumed_run_goes_on_with_its_own_backend_and_not_with_what_auto_takes_now(
    interrupted, tmp_path
):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert train("--epochs", 2, "--backend", "eager", "--out", whole) == 0
    interrupted("--backend", "eager", "--out", cut)

    def fails(problem):
        raise AssertionError("another backend went on")

    with installed(quick("newcomer", run=fails)):
        assert backends.fastest_for(RUN) == "newcomer"
        assert train("--epochs", 2, "--out", cut, "--resume") == 0
    assert read(cut)[0] == read(whole)[0]


def test_a_run_whose_backend_is_gone_says_so_and_stays_as_it_is(interrupted, tmp_path, capsys):
    with installed(quick("gone")):
        interrupted("--out", tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    capsys.readouterr()
    assert train("--epochs", 2, "--out", tmp_path, "--resume") == 2
    message = capsys.readouterr().err
    assert "checkpoint.pt was trained on backend 'gone' and goes on to the bit on no " in message
    assert "unknown backend 'gone'" in message
    assert "Install it, or train anew with another --out" in message
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_another_backend_by_name_does_not_go_on(interrupted, tmp_path, capsys):
    interrupted("--backend", "eager", "--out", tmp_path)
    with installed(quick("other")):
        assert train("--epochs", 2, "--backend", "other", "--out", tmp_path, "--resume") == 2
    assert "backend is eager there, other now" in capsys.readouterr().err


def test_a_faster_one_that_runs_not_every_layer_is_passed_over_with_its_reason():
    with (
        installed(quick("partial", only_lif), quick("all_of_it", rank=9_999)),
        pytest.warns(
            snn.BackendWarning, match=r"'partial' .* than lif; running on 'all_of_it'"
        ) as caught,
    ):
        assert backends.fastest_for(RUN) == "all_of_it"
    assert len(caught) == 1


def test_one_for_another_device_is_not_asked():
    expected = backends.fastest_for(RUN)
    with installed(quick("elsewhere", lambda problem: "never asked", devices=("cuda",))):
        assert backends.fastest_for(RUN) == expected


def test_one_whose_record_has_another_name_than_its_entry_does_not_stop_auto():
    entry = snn.Entry("this", quick("that"), "for a test")
    plugin = SimpleNamespace(snn_backends=snn.hookimpl(lambda: [entry]))
    with (
        snn.default_registry().temporary(plugin),
        pytest.warns(snn.BackendWarning, match=r"(?s)unknown backend 'that'.*running on"),
    ):
        assert backends.fastest_for(RUN) in snn.names("backend")


def test_none_that_can_is_an_error_with_every_reason(monkeypatch):
    partial = quick("partial", only_lif)
    monkeypatch.setattr(backends, "candidates", lambda backend: (partial,))
    with installed(partial), pytest.raises(snn.Unsupported, match=r"^backend 'partial' cannot run"):
        backends.fastest_for(RUN)
