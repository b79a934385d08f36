"""The life of a job, decided case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flinktf.api.load import read_object
from flinktf.api.status import CheckpointStatus, RoleStatus, RunStatus, Status, read_status
from flinktf_operator.decision import Decision, decide, job_id
from flinktf_operator.look import Look, is_settled
from flinktf_operator.observed import PodView, Problem, WorkloadView, job_view
from flinktf_operator.report import CheckpointReport, FailureReport, InstanceReport, Report
from flinktf_operator.store import Observation, Store
from support import bodies

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHECKPOINT = "file:///data/checkpoints/12"
KEPT = CheckpointStatus(id=12, location=CHECKPOINT)


def spec(**more: Any) -> dict[str, Any]:
    roles = [{"name": "worker", "replicas": 2}]
    return {"tensorflow": {"entrypoint": "train:main"}, "roles": roles, **more}


def workload(pool: str = "worker", run: int = 1, deleting: bool = False) -> WorkloadView:
    return WorkloadView(f"wine-{pool}", f"uid-{pool}", "wine", ("u1",), pool, run, "ours", deleting)


def pod(name: str = "wine-worker-a", run: int = 1, **more: Any) -> PodView:
    where = ("gpu-1", "10.0.0.1")
    view = PodView(name, f"uid-{name}", "wine", "worker", run, *where, "Running", True, False, False, 0, None)
    return replace(view, **more)


def instance(index: int = 0, **more: Any) -> InstanceReport:
    return replace(InstanceReport("worker", index, "training", f"wine-worker-{'ab'[index]}", 7, 0, 0.4, None), **more)


def report(run: int = 1, **more: Any) -> Report:
    instances = (instance(0), instance(1))
    told = Report("u1", run, 5, "Running", 1, None, None, (), "RUNNING", 0, None, (), instances)
    return replace(told, **more)


FAILED = report(
    phase="Failed", outcome="Failed", failure=FailureReport("worker-1", "ValueError", "no such column", "Traceback …\n")
)


def running(**more: Any) -> Status:
    run = RunStatus(number=1, job_id=job_id("u1", 1), spec="f1")
    return Status(observed_generation=1, phase="Running", run=run, start_time=NOW - timedelta(hours=1)).model_copy(
        update=more
    )


def look(
    status: Status | None = None,
    the_spec: dict[str, Any] | None = None,
    fingerprint: str = "f1",
    workloads: tuple[WorkloadView, ...] = (),
    pods: tuple[PodView, ...] = (),
    told: Report | None = None,
    **more: Any,
) -> Look:
    store = Store()
    store.put("jobs", bodies.job(spec=the_spec or spec()))
    job = store.observe(("ns", "wine")).job
    assert job is not None
    manifest = read_object({"name": "wine", "namespace": "ns"}, job.spec)
    seen = Observation(job, workloads, pods, told, **more)
    return Look(job, manifest.spec, status or Status(), fingerprint, seen, NOW)


def conditions(decision: Decision) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status, c.reason) for c in decision.status.conditions}


def test_a_new_job_begins_with_its_first_run() -> None:
    decision = decide(look())
    assert decision.run == decision.status.run == RunStatus(number=1, job_id=job_id("u1", 1), spec="f1")
    assert (decision.status.phase, decision.status.observed_generation) == ("Starting", 1)
    assert conditions(decision)["Reconciling"] == ("True", "WaitingForPods")
    assert conditions(decision)["Ready"] == ("False", "WaitingForPods")
    assert [notice.reason for notice in decision.notices] == ["StorageMissing"]
    assert decide(look(decision.status)).notices == ()


def test_a_job_made_suspended_says_so_and_makes_nothing() -> None:
    decision = decide(look(the_spec=spec(suspend=True)))
    assert (decision.run, decision.stop, decision.status.phase) == (None, (), "Suspended")
    assert conditions(decision) == {"Ready": ("True", "Suspended"), "Suspended": ("True", "Suspended")}


@pytest.mark.parametrize("left", [{"pods": (pod(),)}, {"namesakes": True}], ids=str)
def test_a_job_waits_for_the_end_of_its_namesake(left: dict[str, Any]) -> None:
    decision = decide(look(**left))
    assert decision.run is None
    assert decision.look_again == 1
    assert conditions(decision)["Reconciling"] == ("True", "WaitingForDeletion")
    told = next(c.message for c in decision.status.conditions if c.type == "Reconciling")
    assert "kubectl delete deployments,pods -n ns -l flinktf.dev/job=wine" in told


def test_a_running_job() -> None:
    pods = (pod("wine-worker-a"), pod("wine-worker-b", node="gpu-2"))
    told = report(checkpoint=CheckpointReport(12, CHECKPOINT), models=("/data/model",))
    decision = decide(look(running(phase="Starting"), pods=pods, told=told))
    status = decision.status
    assert (status.phase, status.step, status.generation, status.roles_ready) == ("Running", 7, 1, "2/2")
    assert [(i.index, i.pod, i.node, i.state) for i in status.roles[0].instances] == [
        (0, "wine-worker-a", "gpu-1", "training"),
        (1, "wine-worker-b", "gpu-2", "training"),
    ]
    assert status.roles[0].instances[0].last_heartbeat == NOW - timedelta(seconds=1)
    assert status.checkpoint == KEPT
    assert status.model is not None
    assert status.flink is not None
    assert (status.model.path, status.flink.state) == ("/data/model", "RUNNING")
    assert conditions(decision) == {"Ready": ("True", "Running"), "RolesHealthy": ("True", "Healthy")}
    assert decision.run == status.run


@pytest.mark.parametrize(
    ("one", "reason", "words"),
    [
        ({"state": "Failed", "error": "ValueError: x"}, "RoleFailed", "worker-0: ValueError: x"),
        ({"activity": "Stopped"}, "RoleUnresponsive", "is Stopped; with spec.roles[].failover.stallTimeout"),
        ({"activity": "Silent"}, "RoleUnresponsive", "worker-0 in pod wine-worker-a is Silent; its pod, its node"),
    ],
)
def test_a_role_that_is_not_well_is_named_with_the_way_out(one: dict[str, Any], reason: str, words: str) -> None:
    told = report(instances=(instance(0, **one), instance(1)))
    decision = decide(look(running(), pods=(pod(), pod("wine-worker-b")), told=told))
    healthy = next(c for c in decision.status.conditions if c.type == "RolesHealthy")
    assert (healthy.status, healthy.reason) == ("False", reason)
    assert words in healthy.message


@pytest.mark.parametrize(("changes", "same"), [({"heard": 3.0}, True), ({"heard": 3.0, "step": 8}, False)])
def test_a_heartbeat_alone_changes_nothing(changes: dict[str, Any], same: bool) -> None:
    pods = (pod("wine-worker-a"), pod("wine-worker-b"))
    before = decide(look(running(), pods=pods, told=report())).status
    told = report(instances=(instance(0, **changes), instance(1, heard=3.0)))
    assert (decide(look(before, pods=pods, told=told)).status == before) == same


@pytest.mark.parametrize(
    "told", [report(), report(instances=(instance(0, state="Failed", error="ValueError: x"), instance(1)))]
)
def test_a_replica_that_has_just_begun_tells_of_no_change(told: Report) -> None:
    """It has heard of no coordinator yet; a pod's trouble it sees by itself."""
    workloads, pods = tuple(map(workload, ("jobmanager", "pipeline", "worker"))), (pod(), pod("wine-worker-b"))
    before = decide(look(running(), workloads=workloads, pods=pods, told=told)).status
    assert decide(look(before, workloads=workloads, pods=pods)).status == before
    lost = replace(pods[0], ready=False, problem=Problem("NodeNotReady", "its node gpu-1 does not answer"))
    after = decide(look(before, workloads=workloads, pods=(lost, pods[1])))
    assert after.status.phase == "Running"
    assert conditions(after)["RolesHealthy"] == ("False", "NodeNotReady")


