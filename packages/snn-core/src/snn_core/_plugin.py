"""The plugin of snn-core: what it registers."""

from __future__ import annotations

from snn_core.hookspecs import Entry, hookimpl


@hookimpl
def snn_thresholds() -> list[Entry]:
    """The surrogates of snn_core.thresholds, one formula a name."""
    return [
        _threshold(name, summary, aliases)
        for name, summary, aliases in (
            ("super_spike", "1 / (a |x| + 1)^2, peak 1", ("superspike", "super", "fast_sigmoid")),
            ("soft_sign", "(a/2) / (a |x| + 1)^2, area 1", ("softsign",)),
            ("sigmoid", "slope of the logistic function s(a x), area 1", ()),
            ("atan", "(a/2) / (1 + (pi a x / 2)^2), area 1", ("arctan",)),
            ("erf", "Gaussian, (a/sqrt(pi)) exp(-(a x)^2), area 1", ()),
            ("erfc", "Gaussian, (2/sqrt(pi)) exp(-(a x)^2), area 2/a", ("heavi_erfc",)),
            ("tanh", "1 - tanh(a x)^2, peak 1", ("heavi_tanh",)),
            ("logistic", "(a/2) (1 - tanh(a x)^2), area 1", ()),
            ("circ", "(1 + (x/a)^2)^(-3/2), peak 1; alpha is a width", ("heavi_circ",)),
            ("triangle", "a max(0, 1 - |x|); alpha is an amplitude", ("tent",)),
            ("piecewise_quadratic", "a max(0, 1 - a |x|), area 1", ()),
            ("piecewise_exp", "(a/2) exp(-a |x|), area 1", ()),
            ("rect", "a where |x| < 1/(2a), area 1", ("rectangular",)),
            ("super_spike_scaled", "a / (|x| + 1)^2; alpha is an amplitude", ()),
            ("straight_through", "slope 1 everywhere", ("ste",)),
            ("heaviside", "slope 0: spikes without a gradient", ()),
        )
    ]


@hookimpl
def snn_backends() -> list[Entry]:
    """The reference loop, to which every other backend is held."""
    return [Entry("eager", "snn_core.eager:EAGER", "reference loop over time steps")]


@hookimpl
def snn_commands() -> list[Entry]:
    """The commands that look at the registry itself."""
    return [
        Entry("list", "snn_core.cli.listing:run", "every registered name, and who provides it"),
        Entry("show", "snn_core.cli.show:run", "one name: equations, parameters, units, formula"),
        Entry("doctor", "snn_core.cli.doctor:run", "import everything and report what is wrong"),
    ]


def _threshold(name: str, summary: str, aliases: tuple[str, ...]) -> Entry:
    return Entry(name, f"snn_core.thresholds:{name.upper()}", summary, aliases)
