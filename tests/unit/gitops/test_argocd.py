"""Argo CD's verdict on recorded statuses, by a Lua 5.1 as Argo CD has it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from lupa.lua51 import LuaRuntime

from flinktf.api.status import Phase, Status

ROOT = Path(__file__).parents[3]
SCRIPT = (ROOT / "deploy" / "argocd" / "health.lua").read_text()
STATUSES = sorted((ROOT / "tests" / "gitops" / "statuses").glob("*.yaml"))


def verdict(job: dict[str, Any]) -> tuple[str, str]:
    lua = LuaRuntime()
    lua.globals().obj = lua.table_from(job, recursive=True)
    found = lua.execute(SCRIPT)
    return found.status, found.message


@pytest.mark.parametrize("file", STATUSES, ids=lambda file: file.stem)
def test_recorded_statuses(file: Path) -> None:
    wanted = re.search(r"^# argocd: (\w+)$", file.read_text(), re.MULTILINE)
    assert wanted is not None
    job = yaml.safe_load(file.read_text())
    Status.model_validate(job["status"])
    status, message = verdict(job)
    assert status == wanted[1]
    assert message


def test_every_phase_was_recorded() -> None:
    phases = {yaml.safe_load(file.read_text())["status"].get("phase") for file in STATUSES}
    assert phases - {None} == set(get_args(Phase))


def test_the_verdict_on_a_failure_tells_why() -> None:
    job = yaml.safe_load((ROOT / "tests" / "gitops" / "statuses" / "failed.yaml").read_text())
    assert "no such column" in verdict(job)[1]


@pytest.mark.parametrize("status", [{}, {"status": {}}, {"status": {"observedGeneration": -1}}], ids=str)
def test_a_job_that_nobody_has_seen_is_on_its_way(status: dict[str, Any]) -> None:
    assert verdict({"metadata": {"generation": 1}, **status})[0] == "Progressing"


def test_the_config_map_has_the_script() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "argocd" / "argocd-cm.yaml").read_text())
    assert config["data"] == {"resource.customizations.health.flinktf.dev_FlinkTFJob": SCRIPT}
