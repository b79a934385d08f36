"""Compares now and then what the watches have told with what there is: a watch that has died quietly is found here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final

from flinktf_operator import metrics
from flinktf_operator.cluster import ApiError, Cluster
from flinktf_operator.observed import Key
from flinktf_operator.store import KINDS, Kind, Store

_LOG: Final = logging.getLogger(__name__)
_EVERY: Final = 60.0
_AGAIN: Final = 20.0
"""Seconds after which a round looks again at what the one before has suspected: long, beside what a watch is late."""
_NAMES: Final[dict[Kind, str]] = {"jobs": "FlinkTFJob", "workloads": "Deployment", "pods": "Pod"}


class Resync:
    """What differs in two rounds in a row was missed, not just on its way.

    Objects that are gone are forgotten: kopf does not tell of a deletion that happened while a watch was down. Anything
    else that was missed means that the watch is dead: :attr:`dead` names its kind, and liveness fails.
    """

    def __init__(
        self, cluster: Cluster, store: Store, namespaces: Collection[str], look_at: Callable[[Key], None]
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._namespaces: tuple[str | None, ...] = tuple(namespaces) or (None,)
        self._look_at = look_at
        self._suspects: dict[Kind, set[tuple[str, str]]] = {kind: set() for kind in KINDS}
        self.dead: set[Kind] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_AGAIN if any(self._suspects.values()) else _EVERY)
            for kind in KINDS:
                try:
                    await self.compare(kind)
                except ApiError as error:
                    _LOG.warning("no comparison of %s: %s", kind, error)

    async def compare(self, kind: Kind) -> None:
        before = dict(self._store.versions(kind))
        listed: dict[str, str] = {}
        for namespace in self._namespaces:
            metadata = await self._cluster.list_metadata(_NAMES[kind], namespace)
            listed |= {one["uid"]: one["resourceVersion"] for one in metadata}
        suspects = {(uid, "gone") for uid in before.keys() - listed.keys()}
        # The watch stands still at an old version: the same one as in the round before, if it is dead.
        known = self._store.versions(kind)
        suspects |= {
            (uid, known.get(uid, "")) for uid, version in listed.items() if known.get(uid) == before.get(uid) != version
        }
        missed = suspects & self._suspects[kind]
        self._suspects[kind] = suspects - missed
        gone = {uid for uid, what in missed if what == "gone"}
        if gone:
            metrics.MISSED_EVENTS.labels(kind).inc(len(gone))
            _LOG.warning("%d %s are gone, and no watch has told", len(gone), kind)
            for key in self._store.lost(kind, gone):
                self._look_at(key)
        if len(missed) > len(gone):
            metrics.MISSED_EVENTS.labels(kind).inc(len(missed) - len(gone))
            _LOG.error("the watch of %s is dead: %d changes never came", kind, len(missed) - len(gone))
            self.dead.add(kind)
