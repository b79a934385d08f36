"""Follows the children of jobs: one list, and from there on each change, over as many streams as it takes.

Not by kopf, which would keep all of each object, and schedule handlers for each change: a job has thirty of them.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from flinktf_operator import metrics
from flinktf_operator.cluster import ApiError, Cluster
from flinktf_operator.observed import Key
from flinktf_operator.store import Kind, Store, key_of

_LOG: Final = logging.getLogger(__name__)
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0
"""Seconds: no more, so that an API server that is back is heard soon."""
_GONE: Final = 410
_NAMES: Final[Mapping[Kind, str]] = {"workloads": "Deployment", "pods": "Pod"}
_WHOLE: Final = frozenset[Kind]({"pods"})
"""Of the others the metadata is all that is looked at."""


class Watch:
    """What there is of a kind in a namespace (None: in all) goes into the store, and names the job to look at."""

    def __init__(
        self, cluster: Cluster, store: Store, kind: Kind, namespace: str | None, look_at: Callable[[Key], None]
    ) -> None:
        self._cluster = cluster
        self._store = store
        self.kind = kind
        self._namespace = namespace
        self._look_at = look_at
        self._moved = time.monotonic()
        self.listed = asyncio.Event()
        """Set when the store has all that there was at the start."""

    @property
    def still(self) -> float:
        """Seconds since it has done anything, even if only in vain."""
        return time.monotonic() - self._moved

    async def run(self) -> None:
        """Until cancelled."""
        version: str | None = None
        pause = _FIRST_PAUSE
        while True:
            self._moved = time.monotonic()
            try:
                if version is None:
                    version = await self._list()
                async for events in self._cluster.watch(self._kind_name, self._namespace, version, self._whole):
                    self._moved, pause = time.monotonic(), _FIRST_PAUSE
                    for event in events:
                        version = self._take(event["type"], event["object"])
            except ApiError as error:
                if error.code == _GONE:
                    version = None
                _LOG.log(logging.INFO if error.code == _GONE else logging.WARNING, "%s", error)
                pause = min(2 * pause, _LONGEST_PAUSE)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))

    @property
    def _kind_name(self) -> str:
        return _NAMES[self.kind]

    @property
    def _whole(self) -> bool:
        return self.kind in _WHOLE

    async def _list(self) -> str:
        """Also finds what was deleted while nobody listened. Returns the version to go on from."""
        before = self._store.versions(self.kind, self._namespace)
        found = await self._cluster.list(self._kind_name, self._namespace, self._whole)
        for body in found.objects:
            # At the start all jobs are looked at, and not in this order.
            if self._store.put(self.kind, body) and self.listed.is_set():
                self._look_at(key_of(self.kind, body))
        gone = before.keys() - {body["metadata"]["uid"] for body in found.objects}
        for key in self._store.lost(self.kind, gone):
            self._look_at(key)
        self.listed.set()
        return found.version

    def _take(self, what: str, body: Mapping[str, Any]) -> str:
        """Returns the version to go on from."""
        if what != "BOOKMARK":
            metrics.WATCH_EVENTS.labels(self.kind).inc()
            if what == "DELETED":
                self._look_at(self._store.drop(self.kind, body))
            elif self._store.put(self.kind, body):
                self._look_at(key_of(self.kind, body))
        version: str = body["metadata"]["resourceVersion"]
        return version
