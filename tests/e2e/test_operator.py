"""The operator against a real API server and real controllers: what it makes, and that nothing stops it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.api_proxy import ApiProxy, Write
from support.kubectl import Kubectl, KubectlError, condition, eventually
from support.operator_process import OperatorProcess
from support.wine import CHILDREN, MANAGED, children, job, pods, settled

pytestmark = pytest.mark.long


@pytest.fixture
def operator(kubectl: Kubectl, tmp_path: Path) -> Iterator[OperatorProcess]:
    with OperatorProcess(kubectl.kubeconfig, tmp_path / "operator.log", "--namespaces", kubectl.namespace) as process:
        yield process
        assert "could not be looked at" not in process.log


def test_a_job_gets_its_children_and_tells_its_story(kubectl: Kubectl, operator: OperatorProcess) -> None:
    kubectl.apply(job())
    eventually(lambda: settled(kubectl))
    uid = (kubectl.get("flinktfjob", "wine") or {})["metadata"]["uid"]
    for child in kubectl.items(CHILDREN, MANAGED):
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("FlinkTFJob", uid, True)
        assert "finalizers" not in child["metadata"]
    status = kubectl.status("wine")
    assert (status["phase"], status["observedGeneration"], status["rolesReady"]) == ("Starting", 1, "0/2")
    told = condition(status, "Reconciling")
    assert told is not None
    assert told[0] == "True"
    assert "run 1 begins" in kubectl("describe", "flinktfjob", "wine")
    assert kubectl("get", "ftj", "wine").splitlines()[1].split()[:2] == ["wine", "Starting"]


def test_nothing_is_written_when_nothing_changes(kubectl: Kubectl, operator: OperatorProcess) -> None:
    kubectl.apply(job())
    eventually(lambda: settled(kubectl))
    time.sleep(5)
    writes = [operator.metric("flinktf_operator_api_requests_total", verb=verb) for verb in ("PATCH", "POST", "DELETE")]
    time.sleep(30)
    after = [operator.metric("flinktf_operator_api_requests_total", verb=verb) for verb in ("PATCH", "POST", "DELETE")]
    assert after == writes
    assert sum(writes) <= 12


def test_what_others_change_or_delete_comes_back(kubectl: Kubectl, operator: OperatorProcess) -> None:
    kubectl.apply(job())
    eventually(lambda: settled(kubectl))
    kubectl("scale", "deployment", "wine-worker", "--replicas=5")
    kubectl("delete", "deployment", "wine-pipeline")
    eventually(lambda: settled(kubectl))
    assert (kubectl.get("deployment", "wine-worker") or {})["spec"]["replicas"] == 2


def test_suspend_frees_every_pod_and_resume_begins_the_next_run(kubectl: Kubectl, operator: OperatorProcess) -> None:
    kubectl.apply(job())
    eventually(lambda: settled(kubectl))
    kubectl("patch", "ftj", "wine", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    kubectl("wait", "--for=condition=Suspended", "ftj/wine", "--timeout=60s", timeout=70)
    assert pods(kubectl) == []
    kubectl("patch", "ftj", "wine", "--type=merge", "-p", '{"spec": {"suspend": false}}')
    eventually(lambda: settled(kubectl, run=2), 30)


def test_a_job_made_suspended_has_a_status_and_no_pods(kubectl: Kubectl, operator: OperatorProcess) -> None:
    kubectl.apply(job(suspend=True))
    kubectl("wait", "--for=condition=Suspended", "ftj/wine", "--timeout=20s", timeout=30)
    assert children(kubectl) == []


def test_a_change_rolls_out_and_what_can_change_live_does_not_restart(
    kubectl: Kubectl, operator: OperatorProcess
) -> None:
    kubectl.apply(job())
    eventually(lambda: settled(kubectl))
    before = {pod["metadata"]["uid"] for pod in pods(kubectl)}
    live = '{"spec": {"backoffLimit": 3, "ttlSecondsAfterFinished": 100, "activeDeadlineSeconds": 5000}}'
    kubectl("patch", "ftj", "wine", "--type=merge", "-p", live)
    eventually(lambda: kubectl.status("wine")["observedGeneration"] == 2)
    assert {pod["metadata"]["uid"] for pod in pods(kubectl)} == before
    kubectl("patch", "ftj", "wine", "--type=merge", "-p", '{"spec": {"tensorflow": {"parameters": {"epochs": 3}}}}')
    eventually(lambda: settled(kubectl, run=2), 30)
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in pods(kubectl))


def test_the_code_may_come_later(kubectl: Kubectl, operator: OperatorProcess) -> None:
    kubectl.apply(job(code={"configMap": "wine-code"}))
    eventually(lambda: (condition(kubectl.status("wine"), "Reconciling") or ("", ""))[1] == "CodeMissing")
    assert children(kubectl) == []
    kubectl("create", "configmap", "wine-code", "--from-literal=job.sql=SELECT 1")
    eventually(lambda: settled(kubectl), 30)


def test_a_quota_is_told_and_its_end_too(kubectl: Kubectl, operator: OperatorProcess) -> None:
    kubectl("create", "quota", "few", "--hard=count/deployments.apps=1")
    eventually(lambda: (kubectl.get("quota", "few") or {}).get("status", {}).get("hard"))
    kubectl.apply(job())
    told = eventually(lambda: condition(kubectl.status("wine"), "Stalled"), 30)
    assert told[:2] == ("True", "ReconcileFailed")
    assert "exceeded quota: few" in told[2]
    kubectl("delete", "quota", "few")
    # A change of the spec starts afresh: nobody waits for a pause of minutes.
    kubectl("patch", "ftj", "wine", "--type=merge", "-p", '{"spec": {"backoffLimit": 1}}')
    eventually(lambda: settled(kubectl), 20)
    assert condition(kubectl.status("wine"), "Stalled") is None


def test_the_deadline_and_the_time_to_live(kubectl: Kubectl, operator: OperatorProcess) -> None:
    kubectl.apply(job(activeDeadlineSeconds=3, ttlSecondsAfterFinished=4))
    kubectl("wait", "--for=condition=Failed", "ftj/wine", "--timeout=20s", timeout=30)
    told = condition(kubectl.status("wine"), "Failed")
    assert told is not None
    assert told[1] == "DeadlineExceeded"
    eventually(lambda: pods(kubectl) == [])
    eventually(lambda: kubectl.get("flinktfjob", "wine") is None)
    eventually(lambda: children(kubectl) == [])


def test_a_deleted_job_leaves_nothing_and_its_namesake_gets_all_anew(
    kubectl: Kubectl, operator: OperatorProcess
) -> None:
    for run in range(3):
        kubectl.apply(job())
        eventually(lambda: settled(kubectl), 30)
        if run < 2:
            kubectl("delete", "ftj", "wine")  # and at once the next one of the same name
    uid = (kubectl.get("flinktfjob", "wine") or {})["metadata"]["uid"]
    owners = {
        owner["uid"] for child in kubectl.items(CHILDREN, MANAGED) for owner in child["metadata"]["ownerReferences"]
    }
    assert owners == {uid}
    kubectl("delete", "ftj", "wine")
    eventually(lambda: children(kubectl) == [] and pods(kubectl) == [], 30)


def test_deleted_at_twenty_random_moments_nothing_is_left(kubectl: Kubectl, operator: OperatorProcess) -> None:
    chance = random.Random(20)
    for number in range(20):
        kubectl.apply(job(f"wine-{number}"))
        time.sleep(chance.uniform(0, 1.5))
        kubectl("delete", "ftj", f"wine-{number}", "--wait=false")
    eventually(lambda: kubectl.items("flinktfjobs") == [], 30)
    eventually(lambda: children(kubectl) == [] and pods(kubectl) == [], 60)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_at_each_write_the_job_is_there_once(kubectl: Kubectl, tmp_path: Path, moment: str) -> None:
    """SIGKILL just before, and just after, the first, second, third… write that a job costs."""
    for number in range(1, 30):
        namespace = f"{kubectl.namespace}-{number}"
        inside = kubectl.within(namespace)
        kubectl("create", "namespace", namespace)
        reached = await _killed_at(number, moment, inside, tmp_path)
        await asyncio.to_thread(eventually, lambda inside=inside: settled(inside), 30)
        kubectl("delete", "namespace", namespace, "--wait=false")
        if not reached:
            assert number >= 8  # all writes of a job have been gone through
            return
    raise AssertionError("a job costs more than 29 writes")


async def _killed_at(number: int, moment: str, kubectl: Kubectl, tmp_path: Path) -> bool:
    """Whether there was such a write; afterwards the operator has started again and been left alone for a while."""
    reached = False

    def kill(write: Write) -> None:
        nonlocal reached
        if write.number == number:
            reached = True
            process.kill()

    async with ApiProxy(kubectl.kubeconfig, **{moment: kill}) as proxy:  # type: ignore[arg-type]
        file = proxy.write_kubeconfig(tmp_path / "proxied")
        process = OperatorProcess(file, tmp_path / f"killed-{number}.log", "--namespaces", kubectl.namespace)
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(kubectl.apply, job())
        await asyncio.to_thread(_wait_for, lambda: reached or settled(kubectl))
        if process.ended is None:
            await asyncio.sleep(1.5)  # the last writes are those of the status
        if process.ended is not None:
            await asyncio.to_thread(process.start)
        await asyncio.to_thread(eventually, lambda: settled(kubectl), 30)
        await asyncio.to_thread(process.stop)
    return reached


def _wait_for(check: Any) -> None:
    eventually(check, 30, 0.05)


def test_of_two_replicas_one_acts_and_the_other_takes_over(kubectl: Kubectl, tmp_path: Path) -> None:
    flags = ("--namespaces", kubectl.namespace, "--leader-elect", "true", "--pod-namespace", kubectl.namespace)
    first = OperatorProcess(kubectl.kubeconfig, tmp_path / "first.log", *flags, name="first")
    second = OperatorProcess(kubectl.kubeconfig, tmp_path / "second.log", *flags, name="second")
    with first, second:
        eventually(lambda: first.metric("flinktf_operator_leader") + second.metric("flinktf_operator_leader") == 1)
        leader, standby = (first, second) if first.metric("flinktf_operator_leader") else (second, first)
        kubectl.apply(job())
        eventually(lambda: settled(kubectl))
        assert standby.metric("flinktf_operator_reconciles_total") == 0
        leader.kill()
        kubectl.apply(job("next"))
        began = time.monotonic()
        eventually(lambda: len(children(kubectl, f"{MANAGED},flinktf.dev/job=next")) == 7, 40)
        assert time.monotonic() - began < 30  # the lease lasts 15 s
        leader.start()
        standby.stop()  # gives the lease back: the other one need not wait for it
        kubectl.apply(job("third"))
        began = time.monotonic()
        eventually(lambda: len(children(kubectl, f"{MANAGED},flinktf.dev/job=third")) == 7, 40)
        assert time.monotonic() - began < 12


def test_a_namespace_is_deleted_under_the_job(kubectl: Kubectl, operator: OperatorProcess) -> None:
    kubectl.apply(job())
    eventually(lambda: settled(kubectl))
    kubectl("delete", "namespace", kubectl.namespace, "--timeout=60s", timeout=70)
    with pytest.raises(KubectlError, match="not found"):
        kubectl("get", "namespace", kubectl.namespace)
    assert operator.ask("/livez") == 200
    assert operator.metric("flinktf_operator_api_requests_total", code="403") <= 3  # not one for each pod that went
