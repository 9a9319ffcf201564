"""auto survives a stranger's backend that is broken; a name that is broken says how."""

import pytest
import snn_core as snn
import torch
from snn_core import choosing
from snn_core.eager import run
from snn_core.integration import pose
from snn_core.testing import TOY

pytestmark = pytest.mark.usefixtures("core_alone")

X = torch.ones(2, 1, 1)


class Plugin:
    """Backends that a stranger registered."""

    def __init__(self, *backends):
        self.backends = backends

    @snn.hookimpl
    def snn_backends(self):
        return [snn.Entry(one.name, one, "for a test") for one in self.backends]


def test_one_that_fails_to_answer_declines():
    def fails(problem):
        raise ZeroDivisionError("oops")

    broken = snn.Backend("broken", 20, fails, run)
    vague = snn.Backend("vague", 10, lambda problem: False, run)
    with (
        snn.default_registry().temporary(Plugin(broken, vague)),
        pytest.warns(snn.BackendWarning, match=r"raised ZeroDivisionError: oops; .*returned False"),
    ):
        snn.integrate(TOY, X, dt=1e-3)


def test_a_rank_that_is_no_number_is_passed_over():
    odd = snn.Backend("odd", "high", lambda problem: None, run)
    with (
        snn.default_registry().temporary(Plugin(odd)),
        pytest.warns(snn.PluginWarning, match=r"its rank must be an integer or None, got 'high'"),
    ):
        snn.integrate(TOY, X, dt=1e-3)


def test_nothing_to_choose_from_says_so():
    nothing = dict.fromkeys(("params", "state", "weight", "recurrent_weight", "observed"))
    threshold = snn.threshold("super_spike")
    problem = pose(TOY, X, dt=1e-3, threshold=threshold, record=(), **nothing)
    with pytest.raises(snn.Unsupported, match=r"no backend is left to choose from"):
        choosing.choose((), problem)
