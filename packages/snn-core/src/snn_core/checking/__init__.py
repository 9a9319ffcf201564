"""Every check of a call's arguments: what was given, what was expected, how to mend it."""

from __future__ import annotations

from snn_core.checking.delays import DELAY, DELAYS, check_delay
from snn_core.checking.neurons import (
    check_params,
    check_params_type,
    check_record,
    check_recurrent_state,
    check_state,
    names_of,
)
from snn_core.checking.observed import check_observed
from snn_core.checking.tensors import (
    check_input,
    check_recurrent_weight,
    check_step_size,
    check_weight,
    readable,
)
from snn_core.checking.values import check_number

__all__ = [
    "DELAY",
    "DELAYS",
    "check_delay",
    "check_input",
    "check_number",
    "check_observed",
    "check_params",
    "check_params_type",
    "check_record",
    "check_recurrent_state",
    "check_recurrent_weight",
    "check_state",
    "check_step_size",
    "check_weight",
    "names_of",
    "readable",
]
