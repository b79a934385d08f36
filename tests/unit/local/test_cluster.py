"""What the processes of a local run are told of each other."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flinktf.api import load_manifest
from flinktf.flink.distribution import Distribution
from flinktf.local import cluster
from flinktf.local.layout import create

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_pipeline_finds_the_roles_that_serve_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: dict[str, dict[str, str]] = {}
    commands: dict[str, list[str]] = {}

    async def spawn(name: str, command: list[str], environment: dict[str, str], *_: Any) -> None:
        started[name] = {key: value for key, value in environment.items() if key.startswith("FLINKTF_")}
        commands[name] = command

    monkeypatch.setattr(cluster, "spawn", spawn)
    for variable in ("FLINKTF_COORDINATOR", "FLINKTF_TOKEN_FILE", "FLINKTF_AGENT_SOCKET"):
        monkeypatch.delenv(variable, raising=False)
    layout = create("wine", tmp_path)
    manifest = load_manifest(EXAMPLES / "wine" / "job.yaml")
    made = cluster.Cluster(
        manifest, Distribution(tmp_path, tmp_path, tmp_path / "c.jar"), layout, cluster.Ports(1, 2, 3), "ab"
    )

    async def start() -> None:
        await made.start_coordinator()
        await made.start_flink()

    asyncio.run(start())

    assert commands["coordinator"][commands["coordinator"].index("--port") + 1] == "3"
    assert (
        started["taskmanager-pipeline-0"].items()
        >= {
            "FLINKTF_COORDINATOR": "http://127.0.0.1:3",
            "FLINKTF_TOKEN_FILE": str(layout.token),
        }.items()
    )
    assert "FLINKTF_TOKEN_FILE" not in started["taskmanager-worker-0"]
    assert "FLINKTF_AGENT_SOCKET" in started["taskmanager-worker-0"]
