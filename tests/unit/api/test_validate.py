"""``flinktf validate``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from flinktf.cli.main import main
from flinktf.cli.validate import validate_files
from unit.api.manifests import job, text

GOOD = "apiVersion: flinktf.dev/v1alpha1\nkind: FlinkTFJob\nmetadata: {name: wine}\nspec:\n"


def test_a_wrong_manifest(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(f"{GOOD}  roles:\n  - name: worker\n    entrypoint: train:main\n    replica: 2\n")
    result = CliRunner().invoke(main, ["validate", str(file)])
    assert result.exit_code == 1
    assert result.output == (
        f"{file}:8: spec.roles[0].replica: unknown field\n  found: 2\n  → did you mean 'replicas'?\n"
    )


def test_a_right_manifest(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    (tmp_path / "train.py").write_text("def main(context): ...")
    file.write_text(text(job(suspend=True)))
    result = CliRunner().invoke(main, ["validate", str(file)])
    assert result.exit_code == 0
    assert result.output == (
        f"{file}: wine is valid: MultiWorkerMirrored, 2 worker, no pipeline\n"
        "  notice: spec.suspend: is for Kubernetes, the local mode does without it\n"
    )


def test_every_file_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.yaml").touch()
    assert validate_files([tmp_path / "none.yaml", tmp_path / "empty.yaml"]) == 1
    assert capsys.readouterr().err == (
        f"{tmp_path}/none.yaml: does not exist\n  → name the file of a FlinkTFJob\n"
        f"{tmp_path}/empty.yaml: is empty\n  → write a FlinkTFJob into it\n"
    )


def test_the_examples_are_valid() -> None:
    examples = Path(__file__).parents[3] / "examples"
    assert validate_files(sorted(examples.glob("*/job.yaml"))) == 0
