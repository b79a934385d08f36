"""Jobs on nodes: real pods, real Flink, real TensorFlow. The operator is installed by its chart."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.examples import CHILDREN, GPU_IMAGE, MANAGED, ROOT, apply, lasting, running, succeeded, task, volume
from support.kubectl import Kubectl, condition, environment, eventually
from support.release import NAMESPACE, Release

CLUSTER = ROOT / "tests" / "cluster"
GPU_NODE = "flinktf-worker"

pytestmark = pytest.mark.usefixtures("release")


def flinktf(kubectl: Kubectl, *arguments: str) -> str:
    """The command line, as a user has it."""
    command = [sys.executable, "-m", "flinktf.cli.main", *arguments, "-n", kubectl.namespace]
    environ = environment(kubectl.kubeconfig) | {"COLUMNS": "200"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
    workers = eventually(lambda: _workers(on_kind, 2), 30)
    status = succeeded(on_kind, "wine")
    assert (status["rolesReady"], status["flink"]["state"]) == ("2/2", "FINISHED")
    told = {instance["pod"]: instance["node"] for role in status["roles"] for instance in role["instances"]}
    assert sorted(told) == sorted(pod["metadata"]["name"] for pod in workers)
    assert accuracy_on_held_out_wines(volume(on_kind, "wine-data") / "model") > 0.9
    story = on_kind("describe", "flinktfjob", "wine")
    for reason in ("Starting", "Running", "ModelSaved", "Succeeded"):
        assert reason in story
    on_kind("wait", "--for=condition=Succeeded", "ftj/wine", "--timeout=5s")
    eventually(lambda: on_kind.items("pods", MANAGED) == [], 90, 1)  # cleanPodPolicy: Running


def operator_metrics(release: Release) -> str:
    """Of all replicas, as Prometheus gets them."""
    inside = release.kubectl.within(NAMESPACE)
    pods = inside.items("pods", "app.kubernetes.io/name=flinktf-operator")
    names = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    path = "/api/v1/namespaces/{}/pods/{}:9090/proxy/metrics"
    return "".join(inside("get", "--raw", path.format(NAMESPACE, name)) for name in names)


def _workers(kubectl: Kubectl, count: int) -> list[dict[str, Any]]:
    pods = kubectl.items("pods", f"{MANAGED},flinktf.dev/pool=worker")
    return pods if len(pods) == count else []


def test_digits_with_workers_on_the_gpu_node(on_kind: Kubectl) -> None:
    gpu = {"path": ["spec", "roles", 2, "gpu"], "value": {"count": 1, "product": "NVIDIA-L4"}}
    apply(on_kind, "digits", gpu, GPU_IMAGE)
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


def test_pods_that_have_just_started_end_when_they_are_told_to(on_kind: Kubectl) -> None:
    """Whatever their programs are about to do: nothing waits for the end of the grace period."""
    apply(on_kind, "wine", lasting())
    eventually(lambda: len(_started(on_kind)) == 4, 60, 0.1)
    on_kind("delete", "ftj", "wine", "--wait=false")
    began = time.monotonic()
    eventually(lambda: on_kind.items("pods", MANAGED) == [], 90)
    assert time.monotonic() - began < 45  # they are given at least 60


def _started(kubectl: Kubectl) -> list[dict[str, Any]]:
    pods = kubectl.items("pods", MANAGED)
    return [pod for pod in pods if any("running" in it["state"] for it in pod["status"].get("containerStatuses", ()))]


@pytest.mark.long
def test_more_gpus_than_there_are_is_told_and_the_job_runs_when_there_are_enough(on_kind: Kubectl) -> None:
    gpu = {"path": ["spec", "roles", 0, "gpu"], "value": {"count": 2}}
    began = time.monotonic()
    apply(on_kind, "wine", gpu, GPU_IMAGE)

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


def test_a_user_sees_the_job_and_the_coordinator_answers_nobody_without_the_token(
    release: Release, on_kind: Kubectl
) -> None:
    apply(on_kind, "wine", lasting())
    running(on_kind, "wine")
    shown = flinktf(on_kind, "status", "wine")
    assert re.search(r"worker-1\s+\w+\s+(\w+\s+)?[\d,]+\s+([\d.e+]+\s+)?(\d+Mi\s+)?0\s+wine-worker-", shown), shown
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
    loss = (
        rf'flinktf_role_metric{{index="1",job="wine",name="loss",namespace="{on_kind.namespace}",role="worker"}} [\d.]+'
    )
    eventually(lambda: re.search(loss, operator_metrics(release)), 60)
    on_kind("delete", "ftj", "wine")
    eventually(lambda: on_kind.items(CHILDREN, MANAGED) == [], 120)


@pytest.mark.long
def test_the_status_agrees_with_flink_and_with_the_processes_themselves(on_kind: Kubectl) -> None:
    apply(on_kind, "wine", lasting())
    running(on_kind, "wine")
    status = on_kind.status("wine")
    (worker,) = status["roles"]
    told = {instance["index"]: instance for instance in worker["instances"]}
    assert sorted(told) == [0, 1]
    nodes = {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in on_kind.items("pods", MANAGED)}
    for index, instance in told.items():
        assert instance["node"] == nodes[instance["pod"]]
        assert instance["state"] == "Training"
        given = task(on_kind, instance["pod"])
        assert (given["role"], given["index"]) == ("worker", index)
        assert len(given["cluster"]["worker"]) == 2
    flink = f"http://127.0.0.1:8081/jobs/{status['run']['jobId']}"
    job = asked(on_kind, flink)
    assert job["state"] == status["flink"]["state"] == "RUNNING"
    sink = next(vertex["id"] for vertex in job["vertices"] if vertex["parallelism"] == 2 and "worker" in vertex["name"])
    subtasks = asked(on_kind, f"{flink}/vertices/{sink}")["subtasks"]
    assert {it["subtask"]: it["taskmanager-id"] for it in subtasks} == {i: it["pod"] for i, it in told.items()}


def asked(kubectl: Kubectl, url: str) -> dict[str, Any]:
    script = f"import urllib.request; print(urllib.request.urlopen('{url}', timeout=5).read().decode())"
    answer = kubectl("exec", "deploy/wine-jobmanager", "-c", "driver", "--", "python", "-c", script)
    found: dict[str, Any] = json.loads(answer)
    return found


@pytest.mark.long
def test_two_jobs_of_one_name_in_two_namespaces(on_kind: Kubectl) -> None:
    other = on_kind.within(f"{on_kind.namespace}-b")
    on_kind("create", "namespace", other.namespace)
    try:
        for space in (on_kind, other):
            apply(space, "wine")
        ids = {succeeded(space, "wine", 300)["run"]["jobId"] for space in (on_kind, other)}
        assert len(ids) == 2
        for space in (on_kind, other):
            assert accuracy_on_held_out_wines(volume(space, "wine-data") / "model") > 0.9
    finally:
        on_kind("delete", "namespace", other.namespace, "--wait=false")


@pytest.mark.long
def test_an_upgrade_of_the_operator_does_not_touch_a_running_job(release: Release, on_kind: Kubectl) -> None:
    apply(on_kind, "wine", lasting())
    running(on_kind, "wine")
    before = {pod["metadata"]["uid"] for pod in on_kind.items("pods", MANAGED)}
    ready = condition(on_kind.status("wine"), "Ready")
    release.roll_out_anew()
    step = on_kind.status("wine")["step"]
    eventually(lambda: on_kind.status("wine")["step"] > step, 90)
    assert condition(on_kind.status("wine"), "Ready") == ready
    assert sum(event["reason"] == "Running" for event in on_kind.items("events.v1.events.k8s.io")) == 1
    assert {pod["metadata"]["uid"] for pod in on_kind.items("pods", MANAGED)} == before
    on_kind("patch", "ftj", "wine", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    on_kind("wait", "--for=condition=Suspended", "ftj/wine", "--timeout=120s", timeout=130)
    assert on_kind.items("pods", MANAGED) == []


IDLE = "import time\n\n\ndef main(context):\n    time.sleep(3600)\n"
HEARTBEATS = """
import re, urllib.request
request = urllib.request.Request("http://127.0.0.1:8090/metrics")
request.add_header("Authorization", "Bearer " + open("/run/secrets/flinktf/token").read())
text = urllib.request.urlopen(request, timeout=5).read().decode()
print(max(float(age) for age in re.findall(r"heartbeat_age_seconds{.*} (.*)", text)))
"""


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_thousand_heartbeats_without_a_change_are_no_write(on_kind: Kubectl) -> None:
    """Four instances, one heartbeat a second each."""
    on_kind.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "idle"}, "data": {"train.py": IDLE}},
        {
            "apiVersion": "flinktf.dev/v1alpha1",
            "kind": "FlinkTFJob",
            "metadata": {"name": "idle"},
            "spec": {
                "tensorflow": {"strategy": "Independent", "entrypoint": "train:main"},
                "roles": [{"name": "worker", "replicas": 4}],
                "code": {"configMap": "idle"},
            },
        },
    )
    running(on_kind, "idle", 240)
    eventually(lambda: on_kind.status("idle")["rolesReady"] == "4/4", 60)
    before = eventually(lambda: quiet(on_kind, 10), 120)
    time.sleep(250)
    assert written(on_kind) == before
    assert float(on_kind("exec", "deploy/idle-jobmanager", "-c", "driver", "--", "python", "-c", HEARTBEATS)) < 5


def quiet(kubectl: Kubectl, seconds: int) -> dict[str, str] | None:
    """The versions of all that there is, when nothing has changed for a while."""
    before = written(kubectl)
    time.sleep(seconds)
    return before if written(kubectl) == before else None


def written(kubectl: Kubectl) -> dict[str, str]:
    """Each object's version: a write changes it."""
    found = kubectl.items(f"flinktfjobs,events,{CHILDREN}")
    return {f"{it['kind']}/{it['metadata']['name']}": it["metadata"]["resourceVersion"] for it in found}
