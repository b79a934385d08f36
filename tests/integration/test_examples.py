"""The examples, as the README runs them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from integration.harness import EXAMPLES, JobFolder

LOAD = """
import sys, numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
serve = model.signatures["serving_default"]
(name, spec), = serve.structured_input_signature[1].items()
out, = serve(**{name: tf.zeros([5, int(sys.argv[2])], spec.dtype)}).values()
assert out.shape == (5, int(sys.argv[3])), out.shape
np.testing.assert_allclose(tf.reduce_sum(out, 1), 1, rtol=1e-4)
"""


@pytest.mark.parametrize(
    ("example", "inputs", "outputs", "roles"),
    [
        ("wine", 13, 3, ["worker-0", "worker-1"]),
        pytest.param(
            "digits",
            64,
            10,
            ["chief-0", "ps-0", "worker-0", "worker-1", "evaluator-0"],
            marks=pytest.mark.long,  # `make e2e-short` has it on Kubernetes
        ),
    ],
)
def test_an_example_learns_and_leaves_a_model(
    tmp_path: Path, example: str, inputs: int, outputs: int, roles: list[str]
) -> None:
    folder = Path(shutil.copytree(EXAMPLES / example, tmp_path / example, ignore=shutil.ignore_patterns("model")))
    run = JobFolder(folder).run()
    assert run.code == 0, run.output
    accuracy = re.search(r"accuracy on the held-out \w+: ([\d.]+)", run.output)
    assert accuracy is not None, run.output
    assert float(accuracy[1]) >= 0.9
    for role in roles:
        assert re.search(rf"{role} +Done", run.output), run.output
    assert f"model: {folder / 'model'}" in run.output
    subprocess.run(
        [sys.executable, "-c", LOAD, str(folder / "model"), str(inputs), str(outputs)], check=True, timeout=120
    )
