"""The whole of what a job consists of, to be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flinktf.api import load_manifest
from flinktf.cli.render import as_yaml
from flinktf_operator.desired import Owner, Run, Settings, children

HERE = Path(__file__).parent / "snapshots"
EXAMPLES = Path(__file__).parents[4] / "examples"
JOBS = {
    "wine": EXAMPLES / "wine" / "job.yaml",
    "digits": EXAMPLES / "digits" / "job.yaml",
    "everything": HERE / "everything.job.yaml",
}


def rendered(name: str) -> str:
    job = load_manifest(JOBS[name]).job
    owner = Owner(job.metadata.name, job.metadata.namespace or "default", "00000000-0000-0000-0000-000000000000")
    settings = Settings("flink:1", "tensorflow:1", "tensorflow-gpu:1", "Always", ("registry",), "flinktf-system")
    found = children(job, owner, Run(3, "ab" * 16, "file:///data/checkpoints/flink/12"), settings)
    return as_yaml(found)


@pytest.mark.parametrize("name", JOBS)
def test_as_it_was(name: str) -> None:
    """``FLINKTF_UPDATE_SNAPSHOTS=1`` writes them anew."""
    file, text = HERE / f"{name}.yaml", rendered(name)
    if os.environ.get("FLINKTF_UPDATE_SNAPSHOTS"):
        file.write_text(text)
    assert text == file.read_text()
