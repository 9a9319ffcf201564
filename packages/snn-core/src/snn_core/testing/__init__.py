"""The conformance kit: what every neuron, threshold and backend must hold, in one line.

A third party's test file:

    from snn_core.testing import conformance
    test_izhikevich = conformance("izhikevich")

Needs pytest: ``pip install 'snn-core[testing]'``.
"""

from __future__ import annotations

from snn_core.testing.agreement import check_agreement
from snn_core.testing.conformance import conformance
from snn_core.testing.toys import TOY

__all__ = ["TOY", "check_agreement", "conformance"]