SETTLED: list[tuple[dict[str, Any], tuple[WorkloadView, ...], bool]] = [
    ({}, (), False),
    ({"phase": "Suspended"}, (), True),
    ({"phase": "Succeeded", "observedGeneration": 0}, (), False),
    ({"phase": "Running"}, (workload("jobmanager"), workload("pipeline"), workload()), True),
    ({"phase": "Running"}, (workload("jobmanager"), workload("pipeline")), False),
    ({"phase": "Running"}, (workload("jobmanager"), workload("pipeline"), workload(deleting=True)), False),
    ({"phase": "Running"}, (workload("jobmanager"), workload("pipeline"), workload(run=2)), False),
    ({"phase": "Starting", "run": {"number": 1, "stopping": "Suspend"}}, (), False),
]


@pytest.mark.parametrize(("status", "workloads", "settled"), SETTLED)
def test_which_jobs_wait_for_something(
    status: dict[str, Any], workloads: tuple[WorkloadView, ...], settled: bool
) -> None:
    known = {"observedGeneration": 1, "run": {"number": 1}, "roles": [{"name": "worker"}]}
    job = job_view(bodies.job() | {"status": known | status if status else {}})
    assert is_settled(job, workloads) is settled


def test_a_report_of_the_run_before_does_not_count() -> None:
    decision = decide(look(running(phase="Starting"), told=replace(FAILED, run=0)))
    assert decision.status.phase == "Starting"


