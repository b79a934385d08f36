"""What a decision about a job rests on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flinktf.api.job import Spec
from flinktf.api.status import Status
from flinktf_operator.observed import JobView, PodView
from flinktf_operator.report import Report
from flinktf_operator.store import Observation


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
        run = self.status.run
        return tuple(pod for pod in self.seen.pods if run is not None and pod.run == run.number and not pod.deleting)
