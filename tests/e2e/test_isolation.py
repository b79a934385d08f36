"""Who reaches a job's pods, while the cluster's network enforces NetworkPolicies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.policies import Enforcer
from support.examples import apply, lasting, running, succeeded, task
from support.kubectl import Kubectl

pytestmark = pytest.mark.usefixtures("release")

REACHES = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2).close()
    print("yes")
except TimeoutError:
    print("no")
"""


@pytest.fixture
def enforced(on_kind: Kubectl) -> Iterator[Enforcer]:
    with Enforcer(on_kind) as enforcer:
        yield enforcer
    assert enforcer.failure is None


def reaches(kubectl: Kubectl, pod: str, container: str, address: str) -> str:
    host, port = address.rsplit(":", 1)
    return kubectl("exec", pod, "-c", container, "--", "python", "-c", REACHES, host, port).strip()


def stranger(kubectl: Kubectl, labels: str) -> str:
    kubectl(
        "run", "stranger", "--image=flinktf/operator:0.1.0", f"--labels={labels}", "--command", "--", "sleep", "600"
    )
    kubectl("wait", "--for=condition=Ready", "pod/stranger", "--timeout=60s", timeout=70)
    return "stranger"


def test_a_job_has_all_the_ways_that_it_needs(on_kind: Kubectl, enforced: Enforcer) -> None:
    """Among its pods, on both nodes, and from the operator to it."""
    apply(on_kind, "wine")
    status = succeeded(on_kind, "wine")
    assert status["step"] > 0  # told by the coordinator


def test_strangers_reach_neither_tensorflow_nor_flink_nor_the_coordinator(
    kind: Kubectl, on_kind: Kubectl, enforced: Enforcer
) -> None:
    apply(on_kind, "wine", lasting())
    outside = kind.within(f"{on_kind.namespace}-out")
    kind("create", "namespace", outside.namespace)
    try:
        # In another namespace, a job's labels and the operator's let nobody in.
        strangers = [(on_kind, "app=other"), (outside, "flinktf.dev/job=wine,app.kubernetes.io/name=flinktf-operator")]
        pods = [(space, stranger(space, labels)) for space, labels in strangers]
        running(on_kind, "wine")
        worker, other = (it["pod"] for it in on_kind.status("wine")["roles"][0]["instances"])
        given = task(on_kind, other)
        tensorflow = given["cluster"]["worker"][given["index"]]
        address = on_kind("get", "pod", "-l", "flinktf.dev/pool=jobmanager", "-o", "jsonpath={.items[0].status.podIP}")
        places = [tensorflow, *(f"{address}:{port}" for port in (6123, 8081, 8090))]
        for place in places:
            assert reaches(on_kind, worker, "tensorflow", place) == "yes"
            for space, pod in pods:
                assert reaches(space, pod, "stranger", place) == "no", (space.namespace, place)
    finally:
        kind("delete", "namespace", outside.namespace, "--wait=false")
