"""The kernels of a recurrent layer: all steps of one sample, then the next sample.

At each step the neurons receive the input and the feedback: the output of the step before, through
the recurrent weight.
"""

from __future__ import annotations

import torch

from snn_fused.cpu.block import AHEAD, Block
from snn_fused.cpu.code import Code, module
from snn_fused.cpu.forward import advance
from snn_fused.cpu.march import Values, march
from snn_fused.cpu.memory import element
from snn_fused.cpu.operations import WRITE
from snn_fused.cpu.rows_sum import list_bytes, sum_rows
from snn_fused.cpu.slots import recurrent_forward_slots, states
from snn_fused.cpu.table import KERNEL, clipped, read_numbers, read_table, row
from snn_fused.cpu.vectors import GROUP_BYTES, Vector, vector
from snn_fused.graph.body import Body