@pytest.mark.parametrize(
    ("pods", "told", "reason"),
    [
        ((), None, "WaitingForPods"),
        ((pod(ready=False), pod("b")), None, "WaitingForPods"),
        ((pod(ready=False, problem=Problem("Unschedulable", "0/2 nodes")),), None, "Unschedulable"),
        ((pod(),), None, "WaitingForCoordinator"),
        ((pod(),), report(phase="Forming", missing=("worker-1",)), "Forming"),
        ((pod(),), report(phase="Forming"), "Submitting"),
    ],
)
def test_what_a_starting_job_waits_for(pods: tuple[PodView, ...], told: Report | None, reason: str) -> None:
    assert conditions(decide(look(running(phase="Starting"), pods=pods, told=told)))["Reconciling"] == ("True", reason)


def test_a_problem_names_the_pod_the_reason_and_the_way_out() -> None:
    problem = Problem("Unschedulable", "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")
    pods = tuple(pod(f"wine-worker-{i}", ready=False, problem=problem) for i in range(3))
    decision = decide(look(running(phase="Starting"), pods=pods))
    healthy = next(c for c in decision.status.conditions if c.type == "RolesHealthy")
    assert (healthy.status, healthy.reason) == ("False", "Unschedulable")
    assert healthy.message.startswith("pod wine-worker-0 (and 2 more): 0/2 nodes are available")
    assert "nodeSelector" in healthy.message


def test_success() -> None:
    decision = decide(look(running(), told=report(phase="Succeeded", outcome="Succeeded", models=("/data/model",))))
    assert (decision.status.phase, decision.status.completion_time) == ("Succeeded", NOW)
    assert conditions(decision) == {"Ready": ("True", "Succeeded"), "Succeeded": ("True", "Succeeded")}
    assert decision.run is None
    assert decision.look_again == 0


def test_failure_tells_why_with_the_traceback() -> None:
    decision = decide(look(running(), told=FAILED))
    assert decision.status.phase == "Failed"
    failed = next(c for c in decision.status.conditions if c.type == "Failed")
    assert failed.reason == "ValueError"
    assert failed.message == "worker-1: ValueError: no such column\nTraceback …\n"
    assert conditions(decision)["Stalled"] == ("True", "ValueError")


@pytest.mark.parametrize(("restarts", "pause"), [(0, 10), (1, 20), (2, 40), (8, 360)])
def test_a_failure_within_the_limit_restarts_the_job_after_a_pause(restarts: int, pause: int) -> None:
    there = (workload(),)
    decision = decide(look(running(restarts=restarts), spec(backoffLimit=9), workloads=there, told=FAILED))
    assert (decision.status.phase, decision.status.restarts, decision.stop) == ("Starting", restarts + 1, there)
    assert decision.status.run is not None
    assert decision.status.run.stopping == "Restart"
    assert decision.status.run.not_before == NOW + timedelta(seconds=pause)


