"""The operator on nodes that are not there, beside the training-operator of Kubeflow."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests")]
