"""The API server goes away under the operator and comes back: nothing is made twice, and nothing is missed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.apiserver import ControlPlane
from support.api_proxy import ApiProxy, Write
from support.kubectl import Kubectl, eventually
from support.operator_process import OperatorProcess
from support.wine import MANAGED, WINE, children, job, pods, settled

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
OUTAGE = 8.0
"""Seconds: longer than a rolling update of a control plane takes to answer again."""
BACK = 120.0
"""Seconds within which all is as it was: Kubernetes' own controllers take their time."""
SOON = 20.0
"""Seconds within which the operator sees a change again."""
MISSED = 100.0
"""Seconds within which it finds a deletion that happened while its watches were not back yet."""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of our own: others want theirs to stay."""
    with ControlPlane() as started:
        kubectl = Kubectl(started.kubeconfig)
        kubectl("apply", "-f", str(ROOT / "crds"))
        _wait_for_the_garbage_collector(kubectl)
        yield started


def _wait_for_the_garbage_collector(kubectl: Kubectl) -> None:
    """It looks for new kinds now and then, and what it meets of them before, it puts off for longer each time."""
    kubectl.apply(job("owner"))
    uid = (kubectl.get("flinktfjob", "owner") or {})["metadata"]["uid"]
    owner = {"apiVersion": "flinktf.dev/v1alpha1", "kind": "FlinkTFJob", "name": "owner", "uid": uid}
    metadata = {"name": "owned", "ownerReferences": [owner]}
    kubectl("delete", "flinktfjob", "owner")
    kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    eventually(lambda: kubectl.get("configmap", "owned") is None, 120)


@pytest.fixture
def space(plane: ControlPlane, request: pytest.FixtureRequest) -> Kubectl:
    name = request.node.name.replace("_", "-").strip("-[]").replace("[", "-")[-60:].lstrip("-")
    kubectl = Kubectl(plane.kubeconfig, name)
    kubectl("create", "namespace", name)
    return kubectl


def outage(plane: ControlPlane, operator: OperatorProcess) -> None:
    plane.stop_api_server()
    stays_alive(operator)
    plane.start_api_server()


def stays_alive(operator: OperatorProcess) -> None:
    """The kubelet asks every ten seconds, and restarts what is not alive three times in a row."""
    until = time.monotonic() + OUTAGE
    while time.monotonic() < until:
        assert operator.ask("/livez") == 200
        time.sleep(0.5)


@pytest.mark.parametrize("write", [1, 6])
async def test_in_the_middle_of_a_job_s_creation(
    plane: ControlPlane, space: Kubectl, tmp_path: Path, write: int
) -> None:
    """It crashes when a write is on its way: nobody knows whether it was done."""
    crashed = asyncio.Event()

    def crash(made: Write) -> None:
        if made.number == write:
            plane.stop_api_server()
            crashed.set()
            raise ConnectionError

    async with ApiProxy(space.kubeconfig, after=crash) as proxy:
        proxied = proxy.write_kubeconfig(tmp_path / "proxied")
        operator = OperatorProcess(proxied, tmp_path / "operator.log", "--namespaces", space.namespace)
        await asyncio.to_thread(operator.start)
        try:
            await asyncio.to_thread(space.apply, job())
            await asyncio.wait_for(crashed.wait(), 30)
            await asyncio.to_thread(stays_alive, operator)
            plane.start_api_server()  # not in a thread, with which it would end
            await asyncio.to_thread(goes_on, space, operator)
        finally:
            await asyncio.to_thread(operator.stop)
    # The Event comes after the status that it tells of: between the two, it is lost.
    assert await asyncio.to_thread(told, space, "Starting") <= 1


def goes_on(space: Kubectl, operator: OperatorProcess) -> None:
    """One run and one set of children, and later changes are seen: of a child, and of the job."""
    eventually(lambda: settled(space), BACK)
    space("delete", "deployment", "wine-pipeline")
    eventually(lambda: children(space) == WINE, MISSED)
    space("patch", "ftj", "wine", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    eventually(lambda: "wine-worker" not in [d["metadata"]["name"] for d in space.items("deployments", MANAGED)], SOON)
    # The rest stays until the roles' pods are gone, which the garbage collector deletes.
    eventually(lambda: space.items("deployments", MANAGED) == [], BACK)
    assert operator.ask("/livez") == 200
    assert "could not be looked at" not in operator.log
    assert "exception" not in operator.log


def told(space: Kubectl, reason: str) -> int:
    return sum(event["reason"] == reason for event in space.items("events.v1.events.k8s.io"))


def test_in_the_middle_of_a_run(plane: ControlPlane, space: Kubectl, tmp_path: Path) -> None:
    with OperatorProcess(space.kubeconfig, tmp_path / "operator.log", "--namespaces", space.namespace) as operator:
        space.apply(job())
        eventually(lambda: settled(space), BACK)
        before = {pod["metadata"]["uid"] for pod in pods(space)}
        outage(plane, operator)
        eventually(lambda: settled(space), BACK)
        assert {pod["metadata"]["uid"] for pod in pods(space)} == before
        goes_on(space, operator)
    assert told(space, "Starting") == 1