def test_a_restarted_job_begins_when_its_pods_are_gone_and_the_pause_is_over() -> None:
    run = running().run
    assert run is not None
    stopping = run.model_copy(update={"stopping": "Restart", "not_before": NOW + timedelta(seconds=7)})
    status = running(phase="Starting", restarts=1, run=stopping, checkpoint=KEPT)
    limited = spec(backoffLimit=3)
    gone = decide(look(status, limited, workloads=(workload(), workload("jobmanager", deleting=True)), pods=(pod(),)))
    assert (gone.run, [w.pool for w in gone.stop]) == (None, ["worker"])
    waiting = decide(look(status, limited))
    assert (waiting.run, waiting.look_again) == (None, 7)
    over = decide(look(status.model_copy(update={"run": stopping.model_copy(update={"not_before": NOW})}), limited))
    assert over.run is not None
    assert (over.run.number, over.run.job_id, over.run.restore) == (2, job_id("u1", 2), CHECKPOINT)
    assert over.run.stopping is None


def test_the_limit_is_a_limit() -> None:
    decision = decide(look(running(restarts=3), spec(backoffLimit=3), told=FAILED))
    assert (decision.status.phase, decision.status.restarts) == ("Failed", 3)


def test_suspend_and_resume() -> None:
    suspended = spec(suspend=True)
    there = (workload(), workload("jobmanager"))
    first = decide(
        look(running(), suspended, workloads=there, told=report(checkpoint=CheckpointReport(12, CHECKPOINT)))
    )
    assert [workload.pool for workload in first.stop] == ["worker"]
    assert conditions(first)["Reconciling"] == ("True", "Suspending")
    second = decide(look(first.status, suspended, pods=(pod(deleting=True),)))
    assert second.status.phase != "Suspended"
    third = decide(look(second.status, suspended))
    assert third.status.phase == "Suspended"
    assert decide(look(third.status, suspended)).status == third.status
    resumed = decide(look(third.status))
    assert resumed.run is not None
    assert (resumed.run.number, resumed.run.restore, resumed.status.phase) == (2, CHECKPOINT, "Starting")


@pytest.mark.parametrize("change", [{"the_spec": spec(suspend=True)}, {"fingerprint": "f2"}], ids=str)
def test_roles_leave_first_and_what_they_leave_with_is_restored(change: dict[str, Any]) -> None:
    others = (workload("jobmanager"), workload("pipeline"))
    status = decide(look(running(), workloads=(workload(), *others), told=report(), **change)).status
    newer = report(checkpoint=CheckpointReport(13, CHECKPOINT))
    leaving = decide(look(status, workloads=others, pods=(pod(deleting=True),), told=newer, **change))
    assert leaving.stop == ()
    assert leaving.status.checkpoint == KEPT.model_copy(update={"id": 13})
    left = decide(look(status, workloads=others, pods=(pod("jm", pool="jobmanager"),), told=newer, **change))
    assert left.stop == others
    last = decide(look(status, told=newer, **change)).status
    assert last.checkpoint == KEPT.model_copy(update={"id": 13})


def test_a_failed_run_ends_all_at_once() -> None:
    there = (workload(), workload("jobmanager"))
    status = decide(look(running(), spec(backoffLimit=3), workloads=there, told=FAILED)).status
    assert decide(look(status, spec(backoffLimit=3), workloads=there)).stop == there


def test_resumed_before_it_was_suspended_it_still_gets_a_new_run() -> None:
    first = decide(look(running(), spec(suspend=True), workloads=(workload(),)))
    waiting = decide(look(first.status, pods=(pod(deleting=True),)))
    assert waiting.run is None
    resumed = decide(look(waiting.status))
    assert resumed.run is not None
    assert resumed.run.number == 2


def test_a_changed_spec_ends_the_run_and_begins_the_next() -> None:
    first = decide(look(running(restarts=2, checkpoint=KEPT), fingerprint="f2", workloads=(workload(),)))
    assert (first.stop, first.status.restarts, first.status.phase) == ((workload(),), 0, "Starting")
    second = decide(look(first.status, fingerprint="f2"))
    assert second.run is not None
    assert (second.run.number, second.run.spec, second.run.restore) == (2, "f2", CHECKPOINT)


