"""One job at a time: observe, decide, apply. No job is worked on twice at once."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from flinktf.api import FlinkTFJob, ManifestError
from flinktf.api.load import read_object
from flinktf.api.status import Status, read_status
from flinktf_operator import claims, metrics
from flinktf_operator.children import ChildrenKeeper
from flinktf_operator.cluster import ApiError, Cluster
from flinktf_operator.conditions import merge
from flinktf_operator.decision import TERMINAL, Decision, decide
from flinktf_operator.desired import RenderError, Settings, run_fingerprint
from flinktf_operator.listeners import Listeners, Target
from flinktf_operator.look import Look
from flinktf_operator.merge_patch import merge_patch
from flinktf_operator.names import COORDINATOR_PORT, JOBMANAGER
from flinktf_operator.observed import JobView, Key
from flinktf_operator.store import Observation, Store
from flinktf_operator.transitions import Transition, event, transitions
from flinktf_operator.workqueue import WorkQueue

_LOG: Final = logging.getLogger(__name__)
_WORKERS: Final = 64
"""Jobs at a time. They mostly wait: the API server gives out the addresses of Services one after the other."""
_PATIENCE: Final = 5
"""Failures in a row after which the job's status says so."""
_FAILED: Final = "ReconcileFailed"
_PROGRESS_EVERY: Final = 2.0
"""Seconds between two writes that only tell of a job's progress: pods come in bursts."""
_PROGRESS_RATE: Final = 20.0
"""Such writes a second, of all jobs together: when very many start at once, each of them tells of fewer steps."""
_WAITING_EVERY: Final = 10.0
_LOOK_EVERY: Final = 600.0
"""Seconds after which a job is looked at although nothing was heard: what nobody watches may have been deleted."""
# Answers that come again however often one asks: the object is wrong, or not allowed.
_HOPELESS: Final = frozenset({400, 403, 413, 422})


@dataclass(frozen=True, slots=True)
class _Parsed:
    """The newest valid spec of a job, and what is wrong with the one of ``generation``, if it is another one."""

    generation: int
    job: FlinkTFJob | None
    fingerprint: str
    problem: str | None = None


