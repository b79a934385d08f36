"""Compares now and then what kopf has told of jobs with what there is: a watch that has died quietly is found here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final

from flinktf_operator import metrics
from flinktf_operator.cluster import ApiError, Cluster
from flinktf_operator.observed import Key
from flinktf_operator.store import Store

_LOG: Final = logging.getLogger(__name__)
_EVERY: Final = 60.0
_AGAIN: Final = 20.0
"""Seconds after which a round looks again at what the one before has suspected: long, beside what a watch is late."""


class Resync:
    """What differs in two rounds in a row was missed, not just on its way.

    Jobs that are gone are forgotten: kopf does not tell of a deletion that happened while its watch was down. Anything
    else that was missed means that the watch is :attr:`dead`, and liveness fails.
    """

    def __init__(
        self, cluster: Cluster, store: Store, namespaces: Collection[str | None], look_at: Callable[[Key], None]
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._namespaces = namespaces
        self._look_at = look_at
        self._suspects: set[tuple[str, str]] = set()
        self.dead = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_AGAIN if self._suspects else _EVERY)
            try:
                await self.compare()
            except ApiError as error:
                _LOG.warning("jobs could not be compared: %s", error)

    async def compare(self) -> None:
        before = self._store.versions("jobs")
        listed: dict[str, str] = {}
        for namespace in self._namespaces:
            found = await self._cluster.list("FlinkTFJob", namespace)
            listed |= {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in found.objects}
        suspects = {(uid, "gone") for uid in before.keys() - listed.keys()}
        # The watch stands still at an old version: the same one as in the round before, if it is dead.
        known = self._store.versions("jobs")
        suspects |= {
            (uid, known.get(uid, "")) for uid, version in listed.items() if known.get(uid) == before.get(uid) != version
        }
        missed = suspects & self._suspects
        self._suspects = suspects - missed
        gone = {uid for uid, what in missed if what == "gone"}
        metrics.MISSED_EVENTS.labels("jobs").inc(len(missed))
        if gone:
            _LOG.warning("%d jobs are gone, and no watch has told", len(gone))
            for key in self._store.lost("jobs", gone):
                self._look_at(key)
        if len(missed) > len(gone):
            _LOG.error("the watch of jobs is dead: %d changes never came", len(missed) - len(gone))
            self.dead = True
