"""One replica of the operator: waits for the lease, then watches and reconciles until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final, get_args

import kopf
from prometheus_client import REGISTRY

from flinktf.api.status import Phase
from flinktf_operator import metrics
from flinktf_operator.cluster import ApiError, Cluster
from flinktf_operator.handlers import registry, settings
from flinktf_operator.http import serve_health, serve_metrics
from flinktf_operator.job_metrics import JobMetrics
from flinktf_operator.leader import Lease
from flinktf_operator.listeners import Listeners
from flinktf_operator.look import is_settled
from flinktf_operator.observed import Body, Key
from flinktf_operator.options import Options
from flinktf_operator.reconciler import Reconciler
from flinktf_operator.resync import Resync
from flinktf_operator.store import Kind, Store
from flinktf_operator.watch import Watch
from flinktf_operator.workqueue import WorkQueue

_LOG: Final = logging.getLogger(__name__)
_STUCK: Final = 180.0
"""Seconds of one look, or without a word of a watch, after which this replica is not alive: a request has a timeout of
15 s, and a watch one of 90 s."""
_LEASE: Final = "flinktf-operator"
_PAUSE: Final = 2.0
_BURST: Final = 0.5
"""Seconds in which changes of a job's pods are gathered: they come together, and three for each pod."""


class Replica:
    """``run`` returns when it is over: by a signal, or because another replica may lead."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._namespaces = options.namespaces or (None,)
        self._store = Store()
        self._queue: WorkQueue[Key] = WorkQueue()
        self._stop = asyncio.Event()
        self._resync: Resync | None = None
        self._watches: list[Watch] = []
        self._connected = False

    async def run(self) -> None:
        servers = [
            await serve_health(self._options.health_port, self.dead, self.unready),
            await serve_metrics(self._options.metrics_port, self._count),
        ]
        REGISTRY.register(JobMetrics(self._store))
        try:
            async with await Cluster.connect() as cluster:
                await self._until_stopped(self._work(cluster))
        finally:
            for server in servers:
                await server.cleanup()

    def dead(self) -> str | None:
        """Why this replica should be replaced; None while it should not."""
        if self._queue.longest > _STUCK:
            return f"one job has been worked on for {self._queue.longest:.0f} s"
        dead = [watch.kind for watch in self._watches if watch.still > _STUCK]
        if self._resync is not None and self._resync.dead:
            dead.append("jobs")
        if dead:
            return f"the watch of {', '.join(dead)} is dead"
        return None

    def unready(self) -> str | None:
        """Why it can neither act nor stand by."""
        return None if self._connected else "the API server has not yet shown the FlinkTFJobs"

    async def _until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        self._take_signals()
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (working, stopping):
            task.cancel()
        results = await asyncio.gather(working, stopping, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]

    def _take_signals(self) -> None:
        """kopf takes them when it starts; it would end at once, and not wait for a job that is being worked on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)

    async def _work(self, cluster: Cluster) -> None:
        await self._jobs(cluster)
        if not self._options.leader_elect:
            await self._act(cluster)
            return
        lease = Lease(cluster, self._options.namespace, _LEASE, self._options.identity)
        await lease.acquire()
        acting, holding = asyncio.create_task(self._act(cluster)), asyncio.create_task(lease.hold())
        try:
            await asyncio.wait({acting, holding}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            holding.cancel()
            acting.cancel()
            results = await asyncio.gather(acting, holding, return_exceptions=True)
            await lease.release()
        if isinstance(results[0], Exception):
            raise results[0]

    async def _jobs(self, cluster: Cluster, whole: bool = False) -> list[Body]:
        """All jobs. Waits for the API server and the CRD: kopf would never see a kind that comes after its start."""
        while True:
            try:
                listed = [await cluster.list("FlinkTFJob", namespace, whole) for namespace in self._namespaces]
                self._connected = True
                return [body for found in listed for body in found.objects]
            except ApiError as error:
                _LOG.warning("no FlinkTFJobs can be listed; is the CRD installed? %s", error)
                await asyncio.sleep(_PAUSE)

    async def _act(self, cluster: Cluster) -> None:
        """Until cancelled."""
        options = self._options
        metrics.LEADER.set(1)
        self._resync = Resync(cluster, self._store, self._namespaces, self._queue.add)
        looks: dict[Kind, Callable[[Key], None]] = {"workloads": self._queue.add, "pods": self._look_soon}
        self._watches = [
            Watch(cluster, self._store, kind, namespace, look_at)
            for kind, look_at in looks.items()
            for namespace in self._namespaces
        ]
        started = asyncio.Event()
        async with Listeners(self._store, self._queue.add) as listeners, asyncio.TaskGroup() as group:
            reconciler = Reconciler(cluster, self._store, self._queue, listeners, options.jobs, options.identity)
            for watch in self._watches:
                group.create_task(watch.run())
            for body in await self._jobs(cluster, whole=True):
                self._store.put("jobs", body)
            for watch in self._watches:  # no job is looked at while the store is half full
                await watch.listed.wait()
            # Who waits for something comes first; most have all that they want.
            for job in sorted(self._store.jobs(), key=lambda it: is_settled(it, self._store.observe(it.key).workloads)):
                self._queue.add(job.key)
            group.create_task(reconciler.run())
            group.create_task(self._resync.run())
            group.create_task(
                kopf.operator(
                    registry=registry(self._store, self._queue.add, self._look_soon),
                    settings=settings(),
                    clusterwide=not options.namespaces,
                    namespaces=options.namespaces,
                    ready_flag=started,
                )
            )
            await started.wait()
            self._take_signals()

    def _look_soon(self, key: Key) -> None:
        self._queue.add_after(key, _BURST)

    def _count(self) -> None:
        """Gauges that are only known by counting."""
        metrics.QUEUE_DEPTH.set(self._queue.depth)
        phases = Counter(str(job.status.get("phase", "Pending")) for job in self._store.jobs())
        for phase in get_args(Phase):
            metrics.JOBS.labels(phase).set(phases[phase])
