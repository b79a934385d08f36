"""Jobs on nodes: real pods, real Flink, real TensorFlow. The operator is installed by its chart."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster.apiserver import binaries
from support.kubectl import Kubectl, condition, environment, eventually

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "tests" / "cluster"
MANAGED = "app.kubernetes.io/managed-by=flinktf-operator"
CHILDREN = "pods,deployments,services,configmaps,secrets,networkpolicies"
GPU_NODE = "flinktf-worker"


@pytest.fixture(scope="module", autouse=True)
def installed(kind: Kubectl) -> Iterator[None]:
    """The release, and afterwards no pod of it."""
    helm = [str(binaries() / "helm"), "--kubeconfig", str(kind.kubeconfig), "-n", "flinktf-system"]
    install = ["upgrade", "--install", "flinktf", str(ROOT / "charts" / "flinktf"), "--create-namespace", "--wait"]
    subprocess.run([*helm, *install, "--timeout", "120s"], timeout=180, check=True)
    yield
    logs = kind.within("flinktf-system")("logs", "-l", "app.kubernetes.io/name=flinktf-operator", "--tail=-1")
    assert not re.search(r"cannot \w+ resource", logs), "the chart's rights are not enough"
    assert "could not be looked at" not in logs


def apply(kubectl: Kubectl, example: str, patch: list[dict[str, Any]] | None = None) -> None:
    """``kubectl apply -k``, with a JSON patch of the job before."""
    items = json.loads(kubectl("apply", "-k", str(ROOT / "examples" / example), "--dry-run=client", "-o", "json"))
    objects = items["items"]
    for made in objects:
        made["metadata"].pop("namespace", None)
        for operation in (patch or []) if made["kind"] == "FlinkTFJob" else []:
            *path, last = operation["path"]
            place = made
            for part in path:
                place = place[part]
            place[last] = operation["value"]
    kubectl.apply(*objects)


def succeeded(kubectl: Kubectl, job: str, seconds: int = 240) -> dict[str, Any]:
    def ended() -> dict[str, Any]:
        status = kubectl.status(job)
        assert status.get("phase") in ("Succeeded", "Failed"), status
        return status

    status = eventually(ended, seconds, 1)
    assert status["phase"] == "Succeeded", condition(status, "Failed")
    return status


def flinktf(kubectl: Kubectl, *arguments: str) -> str:
    """The command line, as a user has it."""
    command = [sys.executable, "-m", "flinktf.cli.main", *arguments, "-n", kubectl.namespace]
    environ = environment(kubectl.kubeconfig) | {"COLUMNS": "200"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def volume(kubectl: Kubectl, claim: str) -> Path:
    """The folder of this machine behind a claim."""
    name = (kubectl.get("pvc", claim) or {})["spec"]["volumeName"]
    return kubectl.kubeconfig.parent / "data" / name.removeprefix("shared-")


def accuracy_on_held_out_wines(model: Path) -> float:
    import tensorflow as tf

    rows = np.loadtxt(ROOT / "examples" / "wine" / "wine.csv", delimiter=",")
    rows = rows[rows[:, 0] % 5 == 0]
    mean = [13.0, 2.34, 2.36, 19.5, 99.7, 2.29, 2.03, 0.36, 1.59, 5.1, 0.96, 2.61, 746.0]
    deviation = [0.8, 1.12, 0.27, 3.3, 14.3, 0.63, 1.00, 0.12, 0.57, 2.3, 0.23, 0.71, 315.0]
    features = ((rows[:, 2:] - mean) / deviation).astype(np.float32)
    loaded = tf.saved_model.load(str(model))
    answer = loaded.signatures["serving_default"](tf.constant(features))
    predicted = np.argmax(next(iter(answer.values())).numpy(), axis=1)
    return float(np.mean(predicted == rows[:, 1]))


def test_wine_trains_and_its_model_is_on_the_volume(on_kind: Kubectl) -> None:
    apply(on_kind, "wine")
    running = eventually(lambda: on_kind.items("pods", f"{MANAGED},flinktf.dev/pool=worker"), 30)
    status = succeeded(on_kind, "wine")
    assert (status["rolesReady"], status["flink"]["state"]) == ("2/2", "FINISHED")
    told = {instance["pod"]: instance["node"] for role in status["roles"] for instance in role["instances"]}
    assert sorted(told) == sorted(pod["metadata"]["name"] for pod in running)
    assert accuracy_on_held_out_wines(volume(on_kind, "wine-data") / "model") > 0.9
    story = on_kind("describe", "flinktfjob", "wine")
    for reason in ("Starting", "Running", "ModelSaved", "Succeeded"):
        assert reason in story
    on_kind("wait", "--for=condition=Succeeded", "ftj/wine", "--timeout=5s")
    eventually(lambda: on_kind.items("pods", MANAGED) == [], 90, 1)  # cleanPodPolicy: Running


def test_digits_with_workers_on_the_gpu_node(on_kind: Kubectl) -> None:
    gpu = {"path": ["spec", "roles", 2, "gpu"], "value": {"count": 1, "product": "NVIDIA-L4"}}
    image = {"path": ["spec", "tensorflow", "image"], "value": "flinktf/tensorflow:0.1.0"}
    apply(on_kind, "digits", [gpu, image])
    pods = eventually(lambda: _scheduled(on_kind, 7), 60)
    for pod in pods:
        worker = pod["metadata"]["labels"]["flinktf.dev/pool"] == "worker"
        assert (pod["spec"]["nodeName"] == GPU_NODE) == worker
        for container in pod["spec"]["containers"]:
            held = container["resources"].get("limits", {}).get("nvidia.com/gpu")
            assert held == ("1" if worker and container["name"] == "tensorflow" else None)
    status = succeeded(on_kind, "digits", 300)
    assert status["rolesReady"] == "5/5"
    assert {i["node"] for role in status["roles"] if role["name"] == "worker" for i in role["instances"]} == {GPU_NODE}
    assert (volume(on_kind, "digits-data") / "model" / "saved_model.pb").exists()


def _scheduled(kubectl: Kubectl, count: int) -> list[dict[str, Any]]:
    pods = kubectl.items("pods", MANAGED)
    return pods if len(pods) == count and all("nodeName" in pod["spec"] for pod in pods) else []


def test_more_gpus_than_there_are_is_told_and_the_job_runs_when_there_are_enough(on_kind: Kubectl) -> None:
    gpu = {"path": ["spec", "roles", 0, "gpu"], "value": {"count": 2}}
    image = {"path": ["spec", "tensorflow", "image"], "value": "flinktf/tensorflow:0.1.0"}
    began = time.monotonic()
    apply(on_kind, "wine", [gpu, image])

    def unschedulable() -> tuple[str, str, str]:
        told = condition(on_kind.status("wine"), "RolesHealthy")
        assert told is not None
        assert told[:2] == ("False", "Unschedulable")
        return told

    told = eventually(unschedulable, 30)
    assert time.monotonic() - began < 30
    assert "Insufficient nvidia.com/gpu" in told[2]
    try:
        subprocess.run([CLUSTER / "gpus.sh", "4"], timeout=60, check=True)
        succeeded(on_kind, "wine")
    finally:
        subprocess.run([CLUSTER / "gpus.sh", "2"], timeout=60, check=True)


def test_a_user_sees_the_job_and_the_coordinator_answers_nobody_without_the_token(on_kind: Kubectl) -> None:
    apply(on_kind, "wine", [{"path": ["spec", "tensorflow", "parameters", "epochs"], "value": 2000}])
    eventually(lambda: on_kind.status("wine").get("phase") == "Running", 120)
    shown = flinktf(on_kind, "status", "wine")
    assert re.search(r"worker-1\s+\w+\s+[\d,]+\s+0\s+wine-worker-", shown), shown
    assert "worker-0 attempt=0 has come" in flinktf(on_kind, "logs", "wine", "worker-0")
    both = flinktf(on_kind, "logs", "wine", "worker", "--tail", "5")
    assert {line.split()[0] for line in both.splitlines()} == {"worker-0", "worker-1"}
    assert "done" in flinktf(on_kind, "logs", "wine", "driver")
    script = (
        "import urllib.request, urllib.error\n"
        "try: urllib.request.urlopen('http://wine-jobmanager:8090/v1/status', timeout=5)\n"
        "except urllib.error.HTTPError as error: print(error.code)"
    )
    answer = on_kind("exec", "deploy/wine-pipeline", "--", "python", "-c", script)
    assert answer.strip() == "401"
    on_kind("delete", "ftj", "wine")
    eventually(
        lambda: on_kind.items("pods,deployments,services,configmaps,secrets,networkpolicies", MANAGED) == [], 120
    )


def test_an_upgrade_of_the_operator_does_not_touch_a_running_job(kind: Kubectl, on_kind: Kubectl) -> None:
    apply(on_kind, "wine", [{"path": ["spec", "tensorflow", "parameters", "epochs"], "value": 2000}])
    eventually(lambda: on_kind.status("wine").get("phase") == "Running", 120)
    before = {pod["metadata"]["uid"] for pod in on_kind.items("pods", MANAGED)}
    kind.within("flinktf-system")("rollout", "restart", "deployment/flinktf-operator")
    kind.within("flinktf-system")("rollout", "status", "deployment/flinktf-operator", "--timeout=90s", timeout=100)
    step = on_kind.status("wine")["step"]
    eventually(lambda: on_kind.status("wine")["step"] > step, 90)
    assert {pod["metadata"]["uid"] for pod in on_kind.items("pods", MANAGED)} == before
    on_kind("patch", "ftj", "wine", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    on_kind("wait", "--for=condition=Suspended", "ftj/wine", "--timeout=120s", timeout=130)
    assert on_kind.items("pods", MANAGED) == []
