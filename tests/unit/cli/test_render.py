"""``flinktf render``."""

from __future__ import annotations

from pathlib import Path

import yaml
from click.testing import CliRunner

from flinktf.cli.main import main

WINE = Path(__file__).parents[3] / "examples" / "wine" / "job.yaml"


def test_the_objects_of_a_job() -> None:
    done = CliRunner().invoke(main, ["render", str(WINE), "-n", "ml", "--flink-image", "registry/flink:1"])
    assert done.exit_code == 0, done.output
    objects = list(yaml.safe_load_all(done.output))
    assert [(o["kind"], o["metadata"]["name"]) for o in objects] == [
        ("Secret", "wine-token"),
        ("ConfigMap", "wine-config"),
        ("Service", "wine-jobmanager"),
        ("NetworkPolicy", "wine"),
        ("Deployment", "wine-jobmanager"),
        ("Deployment", "wine-pipeline"),
        ("Deployment", "wine-worker"),
    ]
    assert {o["metadata"]["namespace"] for o in objects} == {"ml"}
    assert "data" not in objects[0]
    assert done.output.startswith("# For review, not to be applied")
    assert "  log4j-console.properties: |\n    rootLogger.level = INFO\n" in done.output
    images = {c["image"] for o in objects[4:] for c in o["spec"]["template"]["spec"]["containers"]}
    assert "registry/flink:1" in images


def test_a_wrong_manifest_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(WINE.read_text().replace("replicas: 2", "replicas: many"))
    done = CliRunner().invoke(main, ["render", str(file)])
    assert done.exit_code == 1
    assert "spec.roles[0].replicas" in done.output


def test_what_no_pod_can_be_made_from_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    template = "podTemplate: {spec: {containers: [{name: tensorflow, command: [sh]}]}}"
    file.write_text(WINE.read_text().replace("replicas: 2", f"replicas: 2\n      {template}"))
    done = CliRunner().invoke(main, ["render", str(file)])
    assert done.exit_code == 1
    assert "spec.roles[0].podTemplate.spec.containers[name=tensorflow].command: is flinktf's" in done.output
