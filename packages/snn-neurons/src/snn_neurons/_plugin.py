"""The plugin of snn-neurons: the neurons that it registers, one line each."""

from __future__ import annotations

from snn_core.hookspecs import Entry, hookimpl


@hookimpl
def snn_neurons() -> list[Entry]:
    """The neurons of this package; each target's module docstring has the equations."""
    return [
        Entry(
            "adex",
            "snn_neurons.adex:ADEX",
            "adaptive exponential integrate-and-fire, current-based",
            aliases=("aelif", "cuba_aelif"),
        ),
        Entry(
            "adex_refractory",
            "snn_neurons.adex_refractory:ADEX_REFRACTORY",
            "AdEx, held at reset for a while after a spike",
            aliases=("aelif_refractory",),
        ),
        Entry(
            "exp_li",
            "snn_neurons.exp_li:EXP_LI",
            "leaky integrator with exact decays (exponential Euler), does not fire",
            aliases=("exp_cuba_li",),
        ),
        Entry(
            "exp_lif",
            "snn_neurons.exp_lif:EXP_LIF",
            "leaky integrate-and-fire with exact decays (exponential Euler)",
            aliases=("exp_cuba_lif",),
        ),
        Entry(
            "exp_lif_refractory",
            "snn_neurons.exp_lif_refractory:EXP_LIF_REFRACTORY",
            "exponential-Euler LIF, held at reset for a while after a spike",
        ),
        Entry(
            "iaf",
            "snn_neurons.iaf:IAF",
            "integrate-and-fire without leak; fires on the old state, then adds its input",
            aliases=("integrate_and_fire", "iaf_fire_first"),
        ),
        Entry(
            "iaf_integrate_first",
            "snn_neurons.iaf:IAF_INTEGRATE_FIRST",
            "integrate-and-fire without leak; adds its input, then fires",
        ),
        Entry(
            "iaf_refractory",
            "snn_neurons.iaf_refractory:IAF_REFRACTORY",
            "IAF, held at reset for a while after a spike; held input is lost",
        ),
        Entry(
            "if_box",
            "snn_neurons.if_box:IF_BOX",
            "integrate-and-fire without leak, its input a current; the IF of NIR",
        ),
        Entry(
            "li",
            "snn_neurons.li:LI",
            "leaky integrator with an exponential synapse, does not fire",
            aliases=("leaky_integrator", "cuba_li"),
        ),
        Entry(
            "li_box",
            "snn_neurons.li_box:LI_BOX",
            "leaky integrator of its input current, no synapse, does not fire; the LI of NIR",
        ),
        Entry(
            "lif",
            "snn_neurons.lif:LIF",
            "leaky integrate-and-fire, current-based, with an exponential synapse",
            aliases=("cuba_lif", "leaky_integrate_and_fire"),
        ),
        Entry(
            "lif_box",
            "snn_neurons.lif_box:LIF_BOX",
            "leaky integrate-and-fire without synapse, its input a current; the LIF of NIR",
        ),
        Entry(
            "lif_refractory",
            "snn_neurons.lif_refractory:LIF_REFRACTORY",
            "LIF, held at reset for a while after a spike",
        ),
    ]
