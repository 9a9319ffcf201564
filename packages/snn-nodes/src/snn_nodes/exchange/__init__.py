"""Exchange by NIR, the Neuromorphic Intermediate Representation: networks to graphs and back.

Needs the package ``nir`` and the neurons of ``snn-neurons``: ``pip install 'snn-nodes[nir]'``.
"""
# ruff: noqa: E402  what is missing is said before the imports that need it

import importlib.util

from snn_core.errors import MissingNeed

for _need in ("nir", "snn_neurons"):
    if importlib.util.find_spec(_need) is None:
        raise MissingNeed(
            f"snn_nodes.exchange needs {_need}: pip install 'snn-nodes[nir]'", name=_need
        )

from snn_nodes.exchange.cuba import CurrentFirst, MembraneFirst
from snn_nodes.exchange.elementwise import Scale, Threshold
from snn_nodes.exchange.exporting import Exported, to_nir
from snn_nodes.exchange.importing import Imported, from_nir
from snn_nodes.exchange.network import NirNetwork, NirSequential, Source
from snn_nodes.exchange.report import ACCEPTABLE, ExchangeError, Note, Report
from snn_nodes.exchange.targets import fitted

__all__ = [
    "ACCEPTABLE",
    "CurrentFirst",
    "ExchangeError",
    "Exported",
    "Imported",
    "MembraneFirst",
    "NirNetwork",
    "NirSequential",
    "Note",
    "Report",
    "Scale",
    "Source",
    "Threshold",
    "fitted",
    "from_nir",
    "to_nir",
]
