"""snn-neurons: IAF, LI, LIF and AdEx neurons, and the functional API over them.

Importing it loads no torch; public names are imported at first use. ``snn_neurons.functional`` has
the functions of hxtorch.spiking and norse.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn_neurons import functional as functional
    from snn_neurons.adex import ADEX as ADEX
    from snn_neurons.adex import Terms as Terms
    from snn_neurons.adex import with_terms as with_terms
    from snn_neurons.adex_refractory import ADEX_REFRACTORY as ADEX_REFRACTORY
    from snn_neurons.exp_li import EXP_LI as EXP_LI
    from snn_neurons.exp_lif import EXP_LIF as EXP_LIF
    from snn_neurons.exp_lif_refractory import EXP_LIF_REFRACTORY as EXP_LIF_REFRACTORY
    from snn_neurons.functional.observables import HardwareObservables as HardwareObservables
    from snn_neurons.iaf import IAF as IAF
    from snn_neurons.iaf import IAF_INTEGRATE_FIRST as IAF_INTEGRATE_FIRST
    from snn_neurons.iaf_refractory import IAF_REFRACTORY as IAF_REFRACTORY
    from snn_neurons.if_box import IF_BOX as IF_BOX
    from snn_neurons.li import LI as LI
    from snn_neurons.li_box import LI_BOX as LI_BOX
    from snn_neurons.lif import LIF as LIF
    from snn_neurons.lif_box import LIF_BOX as LIF_BOX
    from snn_neurons.lif_refractory import LIF_REFRACTORY as LIF_REFRACTORY
    from snn_neurons.refractory import with_refractoriness as with_refractoriness

__version__ = "0.1.0"

_HOME = {
    "ADEX": "adex",
    "ADEX_REFRACTORY": "adex_refractory",
    "EXP_LI": "exp_li",
    "EXP_LIF": "exp_lif",
    "EXP_LIF_REFRACTORY": "exp_lif_refractory",
    "HardwareObservables": "functional.observables",
    "IAF": "iaf",
    "IAF_INTEGRATE_FIRST": "iaf",
    "IAF_REFRACTORY": "iaf_refractory",
    "IF_BOX": "if_box",
    "LI": "li",
    "LI_BOX": "li_box",
    "LIF": "lif",
    "LIF_BOX": "lif_box",
    "LIF_REFRACTORY": "lif_refractory",
    "Terms": "adex",
    "with_refractoriness": "refractory",
    "with_terms": "adex",
}
__all__ = sorted([*_HOME, "functional"])


def __getattr__(name: str) -> Any:
    if name == "functional":
        return import_module("snn_neurons.functional")
    if name not in _HOME:
        raise AttributeError(f"module 'snn_neurons' has no attribute {name!r}")
    value = getattr(import_module(f"snn_neurons.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