class Reconciler:
    """Takes jobs from the queue until cancelled; ``reporter`` is this replica's name in Events."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        queue: WorkQueue[Key],
        listeners: Listeners,
        settings: Settings,
        reporter: str,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._queue = queue
        self._listeners = listeners
        self._children = ChildrenKeeper(cluster, store, settings)
        self._settings = settings
        self._reporter = reporter
        self._parsed: dict[str, _Parsed] = {}
        self._failing: dict[Key, int] = {}
        self._written: dict[Key, float] = {}
        self._leaving: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            began = time.perf_counter()
            result = "error"
            try:
                result = await self._attempt(key)
            finally:
                self._queue.done(key)
                metrics.RECONCILES.labels(result).inc()
                metrics.RECONCILE_SECONDS.observe(time.perf_counter() - began)

    async def _attempt(self, key: Key) -> str:
        """One look, and how it ended."""
        seen = self._store.observe(key)
        if seen.job is None or seen.job.deleting:
            self._forget(key, seen.job)
            return "gone"
        if seen.job.uid in self._leaving:
            return "terminating"
        if self._failing.get(key, seen.job.generation) != seen.job.generation:
            self._queue.forget(key)  # a changed spec starts afresh
        result = await self._guarded(key, seen, seen.job)
        if result == "ok":
            self._queue.forget(key)
            self._failing.pop(key, None)
        return result

    async def _guarded(self, key: Key, seen: Observation, job: JobView) -> str:
        """Whatever goes wrong with a job is its own, and not the operator's end."""
        try:
            await self._look(key, seen, job)
            return "ok"
        except ApiError as error:
            if error.code == 409:  # the job has changed since: its event is on its way
                self._queue.add_after(key, 0.2)
                return "conflict"
            if error.terminating:
                self._leaving.add(job.uid)
                return "terminating"
            if error.unavailable:  # which is no fault of the job
                self._again(key, str(error))
            else:
                await self._failed(key, job, str(error), error.code in _HOPELESS)
        except RenderError as error:
            await self._failed(key, job, str(error), True)
        except Exception as error:
            _LOG.exception("a job could not be looked at", extra={"job": "/".join(key)})
            await self._failed(key, job, f"{type(error).__name__}: {error}", False)
        return "error"

    async def _look(self, key: Key, seen: Observation, job: JobView) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        status, parsed = read_status(job.status), self._parse(job)
        if parsed.job is None:
            # Whatever runs goes on; what it was made from is not known any more.
            unread = status.model_copy(update={"phase": status.phase or "Pending"})
            await self._write(job, status, _invalid(unread, parsed, job, now), now)
            return
        look = Look(job, parsed.job.spec, status, parsed.fingerprint, seen, now)
        decision = decide(look)
        if parsed.problem is not None:
            decision = replace(decision, status=_invalid(decision.status, parsed, job, now))
        if decision.run is not None and decision.run != status.run:
            decision = await self._unless_missing(look, decision)
        first = _while_failing(status, decision.status, job.generation)
        written = await self._write(job, status, first, now, decision.notices)
        for workload in decision.stop:
            await self._cluster.delete("Deployment", job.namespace, workload.name, workload.uid)
        if decision.run is not None:
            await self._children.ensure(written, parsed.job, decision.run, seen)
        await self._listen(key, seen, written, decision)
        if first is not decision.status:  # what went wrong before has not gone wrong again
            written = await self._write(written, first, decision.status, now)
        if decision.delete_job:
            await self._cluster.delete("FlinkTFJob", job.namespace, job.name, job.uid)
        self._queue.add_after(
            key, min(_LOOK_EVERY if decision.look_again is None else decision.look_again, _LOOK_EVERY)
        )

    async def _unless_missing(self, look: Look, decision: Decision) -> Decision:
        """A run whose code is not there yet is not begun: its pods would hang without a word."""
        name = look.spec.code.config_map
        if name is None or await self._cluster.read("ConfigMap", look.job.namespace, name) is not None:
            return decision
        message = f"spec.code.configMap: there is no ConfigMap {name} in namespace {look.job.namespace}; create it"
        waiting = claims.pending("CodeMissing", message)
        status = look.status.model_copy(update={"phase": "Pending"})
        status = _with_claims(status, waiting, look.job.generation, look.now)
        return replace(decision, status=status, run=None, look_again=_WAITING_EVERY, notices=())

    async def _write(
        self, job: JobView, before: Status, after: Status, now: datetime, notices: tuple[Transition, ...] = ()
    ) -> JobView:
        """Patches the status if it is different, and tells the difference in Events. Returns the job as it is now."""
        patch = merge_patch(job.status, after.manifest())
        if not patch:
            return job
        notable = [*transitions(before, after), *notices]
        if not notable and _only_progress(before, after):
            since = time.monotonic() - self._written.get(job.key, 0.0)
            pause = max(_PROGRESS_EVERY, self._store.under_way() / _PROGRESS_RATE)
            if since < pause:
                self._queue.add_after(job.key, pause - since)
                return job
        body = await self._cluster.patch_status(job.namespace, job.name, job.resource_version, patch)
        self._written[job.key] = time.monotonic()
        self._store.put("jobs", body)
        for what in notable:
            _LOG.info("%s: %s", what.reason, what.note, extra={"job": "/".join(job.key), "phase": after.phase})
            try:
                await self._cluster.create(event(job, what, self._reporter, now))
            except ApiError as error:
                _LOG.warning("an Event could not be written: %s", error, extra={"job": "/".join(job.key)})
        return self._store.observe(job.key).job or job

    async def _listen(self, key: Key, seen: Observation, job: JobView, decision: Decision) -> None:
        """Follows the coordinator of the current run as soon as it serves, and until the run is over.

        Also while the run is being ended: its roles leave with a checkpoint, from which the next one begins.
        """
        last = decision.status.run
        run = last if last is not None and last.stopping is not None else decision.run
        pod = next(
            (
                pod
                for pod in seen.pods
                if run
                and pod.run == run.number
                and pod.pool == JOBMANAGER
                and pod.serving
                and pod.ip
                and not pod.deleting
            ),
            None,
        )
        if run is None or pod is None:
            if run is None or decision.status.phase in TERMINAL:
                self._listeners.follow(key, None)
            return
        host = f"[{pod.ip}]" if pod.ip and ":" in pod.ip else pod.ip
        token = await self._children.token(job)
        self._listeners.follow(key, Target(job.uid, run.number, f"http://{host}:{COORDINATOR_PORT}", token))

    async def _failed(self, key: Key, job: JobView, message: str, hopeless: bool) -> None:
        """Tries again later each time; tells of it when that has not helped for a while, or cannot help."""
        self._failing[key] = job.generation
        self._again(key, message)
        if not hopeless and self._queue.failures(key) < _PATIENCE:
            return
        job = self._store.observe(key).job or job
        status = read_status(job.status)
        told = f"{message}; tried again from time to time, and at once when the spec changes"
        now = datetime.now(UTC).replace(microsecond=0)
        after = _with_claims(status, claims.stalled(_FAILED, told), job.generation, now)
        try:
            await self._write(job, status, after, now)
        except ApiError as error:
            _LOG.warning("the status could not be written: %s", error, extra={"job": "/".join(key)})

    def _again(self, key: Key, message: str) -> None:
        pause = self._queue.retry(key)
        _LOG.warning("to be tried again in %.1f s: %s", pause, message, extra={"job": "/".join(key)})

    def _parse(self, job: JobView) -> _Parsed:
        known = self._parsed.get(job.uid)
        if known is None or known.generation != job.generation:
            known = self._parsed[job.uid] = self._read(job)
        return known

    def _read(self, job: JobView) -> _Parsed:
        """An invalid change does not stop the last good job, as long as this replica remembers it."""
        try:
            read = read_object({"name": job.name, "namespace": job.namespace}, job.spec)
        except ManifestError as error:
            problem = "; ".join(f"{p.path}: {p.message}: {p.remedy}" for p in error.problems)
            known = self._parsed.get(job.uid, _Parsed(0, None, ""))
            return replace(known, generation=job.generation, problem=problem)
        return _Parsed(job.generation, read, run_fingerprint(read))

    def _forget(self, key: Key, job: JobView | None) -> None:
        self._listeners.follow(key, None)
        self._queue.forget(key)
        self._failing.pop(key, None)
        self._written.pop(key, None)
        if job is None:
            alive = {one.uid for one in self._store.jobs()}
            self._parsed = {uid: parsed for uid, parsed in self._parsed.items() if uid in alive}
            self._leaving &= alive
            self._children.forget(alive)


