"""First-party names by kind and package, for those who have not installed the package yet.

A test over all packages together keeps it equal to what they register.
"""

from __future__ import annotations

from collections.abc import Mapping

CATALOGUE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "neuron": {
        "snn-neurons": (
            "adex",
            "adex_refractory",
            "exp_li",
            "exp_lif",
            "exp_lif_refractory",
            "iaf",
            "iaf_integrate_first",
            "iaf_refractory",
            "if_box",
            "li",
            "li_box",
            "lif",
            "lif_box",
            "lif_refractory",
        ),
    },
    "backend": {
        "snn-eventprop": ("eventprop", "eventprop_exact"),
        "snn-fused": ("numba", "triton"),
        "snn-hardware": ("bss2",),
    },
    "command": {
        "snn-hardware": ("chip",),
        "snn-nodes": ("nir",),
        "snn-train": ("train",),
    },
}


def homes(kind: str) -> dict[str, str]:
    """Each catalogued name of a kind and the package that has it.

    >>> homes("neuron")["lif"]
    'snn-neurons'
    """
    packages = CATALOGUE.get(kind, {})
    return {name: package for package, names in packages.items() for name in names}
