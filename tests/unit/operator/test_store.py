"""What is known of every job."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import CollectorRegistry

from flinktf_operator.job_metrics import JobMetrics
from flinktf_operator.report import InstanceReport, Report
from flinktf_operator.store import Store
from support import bodies

_KEY = ("ns", "wine")


def _report(uid: str) -> Report:
    return Report(uid, 1, 1, "Running", 1, None, None, (), None, 0, None, (), ())


def test_a_job_with_what_belongs_to_it() -> None:
    store = Store()
    store.put("pods", bodies.pod())
    store.put("workloads", bodies.deployment())
    assert store.observe(_KEY).pods == ()  # no job, nothing to decide
    store.put("jobs", bodies.job())
    seen = store.observe(_KEY)
    assert seen.job is not None
    assert [pod.name for pod in seen.pods] == ["wine-worker-0"]
    assert [workload.name for workload in seen.workloads] == ["wine-worker"]
    assert not seen.namesakes


def test_an_older_version_changes_nothing() -> None:
    store = Store()
    store.put("jobs", bodies.job(version="12", generation=3))
    store.put("jobs", bodies.job(version="9", generation=2))
    job = store.observe(_KEY).job
    assert job is not None
    assert job.generation == 3


def test_a_change_that_nobody_asks_for_is_none() -> None:
    store = Store()
    assert store.put("workloads", bodies.deployment())
    assert not store.put("workloads", bodies.deployment(resourceVersion="2"))
    assert store.versions("workloads") == {"uid-worker-u1": "2"}
    assert store.put("workloads", bodies.deployment(resourceVersion="3", deletionTimestamp="2026-01-01T00:00:00Z"))


def test_a_deleted_namesakes_deployments_are_not_the_jobs() -> None:
    store = Store()
    store.put("jobs", bodies.job("u2"))
    store.put("workloads", bodies.deployment(owner="u1"))
    seen = store.observe(_KEY)
    assert seen.workloads == ()
    assert seen.namesakes
    assert store.drop("workloads", bodies.deployment(owner="u1")) == _KEY
    assert not store.observe(_KEY).namesakes


def test_the_deletion_of_a_namesake_leaves_its_successor() -> None:
    store = Store()
    store.put("jobs", bodies.job("u2"))
    store.put("pods", bodies.pod(uid="new"))
    store.drop("jobs", bodies.job("u1"))
    store.drop("pods", bodies.pod(uid="old"))
    seen = store.observe(_KEY)
    assert seen.job is not None
    assert [pod.uid for pod in seen.pods] == ["new"]


def test_a_report_of_a_namesake_is_not_shown() -> None:
    store = Store()
    store.put("jobs", bodies.job("u1"))
    store.report(_KEY, _report("u1"))
    assert store.observe(_KEY).report is not None
    store.put("jobs", bodies.job("u2"))
    assert store.observe(_KEY).report is None
    store.drop("jobs", bodies.job("u2"))
    store.put("jobs", bodies.job("u1"))
    assert store.observe(_KEY).report is None


def test_what_was_deleted_without_a_word_is_forgotten() -> None:
    store = Store()
    store.put("jobs", bodies.job("u1"))
    store.put("pods", bodies.pod())
    store.put("workloads", bodies.deployment())
    assert store.lost("pods", {"uid-wine-worker-0"}) == {_KEY}
    assert store.lost("workloads", {"uid-worker-u1"}) == {_KEY}
    assert store.lost("pods", {"never seen"}) == set()
    seen = store.observe(_KEY)
    assert (seen.pods, seen.workloads) == ((), ())
    assert store.lost("jobs", {"u1"}) == {_KEY}
    assert store.observe(_KEY).job is None
    assert [dict(store.versions(kind)) for kind in ("jobs", "workloads", "pods")] == [{}, {}, {}]


def test_a_heartbeat_is_nothing_new() -> None:
    def said(version: int, step: int, heard: float) -> Report:
        worker = InstanceReport("worker", 0, "Training", "wine-worker-0", step, 0, heard, None)
        return replace(_report("u1"), version=version, instances=(worker,))

    store = Store()
    store.put("jobs", bodies.job("u1"))
    assert store.report(_KEY, said(1, step=5, heard=0.1))
    assert not store.report(_KEY, said(2, step=5, heard=3.0))
    report = store.observe(_KEY).report
    assert report is not None
    assert (report.version, report.instances[0].heard) == (2, 3.0)
    assert store.report(_KEY, said(3, step=6, heard=0.1))


def test_metrics_of_jobs_that_run() -> None:
    worker = InstanceReport("worker", 1, "Training", "p", 5, 2, 0.1, None, rows=80, memory=7, metrics={"loss": 0.5})
    store = Store()
    store.report(_KEY, replace(_report("u1"), generation=3, instances=(worker,)))
    registry = CollectorRegistry()
    registry.register(JobMetrics(store))

    def of(name: str, /, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"namespace": "ns", "job": "wine"} | labels)

    for number, (phase, there) in enumerate((("Running", True), ("Succeeded", False))):
        store.put("jobs", bodies.job("u1", str(number)) | {"status": {"phase": phase}})
        found = [
            of("flinktf_job_generation"),
            of("flinktf_role_step", role="worker", index="1"),
            of("flinktf_role_restarts_total", role="worker", index="1"),
            of("flinktf_role_state", role="worker", index="1", state="Training"),
            of("flinktf_role_metric", role="worker", index="1", name="loss"),
        ]
        assert found == ([3.0, 5.0, 2.0, 1.0, 0.5] if there else [None] * 5)
        assert not store.report(_KEY, replace(_report("u1"), generation=3, instances=(replace(worker, rows=90),)))


def test_versions_of_one_namespace() -> None:
    store = Store()
    store.put("pods", bodies.pod(namespace="ns"))
    store.put("pods", bodies.pod(namespace="other", uid="uid-other"))
    assert store.versions("pods", "other") == {"uid-other": "1"}
    assert store.versions("pods") == {"uid-wine-worker-0": "1", "uid-other": "1"}