def _invalid(status: Status, parsed: _Parsed, job: JobView, now: datetime) -> Status:
    """What is known of the job otherwise stays, but it is not as it should be."""
    found = claims.stalled("InvalidSpec", parsed.problem or "")
    others = claims.kept(status.conditions, without={"Ready", "Reconciling", "Stalled"})
    return _with_claims(status, (*found, *others), job.generation, now)


def _while_failing(before: Status, after: Status, generation: int) -> Status:
    """``after``, but what was told of a failure of this same spec stays, until a look has gone through.

    Told anew in each attempt, it would be a change of the job, which is a reason to look at it at once, and so on.
    """
    failing = any(c.reason == _FAILED and c.observed_generation == generation for c in before.conditions)
    return after.model_copy(update={"conditions": before.conditions}) if failing else after


def _with_claims(status: Status, found: claims.Claims, generation: int, now: datetime) -> Status:
    conditions = merge(status.conditions, found, generation, now)
    return status.model_copy(update={"observed_generation": generation, "conditions": conditions})


def _only_progress(before: Status, after: Status) -> bool:
    """Whether nothing has changed that anyone would wait for."""

    def essence(status: Status) -> object:
        told = tuple((c.type, c.status, c.observed_generation) for c in status.conditions)
        return status.observed_generation, status.phase, status.run, told

    return essence(before) == essence(after)
