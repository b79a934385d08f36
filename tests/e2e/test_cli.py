"""The command line before a cluster without nodes: what it tells of a job, and of what is missing."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.utils.quantity import parse_quantity

from support.kubectl import Kubectl, environment, eventually
from support.operator_process import OperatorProcess

EXAMPLE = Path(__file__).parents[2] / "examples" / "wine"
WINE = EXAMPLE / "job.yaml"
CHILDREN = "deployments,services,configmaps,secrets,networkpolicies"


@pytest.fixture
def operator(kubectl: Kubectl, tmp_path: Path) -> Iterator[OperatorProcess]:
    with OperatorProcess(kubectl.kubeconfig, tmp_path / "operator.log", "--namespaces", kubectl.namespace) as process:
        yield process


def flinktf(kubectl: Kubectl, *arguments: str, expected: int = 0) -> str:
    """What it prints, errors too."""
    command = [sys.executable, "-m", "flinktf.cli.main", *arguments]
    done = subprocess.run(
        command,
        # The API server's certificate is of its own making.
        env=environment(kubectl.kubeconfig) | {"COLUMNS": "200", "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == expected, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def start(kubectl: Kubectl) -> None:
    kubectl("apply", "-k", str(EXAMPLE))
    eventually(lambda: kubectl.status("wine").get("phase") == "Starting")
    eventually(lambda: len(kubectl.items("pods", "flinktf.dev/job=wine")) == 4)


def test_what_is_rendered_is_what_is_applied(kubectl: Kubectl, operator: OperatorProcess) -> None:
    start(kubectl)
    uid = (kubectl.get("flinktfjob", "wine") or {})["metadata"]["uid"]
    space = ("-n", kubectl.namespace, "--operator-namespace", "default")
    rendered = list(yaml.safe_load_all(flinktf(kubectl, "render", str(WINE), *space)))
    live = {(it["kind"], it["metadata"]["name"]): it for it in kubectl.items(CHILDREN, "flinktf.dev/job=wine")}
    assert {(it["kind"], it["metadata"]["name"]) for it in rendered} == set(live)
    for it in rendered:
        found = live[it["kind"], it["metadata"]["name"]]
        assert found["metadata"]["ownerReferences"][0]["uid"] == uid
        it["metadata"].pop("ownerReferences")
        it["metadata"].pop("annotations")  # the hash is over the uid too
        if it["kind"] == "ConfigMap":
            ids = [re.search(r'"job_id": "(\w+)"', one["data"].pop("submission.json")) for one in (it, found)]
            assert all(ids)
        assert within(it, found) == []


def within(part: Any, whole: Any, path: str = "") -> list[str]:
    """Where ``whole``, to which the API server has added defaults, is not what ``part`` says."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return [at for key, value in part.items() for at in within(value, whole.get(key), f"{path}.{key}")]
    if isinstance(part, list) and isinstance(whole, list) and len(part) == len(whole):
        return [at for i, (a, b) in enumerate(zip(part, whole, strict=True)) for at in within(a, b, f"{path}[{i}]")]
    same = part == whole or (part == {} and whole is None) or (".resources." in path and _same_size(part, whole))
    return [] if same else [f"{path}: {part!r} is {whole!r}"]


def _same_size(part: Any, whole: Any) -> bool:
    """1024Mi is stored as 1Gi."""
    return whole is not None and parse_quantity(part) == parse_quantity(whole)


def test_the_status_of_a_job_that_waits(kubectl: Kubectl, operator: OperatorProcess) -> None:
    start(kubectl)
    shown = eventually(lambda: _shown_with(kubectl, "Starting: run 1 begins"))
    assert shown.startswith("wine  Starting")
    assert re.search(r"worker\s+0/2 ready", shown)
    assert "run 1: Flink job " in shown


def _shown_with(kubectl: Kubectl, text: str) -> str:
    shown = flinktf(kubectl, "status", "wine", "-n", kubectl.namespace)
    assert text in shown
    return shown


def test_logs_of_pods_that_no_node_has_say_so(kubectl: Kubectl, operator: OperatorProcess) -> None:
    start(kubectl)
    space = ("-n", kubectl.namespace)
    assert "worker-1 of wine has no pod now; see: flinktf status wine" in flinktf(
        kubectl, "logs", "wine", "worker-1", *space, expected=1
    )
    assert "it has worker, jobmanager, coordinator, driver, pipeline" in flinktf(
        kubectl, "logs", "wine", "ps", *space, expected=1
    )
    both = flinktf(kubectl, "logs", "wine", "worker", *space)
    assert len(re.findall(r"^wine-worker-\S+: nothing printed yet; see: flinktf status wine$", both, re.MULTILINE)) == 2


@pytest.mark.parametrize("command", [("status", "none"), ("logs", "none", "worker")])
def test_no_such_job(kubectl: Kubectl, command: tuple[str, ...]) -> None:
    told = flinktf(kubectl, *command, "-n", kubectl.namespace, expected=1)
    assert f"there is no FlinkTFJob none in namespace {kubectl.namespace}" in told


def test_no_cluster(tmp_path: Path) -> None:
    assert "set KUBECONFIG" in flinktf(Kubectl(tmp_path / "none"), "status", "wine", expected=1)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "gone",
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "someone"}}],
        "clusters": [{"name": "gone", "cluster": {"server": "https://127.0.0.1:9"}}],
        "users": [{"name": "someone", "user": {"token": "unused"}}],
    }
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(config))
    assert "the cluster does not answer" in flinktf(Kubectl(file), "status", "wine", expected=1)