@pytest.mark.parametrize(("phase", "restore"), [("Succeeded", None), ("Failed", CHECKPOINT)])
def test_an_ended_job_that_is_changed_runs_again(phase: str, restore: str | None) -> None:
    status = running(phase=phase, completion_time=NOW, checkpoint=KEPT)
    first = decide(look(status, fingerprint="f2"))
    second = decide(look(first.status, fingerprint="f2"))
    assert second.run is not None
    assert (second.run.number, second.run.restore, second.status.completion_time) == (2, restore, None)


def test_an_ended_job_is_not_suspended() -> None:
    status = running(phase="Succeeded", completion_time=NOW)
    assert decide(look(status, spec(suspend=True))).status.phase == "Succeeded"


@pytest.mark.parametrize("told", [FAILED, report(outcome="Succeeded")])
def test_an_ended_job_whose_invalid_change_was_taken_back_is_what_it_was(told: Report) -> None:
    ended = decide(look(running(), told=told)).status
    mistaken = ended.model_copy(
        update={
            "conditions": tuple(
                c.model_copy(update={"reason": "InvalidSpec"}) if c.type == "Ready" else c for c in ended.conditions
            )
        }
    )
    assert decide(look(mistaken)).status == ended


@pytest.mark.parametrize(("policy", "stops"), [("Running", True), ("All", True), ("None", False)])
def test_which_pods_go_when_the_job_has_ended(policy: str, stops: bool) -> None:
    status = running(phase="Succeeded", completion_time=NOW)
    decision = decide(look(status, spec(cleanPodPolicy=policy), workloads=(workload(),)))
    assert bool(decision.stop) is stops
    assert decision.run is None


@pytest.mark.parametrize(
    ("age", "deleted", "again"), [(0, False, 60), (59, False, 1), (60, True, None), (90, True, None)]
)
def test_the_time_to_live(age: int, deleted: bool, again: float | None) -> None:
    status = running(phase="Failed", completion_time=NOW - timedelta(seconds=age))
    decision = decide(look(status, spec(ttlSecondsAfterFinished=60)))
    assert (decision.delete_job, decision.look_again) == (deleted, again)


def test_the_deadline() -> None:
    in_time = decide(
        look(running(start_time=NOW - timedelta(seconds=29)), spec(activeDeadlineSeconds=30), told=report())
    )
    assert (in_time.status.phase, in_time.look_again) == ("Running", 1)
    over = decide(look(running(start_time=NOW - timedelta(seconds=30)), spec(activeDeadlineSeconds=30), told=report()))
    assert over.status.phase == "Failed"
    assert conditions(over)["Failed"] == ("True", "DeadlineExceeded")


def test_conditions_keep_the_time_of_their_last_change() -> None:
    first = decide(look(running(phase="Starting"), pods=(pod(),)))
    later = replace(look(first.status, pods=(pod(),), told=report()), now=NOW + timedelta(minutes=5))
    since = {c.type: c.last_transition_time for c in decide(later).status.conditions}
    assert since["Ready"] == NOW + timedelta(minutes=5)
    again = replace(look(decide(later).status, pods=(pod(),), told=report()), now=NOW + timedelta(minutes=9))
    assert {c.type: c.last_transition_time for c in decide(again).status.conditions} == since


REPORTS = st.one_of(
    st.none(),
    st.builds(
        report,
        run=st.integers(1, 4),
        phase=st.sampled_from(["Forming", "Running", "Stopping"]),
        checkpoint=st.none() | st.just(CheckpointReport(12, CHECKPOINT)),
    ),
    st.builds(lambda run: replace(FAILED, run=run), st.integers(1, 4)),
    st.builds(lambda run: report(run, phase="Succeeded", outcome="Succeeded"), st.integers(1, 4)),
)


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[bool, str, bool, Report | None, int]]:
    one = st.tuples(st.booleans(), st.sampled_from(["f1", "f2"]), st.booleans(), REPORTS, st.integers(0, 500))
    return draw(st.lists(one, min_size=1, max_size=25))


