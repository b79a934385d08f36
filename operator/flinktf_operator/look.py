"""What a decision about a job rests on. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flinktf.api.job import Spec
from flinktf.api.status import Status
from flinktf.flink.pools import PIPELINE
from flinktf_operator.names import JOBMANAGER
from flinktf_operator.observed import JobView, PodView, WorkloadView
from flinktf_operator.report import Report
from flinktf_operator.store import UNDER_WAY, Observation

FLINKS: Final = (JOBMANAGER, PIPELINE)
"""Pools that are no roles'."""


@dataclass(frozen=True, slots=True)
class Look:
    """All that a decision rests on. ``fingerprint`` is of the spec's fields that a run cannot change under way."""

    job: JobView
    spec: Spec
    status: Status
    fingerprint: str
    seen: Observation
    now: datetime

    @property
    def report(self) -> Report | None:
        """What the coordinator of the current run says."""
        found, run = self.seen.report, self.status.run
        return found if found is not None and run is not None and found.run == run.number else None

    @property
    def pods(self) -> tuple[PodView, ...]:
        """The pods of the current run that are to stay."""
        return tuple(pod for pod in self._of_the_run if not pod.over)

    @property
    def troubled(self) -> tuple[PodView, ...]:
        """Pods of the current run that something is wrong with; one that is over, until another is in its place."""
        ready = Counter(pod.pool for pod in self.pods if pod.ready)
        return tuple(
            pod for pod in self._of_the_run if pod.problem is not None and ready[pod.pool] < self._replicas(pod.pool)
        )

    @property
    def _of_the_run(self) -> tuple[PodView, ...]:
        run = self.status.run
        return tuple(pod for pod in self.seen.pods if run is not None and pod.run == run.number)

    def _replicas(self, pool: str) -> int:
        """How many pods there should be."""
        roles = {role.name: role.replicas for role in self.spec.roles}
        return ({JOBMANAGER: 1, PIPELINE: self.spec.flink.pipeline.replicas} | roles).get(pool, 0)


def is_settled(job: JobView, workloads: tuple[WorkloadView, ...]) -> bool:
    """Whether nothing seems to be left to do for a job: a guess from what is read cheaply, for an order only."""
    status = job.status
    run = status.get("run") or {}
    if status.get("observedGeneration") != job.generation or run.get("stopping"):
        return False
    if status.get("phase") not in UNDER_WAY:
        return True
    there = sum(workload.run == run.get("number") and not workload.deleting for workload in workloads)
    return there == len(status.get("roles") or ()) + len(FLINKS)
