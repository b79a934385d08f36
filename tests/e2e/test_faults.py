"""Faults that need a Kubernetes: pods, nodes, memory. Each record is trained once, whatever has died."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.counted import ELSEWHERE, PREFERRED, TRAIN, CountedJob, apply_counted, near
from support.examples import CHILDREN, MANAGED, running, succeeded
from support.kubectl import Kubectl, condition, eventually
from support.release import NAMESPACE, Release

pytestmark = [pytest.mark.usefixtures("release"), pytest.mark.long, pytest.mark.timeout(900)]

ON_THE_WORKER_NODE: dict[str, Any] = {
    "roles": [{"name": "worker", "replicas": 2, **near(PREFERRED)}],
    "flink": {"jobManager": near(PREFERRED), "pipeline": near(ELSEWHERE)},
}


@pytest.fixture
def our_nodes(kind: Kubectl) -> None:
    if "kind-flinktf" not in kind("config", "current-context"):
        pytest.skip("the nodes of this cluster are not ours to take away")


def pods_of(kubectl: Kubectl, pool: str) -> list[dict[str, Any]]:
    return kubectl.items("pods", f"{MANAGED},flinktf.dev/pool={pool}")


def named(pods: list[dict[str, Any]]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods}


def checkpoint(kubectl: Kubectl) -> int:
    """The number of the last one that is told."""
    found = kubectl.status("counted").get("checkpoint") or {"id": 0}
    return int(found["id"])


def in_the_middle(kubectl: Kubectl) -> int:
    """Waits until checkpoints are made; which one was the last."""
    running(kubectl, "counted", 240)
    return eventually(lambda: checkpoint(kubectl) > 1 and checkpoint(kubectl), 90)


def exactly_once(kubectl: Kubectl, job: CountedJob, seconds: int = 400) -> dict[str, Any]:
    """To the end of the job, in its first run; its status."""
    status = succeeded(kubectl, "counted", seconds)
    assert status["run"]["number"] == 1
    job.check()
    return status


def events(kubectl: Kubectl, reason: str) -> list[str]:
    return [it["note"] for it in kubectl.items("events.v1.events.k8s.io") if it["reason"] == reason]


@pytest.mark.parametrize("how", ["killed", "deleted"])
def test_the_job_manager_dies_and_flink_recovers_the_job(on_kind: Kubectl, how: str) -> None:
    job = apply_counted(on_kind, 60)
    before = in_the_middle(on_kind)
    (pod,) = named(pods_of(on_kind, "jobmanager"))
    if how == "killed":
        on_kind("exec", pod, "-c", "jobmanager", "--", "bash", "-c", "kill -9 $(pidof java)")
    else:
        on_kind("delete", "pod", pod, "--wait=false")
    eventually(lambda: restarted(on_kind, pod), 120)
    eventually(lambda: checkpoint(on_kind) > before + 1, 300)
    told = on_kind("logs", "deploy/counted-jobmanager", "-c", "driver")
    assert told.count("submission of") == (1 if how == "killed" else 0), told
    exactly_once(on_kind, job)
    on_kind("delete", "ftj", "counted")
    eventually(lambda: on_kind.items(CHILDREN, MANAGED) == [], 120)
    assert named(on_kind.items("configmaps")) == {"counted-code", "kube-root-ca.crt"}


def restarted(kubectl: Kubectl, pod: str) -> bool:
    """Whether the JobManager is another process than it was in ``pod``."""
    now = min(pods_of(kubectl, "jobmanager"), key=lambda it: "deletionTimestamp" in it["metadata"])
    containers = {it["name"]: it["restartCount"] for it in now["status"].get("containerStatuses", ())}
    return now["metadata"]["name"] != pod or containers["jobmanager"] > 0


@pytest.mark.parametrize("pool", ["worker", "pipeline"])
def test_a_pod_is_deleted(on_kind: Kubectl, pool: str) -> None:
    job = apply_counted(on_kind, 60)
    in_the_middle(on_kind)
    on_kind("delete", "pod", min(named(pods_of(on_kind, pool))), "--wait=false")
    eventually(lambda: on_kind.status("counted")["generation"] > 1, 300)
    status = exactly_once(on_kind, job)
    assert status["flink"]["restarts"] >= 1
    assert events(on_kind, "ClusterFormed")
    if pool == "worker":
        (role,) = status["roles"]
        assert max(instance["restarts"] for instance in role["instances"]) >= 1


def test_the_operator_is_killed_during_a_failover(on_kind: Kubectl, release: Release) -> None:
    job = apply_counted(on_kind, 60)
    in_the_middle(on_kind)
    on_kind("delete", "pod", min(named(pods_of(on_kind, "worker"))), "--wait=false")
    operator = release.kubectl.within(NAMESPACE)
    operator("delete", "pod", "-l", "app.kubernetes.io/name=flinktf-operator", "--force", "--grace-period=0")
    eventually(lambda: on_kind.status("counted")["generation"] > 1, 300)
    exactly_once(on_kind, job)


@pytest.mark.usefixtures("our_nodes")
def test_a_node_is_drained(on_kind: Kubectl) -> None:
    job = apply_counted(on_kind, 90, **ON_THE_WORKER_NODE)
    in_the_middle(on_kind)
    assert nodes_of(on_kind) == {PREFERRED}
    try:
        options = ["--pod-selector", MANAGED, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s"]
        on_kind("drain", PREFERRED, *options, timeout=150)
        eventually(lambda: nodes_of(on_kind) == {ELSEWHERE}, 300)
        exactly_once(on_kind, job)
    finally:
        on_kind("uncordon", PREFERRED)


def nodes_of(kubectl: Kubectl) -> set[str]:
    """Where JobManager and workers are."""
    pods = [*pods_of(kubectl, "jobmanager"), *pods_of(kubectl, "worker")]
    return {pod["spec"].get("nodeName") for pod in pods if "deletionTimestamp" not in pod["metadata"]}


@pytest.mark.usefixtures("our_nodes")
def test_a_node_dies_and_comes_back(on_kind: Kubectl) -> None:
    """With the JobManager and both workers. They come back with it, frozen as they were, and must not go on."""
    job = apply_counted(on_kind, 120, **ON_THE_WORKER_NODE)
    before = in_the_middle(on_kind)
    assert nodes_of(on_kind) == {PREFERRED}
    with paused(PREFERRED):
        eventually(lambda: told_as_lost(on_kind), 90)
        assert "NodeNotReady" in on_kind("describe", "ftj", "counted")
        eventually(lambda: nodes_of(on_kind) == {ELSEWHERE}, 90)
        eventually(lambda: checkpoint(on_kind) > before + 2, 180)
    eventually(lambda: len([*pods_of(on_kind, "jobmanager"), *pods_of(on_kind, "worker")]) == 3, 120)
    exactly_once(on_kind, job)


@contextmanager
def paused(node: str) -> Iterator[None]:
    """Nothing of it runs: neither kubelet nor pods."""
    subprocess.run(["docker", "pause", node], timeout=60, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "unpause", node], timeout=60, check=True, capture_output=True)


def told_as_lost(kubectl: Kubectl) -> bool:
    status = kubectl.status("counted")
    healthy = condition(status, "RolesHealthy")
    return (
        healthy is not None
        and healthy[:2] == ("False", "NodeNotReady")
        and status["roles"][0]["reason"] == "NodeNotReady"
    )


GREEDY = (
    TRAIN.replace(
        "        flinktf.fit(",
        """        if context.index == 1:
            threading.Timer(15, take_all).start()
        flinktf.fit(""",
    )
    .replace(
        "    def main(context):",
        """    def take_all():
        once = pathlib.Path("/data/taken")
        if not once.exists():
            once.touch()
            bytearray(b"x") * (4 << 30)


    def main(context):""",
    )
    .replace("    import numpy", "    import pathlib\n    import threading\n\n    import numpy")
)


def test_a_role_runs_out_of_memory(on_kind: Kubectl) -> None:
    limited = {"requests": {"memory": "512Mi"}, "limits": {"memory": "1536Mi"}}
    job = apply_counted(on_kind, 60, train=GREEDY, roles=[{"name": "worker", "replicas": 2, "resources": limited}])
    running(on_kind, "counted", 240)
    eventually(lambda: on_kind.status("counted")["generation"] > 1, 300)
    status = exactly_once(on_kind, job)
    (role,) = status["roles"]
    one = next(it for it in role["instances"] if it["index"] == 1)
    assert one["restarts"] >= 1
    assert one["lastError"].startswith("OOMKilled: "), one
    assert "resources.limits.memory" in one["lastError"]
    assert any(note.startswith("worker-1: OOMKilled: ") for note in events(on_kind, "InstanceFailed"))


def test_a_job_that_was_suspended_goes_on_from_its_checkpoint(on_kind: Kubectl) -> None:
    job = apply_counted(on_kind, 60)
    in_the_middle(on_kind)
    on_kind("patch", "ftj", "counted", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    on_kind("wait", "--for=condition=Suspended", "ftj/counted", "--timeout=120s", timeout=130)
    assert on_kind.items("pods", MANAGED) == []
    kept = on_kind.status("counted")["checkpoint"]["location"]
    on_kind("patch", "ftj", "counted", "--type=merge", "-p", '{"spec": {"suspend": false}}')
    status = succeeded(on_kind, "counted", 400)
    assert (status["run"]["number"], status["run"]["restore"]) == (2, kept)
    job.check()
