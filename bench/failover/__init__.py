"""Failover: how long a killed process holds training up, part by part; and what checkpoints cost."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2] / "tests")]
