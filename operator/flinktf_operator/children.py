"""Keeps the objects of a job's current run as they should be."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Coroutine, Iterable
from typing import Any, Final

from flinktf.api import FlinkTFJob
from flinktf.api.status import RunStatus
from flinktf.flink.pools import pools
from flinktf_operator.cluster import ApiError, Cluster, Manifest
from flinktf_operator.decision import job_id
from flinktf_operator.desired import Children, Owner, Run, Settings, children
from flinktf_operator.desired.availability import config_maps
from flinktf_operator.desired.fields import in_the_manifest
from flinktf_operator.names import APPLIED, JOBMANAGER, POOL_LABEL, token_name
from flinktf_operator.observed import JobView, WorkloadView, workload_view
from flinktf_operator.store import Observation, Store

_VERIFY_EVERY: Final = 600.0
"""Seconds after which the objects that nobody watches (ConfigMap, Service, NetworkPolicy) are looked at again."""


class ChildrenKeeper:
    """Makes what is missing, and puts back what others have changed.

    A Deployment of the current run is left alone, whatever it looks like, unless someone else has changed it: a newer
    operator would write it a little differently, and that must not restart a running job.
    """

    def __init__(self, cluster: Cluster, store: Store, settings: Settings) -> None:
        self._cluster = cluster
        self._store = store
        self._settings = settings
        self._tokens: dict[str, str] = {}
        self._ours: dict[str, str] = {}
        self._verified: dict[str, float] = {}

    async def ensure(self, job: JobView, manifest: FlinkTFJob, run: RunStatus, seen: Observation) -> None:
        """Configuration first: a Deployment of this run means that the rest was there."""
        there = {w.pool: w for w in seen.workloads if w.run == run.number and not w.deleting}
        wanted = (JOBMANAGER, *(pool.name for pool in pools(manifest)))
        missing = {pool for pool in wanted if self._is_to_be_applied(there.get(pool))}
        now = time.monotonic()
        if not missing and now - self._verified.setdefault(job.uid, now) < _VERIFY_EVERY:
            return
        owner = Owner(job.name, job.namespace, job.uid)
        made = children(manifest, owner, Run(run.number, run.job_id, run.restore), self._settings)
        await self._configuration(job, run, made, all_of_it=bool(missing))
        self._verified[job.uid] = now
        lacking = [w for w in made.workloads if w["metadata"]["labels"][POOL_LABEL] in missing]
        await _together(self._workload(workload, manifest) for workload in lacking)

    async def token(self, job: JobView) -> str:
        """The bearer token of the job's coordinator, from its Secret."""
        token = self._tokens.get(job.uid)
        if token is None:
            secret = await self._cluster.read("Secret", job.namespace, token_name(job.name))
            if secret is None:
                raise ApiError(
                    404, f"Secret {token_name(job.name)}", "is gone; suspend and resume the job to get a new one"
                )
            token = self._tokens[job.uid] = base64.b64decode(secret["data"]["token"]).decode()
        return token

    def forget(self, alive: set[str]) -> None:
        """Keeps nothing of jobs but those with these uids."""
        self._tokens = {uid: token for uid, token in self._tokens.items() if uid in alive}
        self._verified = {uid: at for uid, at in self._verified.items() if uid in alive}
        workloads = self._store.versions("workloads")
        self._ours = {uid: ours for uid, ours in self._ours.items() if uid in workloads}

    async def _workload(self, workload: Manifest, manifest: FlinkTFJob) -> None:
        try:
            body = await self._cluster.apply(workload)
        except ApiError as error:
            message = in_the_manifest(error.message, workload, manifest)
            raise ApiError(error.code, f"Deployment {workload['metadata']['name']}", message) from None
        self._store.put("workloads", body)
        view = workload_view(body)
        self._ours[view.uid] = view.ours

    def _is_to_be_applied(self, workload: WorkloadView | None) -> bool:
        """Whether it is not there, or someone else has taken one of our fields since we saw it first."""
        return workload is None or self._ours.setdefault(workload.uid, workload.ours) != workload.ours

    async def _configuration(self, job: JobView, run: RunStatus, made: Children, all_of_it: bool) -> None:
        lacking = [c for c in (*made.leader, *made.config) if all_of_it or not await self._is_there(c)]
        acts: list[Coroutine[Any, Any, object]] = []
        if all_of_it:
            await self._forget_the_run_before(job, run)
            acts.append(self._token_once(made.secret, job))
        acts += (self._make_once(child, job) for child in lacking if child in made.leader)
        # A RoleBinding is refused as long as its Role is not there.
        last = [child for child in lacking if child["kind"] == "RoleBinding"]
        acts += (self._cluster.apply(child) for child in lacking if child not in made.leader and child not in last)
        await _together(acts)
        await _together(map(self._cluster.apply, last))

    async def _token_once(self, secret: Manifest, job: JobView) -> None:
        token = secrets.token_urlsafe(32)
        if await self._make_once({**secret, "stringData": {"token": token}}, job):
            self._tokens[job.uid] = token

    async def _forget_the_run_before(self, job: JobView, run: RunStatus) -> None:
        """What Flink has kept of it in Kubernetes."""
        if run.number > 1:
            for name in config_maps(job.name, run.number - 1, job_id(job.uid, run.number - 1)):
                await self._cluster.delete("ConfigMap", job.namespace, name)

    async def _is_there(self, child: Manifest) -> bool:
        metadata = child["metadata"]
        found = await self._cluster.read(child["kind"], metadata["namespace"], metadata["name"])
        return found is not None and APPLIED in (found["metadata"].get("annotations") or {})

    async def _make_once(self, manifest: Manifest, job: JobView) -> bool:
        """Whether it was not there: others write into it, or know what is in it. Raises :class:`ApiError`."""
        try:
            await self._cluster.create(manifest)
        except ApiError as error:
            if error.code != 409 or not await self._is_ours(manifest, job):
                raise
            return False
        return True

    async def _is_ours(self, manifest: Manifest, job: JobView) -> bool:
        """Not one of a deleted job of the same name, which goes soon."""
        found = await self._cluster.read(manifest["kind"], job.namespace, manifest["metadata"]["name"])
        owners = found["metadata"].get("ownerReferences") or () if found is not None else ()
        return any(owner["uid"] == job.uid for owner in owners)


async def _together(acts: Iterable[Coroutine[Any, Any, object]]) -> None:
    """At once, and each to its end; raises what the first of them has raised."""
    for result in await asyncio.gather(*acts, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
