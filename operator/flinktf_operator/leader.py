"""Which of the operator's replicas acts: the one that holds the Lease.

Not the client library's own election: a request of it may take five minutes, in which the lease is long another's, and
it does not give the lease back when it ends.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from flinktf_operator.cluster import ApiError, Cluster

_LOG: Final = logging.getLogger(__name__)
_DURATION: Final = 15.0
"""Seconds after which a lease that nobody has renewed may be taken."""
_DEADLINE: Final = 10.0
"""Seconds without a renewal after which the holder stops acting; before anyone may take the lease."""
_RETRY: Final = 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The holder and renewal that were seen last, and when, by this process's own clock: those of nodes differ."""

    holder: str
    renewed: str
    at: float


def observe(before: Seen | None, spec: Mapping[str, Any], now: float) -> Seen:
    holder, renewed = spec.get("holderIdentity") or "", spec.get("renewTime") or ""
    if before is not None and (before.holder, before.renewed) == (holder, renewed):
        return before
    return Seen(holder, renewed, now)


def may_take(seen: Seen, identity: str, now: float) -> bool:
    """Nobody's, ours, or not renewed for as long as it lasts."""
    return seen.holder in ("", identity) or now - seen.at >= _DURATION


class Lease:
    """The Lease ``name`` in ``namespace``, for the replica ``identity``."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, identity: str) -> None:
        self._cluster = cluster
        self._namespace, self._name, self._identity = namespace, name, identity
        self._seen: Seen | None = None

    async def acquire(self) -> None:
        """Waits until the lease is ours: as long as another replica holds it."""
        while not await self._try():  # noqa: ASYNC110
            await asyncio.sleep(_RETRY)
        _LOG.info("this replica leads", extra={"identity": self._identity})

    async def hold(self) -> None:
        """Returns when the lease could not be renewed in time: from then on another replica may lead."""
        renewed = time.monotonic()
        while time.monotonic() - renewed < _DEADLINE:
            await asyncio.sleep(_RETRY)
            try:
                async with asyncio.timeout(_DEADLINE - (time.monotonic() - renewed)):
                    if await self._try():
                        renewed = time.monotonic()
            except TimeoutError:
                break
        _LOG.error("the lease was not renewed within %g s: this replica stops", _DEADLINE)

    async def release(self) -> None:
        """Gives it back, so that the next replica need not wait."""
        try:
            lease = await self._cluster.read("Lease", self._namespace, self._name)
            if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
                await self._cluster.replace(lease | {"spec": lease["spec"] | {"holderIdentity": ""}})
        except ApiError as error:
            _LOG.warning("the lease could not be given back: %s", error)

    async def _try(self) -> bool:
        try:
            lease = await self._cluster.read("Lease", self._namespace, self._name)
            if lease is None:
                await self._cluster.create(self._manifest(self._spec(0)))
                return True
            now = time.monotonic()
            self._seen = observe(self._seen, lease["spec"], now)
            if not may_take(self._seen, self._identity, now):
                return False
            transitions = lease["spec"].get("leaseTransitions", 0)
            ours = self._seen.holder == self._identity
            spec = self._spec(transitions if ours else transitions + 1)
            if ours:
                spec["acquireTime"] = lease["spec"].get("acquireTime") or spec["acquireTime"]
            # With the version that was read: of two replicas that try at once, one fails.
            await self._cluster.replace(lease | {"spec": spec})
        except ApiError as error:
            if error.code != 409:
                _LOG.warning("the lease could not be renewed: %s", error)
            return False
        return True

    def _manifest(self, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": self._name, "namespace": self._namespace}
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}

    def _spec(self, transitions: int) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(_DURATION),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }
