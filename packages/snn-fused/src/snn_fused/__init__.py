"""snn-fused: any neuron's step as one fused kernel, forward and backward; backends numba, triton.

Importing it loads neither torch nor a compiler.
"""

from __future__ import annotations

__version__ = "0.1.0"