@settings(max_examples=300)
@given(steps(), st.integers(0, 2))
def test_whatever_happens(history: list[tuple[bool, str, bool, Report | None, int]], limit: int) -> None:
    """Runs count up one by one, never two at once, and what is written can be read."""
    status, now = Status(), NOW
    there: tuple[WorkloadView, ...] = ()
    for suspend, fingerprint, gone, told, seconds in history:
        now += timedelta(seconds=seconds)
        the_spec = spec(suspend=suspend, backoffLimit=limit)
        pods = tuple(pod(f"p-{w.pool}", run=w.run) for w in there)
        current = replace(look(status, the_spec, fingerprint, there, pods, told), now=now)
        decision = decide(current)
        before, after = status.run, decision.status.run
        assert read_status(decision.status.manifest()) == decision.status
        if before is not None and after is not None and after.number != before.number:
            assert after.number == before.number + 1
            assert not there
        if decision.run is not None:
            assert decision.run == after
            assert all(w.run == decision.run.number for w in there)
            there = (workload(run=decision.run.number), workload("jobmanager", run=decision.run.number))
        if gone and decision.stop:
            there = ()
        assert decision.status.restarts <= limit
        types = [c.type for c in decision.status.conditions]
        assert len(types) == len(set(types))
        for ended in ("Succeeded", "Failed", "Suspended"):
            assert (ended in types) == (decision.status.phase == ended)
        status = decision.status


OOM = Problem("OOMKilled", "container tensorflow ended with exit code 137 (OOMKilled)")
LOST = Problem("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint (node gpu-1)")


def in_trouble(*pods: PodView, told: Report | None = None) -> Status:
    return decide(look(running(), pods=pods, told=told or report())).status


def test_what_keeps_a_role_s_pods_from_running_is_told_of_the_role_with_the_way_out() -> None:
    pending = pod("wine-worker-b", phase="Pending", ready=False, problem=Problem("Unschedulable", "no node fits"))
    for told in (report(), report(run=9)):  # the second one is of another run: nothing is known of this one yet
        status = decide(look(running(roles=ROLES), pods=(pod(), pending), told=told)).status
        (role,) = status.roles
        assert role.reason == "Unschedulable"
        assert role.message is not None
        assert role.message.startswith("pod wine-worker-b: no node fits; free or add nodes that fit")
        assert {c.type: c.reason for c in status.conditions}["RolesHealthy"] == "Unschedulable"
    assert decide(look(status, pods=(pod(), pod("wine-worker-b")), told=report())).status.roles[0].reason is None


ROLES = (RoleStatus(name="worker", desired=2, ready=0),)


def test_a_pod_that_is_over_counts_until_another_is_in_its_place() -> None:
    evicted = pod("wine-worker-x", phase="Failed", ready=False, problem=Problem("Evicted", "low on memory"))
    lost = pod("wine-worker-y", deleting=True, ready=False, problem=LOST)
    for gone in (evicted, lost):
        assert gone.problem is not None
        assert in_trouble(pod(), gone).roles[0].reason == gone.problem.reason
        assert in_trouble(pod(), pod("wine-worker-b"), gone).roles[0].reason is None


def test_a_pod_that_cannot_end_says_why_while_the_job_waits_for_it() -> None:
    held = pod(deleting=True, ready=False, problem=Problem("NodeNotReady", "its node gpu-1 does not answer"))
    stopping = running().run
    assert stopping is not None
    status = running(run=stopping.model_copy(update={"stopping": "Suspend"}))
    decision = decide(look(status, spec(suspend=True), pods=(held,)))
    told = next(c.message for c in decision.status.conditions if c.type == "Reconciling")
    assert "its node gpu-1 does not answer; bring the node back, or delete its Node object" in told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("AgentLost: its agent has ended without a word", "OOMKilled: container tensorflow ended with exit code 137"),
        ("HeartbeatLost: its agent has said nothing", "OOMKilled: container tensorflow ended with exit code 137"),
        (None, "OOMKilled: container tensorflow ended with exit code 137"),
        ("ValueError: no such column", "ValueError: no such column"),
    ],
)
def test_kubernetes_tells_how_a_container_ended_of_which_its_agent_could_say_nothing(
    error: str | None, told: str
) -> None:
    status = in_trouble(pod(ended=OOM), told=report(instances=(instance(0, error=error, restarts=1),)))
    (one,) = status.roles[0].instances
    assert one.last_error is not None
    assert one.last_error.startswith(told)
    assert decide(look(status, pods=(pod(ended=OOM),), told=report())).status.phase == "Running"
