"""``python -m snn_core``: the same program as ``snn``."""

from __future__ import annotations

import sys

from snn_core.cli.main import main

sys.exit(main())
