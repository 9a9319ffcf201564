"""Which backend runs: auto takes the fastest that can, a name never falls back."""

import warnings

import pytest
import snn_core as snn
import torch
from snn_core import choosing
from snn_core.eager import EAGER, run
from snn_core.testing import TOY

pytestmark = pytest.mark.usefixtures("core_alone")

X = torch.ones(2, 1, 1)


class Plugin:
    """Backends of several ranks, two of which decline."""

    def __init__(self, *backends):
        self.backends = backends

    @snn.hookimpl
    def snn_backends(self):
        return [snn.Entry(one.name, one, "for a test") for one in self.backends]


def backend(name, rank, reason=None):
    return snn.Backend(name, rank, lambda problem: reason, run)


def test_the_highest_rank_that_supports_the_problem_runs_without_a_word():
    quick, slow = backend("quick", 20), backend("slow", 5)
    with snn.default_registry().temporary(Plugin(slow, quick)), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choosing.candidates("auto")[:2] == (quick, slow)
        snn.integrate(TOY, X, dt=1e-3)


def test_what_declines_is_named_once_with_its_reason():
    picky = backend("picky", 20, "it knows no toys")
    with snn.default_registry().temporary(Plugin(picky)):
        with pytest.warns(
            snn.BackendWarning,
            match=r"'picky' cannot run this: it knows no toys; "
            r"running on 'eager'",
        ):
            snn.integrate(TOY, X, dt=1e-3)
        assert "auto (eager)" in repr(snn.Layer(2, 1, TOY, dt=1e-3))


def test_one_for_other_devices_is_passed_over_without_a_word_and_refuses_by_name():
    elsewhere = backend("elsewhere", 20, "the layer is on cpu")._replace(devices=("cuda",))
    with snn.default_registry().temporary(Plugin(elsewhere)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            snn.integrate(TOY, X, dt=1e-3)
        with pytest.raises(snn.Unsupported, match=r"'elsewhere' cannot run .* the layer is on cpu"):
            snn.integrate(TOY, X, dt=1e-3, backend="elsewhere")


def test_without_a_rank_a_backend_runs_by_name_only():
    other = backend("other", None)
    with snn.default_registry().temporary(Plugin(other)):
        assert other not in choosing.candidates("auto")
        assert choosing.candidates("other") == (other,)


def test_a_backend_asked_for_by_name_raises_its_reason():
    picky = backend("picky", 20, "it knows no toys")
    with (
        snn.default_registry().temporary(Plugin(picky)),
        pytest.raises(
            snn.Unsupported, match=r"^backend 'picky' cannot run this: it knows no toys$"
        ),
    ):
        snn.integrate(TOY, X, dt=1e-3, backend="picky")


def test_a_backend_that_lacks_its_module_is_passed_over():
    class Needy:
        @snn.hookimpl
        def snn_backends(self):
            return [snn.Entry("needy", "needy:B", "", needs=("no_such_module",), install="needy")]

    with snn.default_registry().temporary(Needy()):
        assert choosing.candidates("auto") == (EAGER,)
        with pytest.raises(snn.MissingNeed, match=r"backend 'needy' needs no_such_module: pip"):
            choosing.candidates("needy")


@pytest.mark.parametrize("target", ["no_such_module:B", "math:pi", "math:nothing"])
def test_a_strangers_broken_backend_is_passed_over_with_a_warning(target):
    class Broken:
        @snn.hookimpl
        def snn_backends(self):
            return [snn.Entry("broken", target, "")]

    with snn.default_registry().temporary(Broken()):
        with pytest.warns(snn.PluginWarning, match=r"backend 'broken' is passed over: .*doctor"):
            assert choosing.candidates("auto") == (EAGER,)
        with pytest.raises((ImportError, TypeError, AttributeError)):
            choosing.candidates("broken")


def test_a_record_needs_no_registration():
    assert choosing.candidates(backend("mine", 1))[0].name == "mine"
