"""The newest that is known of every job: what the watches told, and what its coordinator said. In memory only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from flinktf_operator.names import JOB_LABEL
from flinktf_operator.observed import Body, JobView, Key, PodView, WorkloadView, job_view, pod_view, workload_view
from flinktf_operator.report import Report

Kind = Literal["jobs", "workloads", "pods"]
KINDS: Final[tuple[Kind, ...]] = ("jobs", "workloads", "pods")
UNDER_WAY: Final = ("Starting", "Running")
"""Phases of a job that has pods."""
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that a decision about a job may rest on; ``job`` is None when there is none (any more).

    ``namesakes`` says whether a Deployment of a deleted job of the same name is still there.
    """

    job: JobView | None
    workloads: tuple[WorkloadView, ...] = ()
    pods: tuple[PodView, ...] = ()
    report: Report | None = None
    namesakes: bool = False


class Store:
    """Written by watches and coordinators' reports, read by the reconciler. For one event loop."""

    def __init__(self) -> None:
        self._jobs: dict[Key, JobView] = {}
        self._workloads: dict[Key, dict[str, WorkloadView]] = defaultdict(dict)
        self._pods: dict[Key, dict[str, PodView]] = defaultdict(dict)
        self._reports: dict[Key, Report] = {}
        self._versions: dict[Kind, dict[str, tuple[str, str]]] = {kind: {} for kind in KINDS}
        """By uid: namespace and resource version."""

    def put(self, kind: Kind, body: Body) -> bool:
        """An object was made or has changed. An older version than the one that is known changes nothing.

        Returns whether anything is known now that was not before: most changes of a Deployment are in fields that
        nobody asks for.
        """
        metadata = body["metadata"]
        key, uid, version = key_of(kind, body), metadata["uid"], metadata["resourceVersion"]
        known = self._versions[kind].get(uid)
        if known is not None and _older(version, known[1]):
            return False
        self._versions[kind][uid] = metadata["namespace"], version
        if kind == "jobs":
            return _keep(self._jobs, key, job_view(body))
        if kind == "workloads":
            workload = workload_view(body)
            return _keep(self._workloads[key], workload.name, workload)
        pod = pod_view(body)
        return _keep(self._pods[key], pod.name, pod)

    def drop(self, kind: Kind, body: Body) -> Key:
        """An object is gone. Returns the job that it belonged to."""
        metadata, key = body["metadata"], key_of(kind, body)
        self._versions[kind].pop(metadata["uid"], None)
        if kind == "jobs":
            known = self._jobs.get(key)
            if known is not None and known.uid == metadata["uid"]:
                self._forget_job(key)
        else:
            views = self._workloads if kind == "workloads" else self._pods
            self._drop(views, key, metadata["name"], metadata["uid"])
        return key

    def report(self, key: Key, report: Report) -> bool:
        """What a coordinator has said. Returns whether it is anything new."""
        known = self._reports.get(key)
        self._reports[key] = report
        return not report.says_the_same_as(known)

    def reports(self) -> list[tuple[Key, Report]]:
        """The newest of each job that runs, or is about to."""
        running = (key for key, job in self._jobs.items() if job.status.get("phase") in UNDER_WAY)
        return [(key, self._reports[key]) for key in running if key in self._reports]

    def observe(self, key: Key) -> Observation:
        job = self._jobs.get(key)
        if job is None:
            return Observation(None)
        found = self._workloads.get(key, {}).values()
        workloads = tuple(workload for workload in found if job.uid in workload.owners)
        report = self._reports.get(key)
        return Observation(
            job,
            workloads,
            tuple(self._pods.get(key, {}).values()),
            report if report is not None and report.uid == job.uid else None,
            namesakes=len(workloads) < len(found),
        )

    def jobs(self) -> Iterable[JobView]:
        return self._jobs.values()

    def under_way(self) -> int:
        """How many jobs start or run."""
        return sum(job.status.get("phase") in UNDER_WAY for job in self._jobs.values())

    def versions(self, kind: Kind, namespace: str | None = None) -> dict[str, str]:
        """Resource version by uid of all objects of a kind as they are now: in a namespace, or in all."""
        known = self._versions[kind].items()
        return {uid: version for uid, (inside, version) in known if namespace in (None, inside)}

    def lost(self, kind: Kind, uids: Set[str]) -> set[Key]:
        """Forgets objects whose deletion no watch has told. Returns the jobs that they belonged to."""
        keys: set[Key] = set()
        if kind == "jobs":
            for key in [key for key, job in self._jobs.items() if job.uid in uids]:
                self._forget_job(key)
                keys.add(key)
        else:
            views = self._workloads if kind == "workloads" else self._pods
            for key, view in [(key, view) for key, named in views.items() for view in named.values()]:
                if view.uid in uids:
                    self._drop(views, key, view.name, view.uid)
                    keys.add(key)
        for uid in uids:
            self._versions[kind].pop(uid, None)
        return keys

    def _forget_job(self, key: Key) -> None:
        self._jobs.pop(key, None)
        self._reports.pop(key, None)

    @staticmethod
    def _drop(
        views: dict[Key, dict[str, WorkloadView]] | dict[Key, dict[str, PodView]], key: Key, name: str, uid: str
    ) -> None:
        """A Deployment of the same name may have been made meanwhile: that one stays."""
        named = views.get(key)
        if named is not None and name in named and named[name].uid == uid:
            del named[name]
            if not named:
                del views[key]


def key_of(kind: Kind, body: Body) -> Key:
    """The job that an object is, or belongs to."""
    metadata = body["metadata"]
    name = metadata["name"] if kind == "jobs" else (metadata.get("labels") or {}).get(JOB_LABEL, "")
    return metadata["namespace"], name


def _keep(views: dict[K, V], key: K, view: V) -> bool:
    changed = views.get(key) != view
    views[key] = view
    return changed


def _older(version: str, known: str) -> bool:
    """Resource versions are numbers that grow, in every Kubernetes so far; else nothing is known to be older."""
    return version.isdecimal() and known.isdecimal() and int(version) < int(known)
