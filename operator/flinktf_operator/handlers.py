"""The watch of jobs, by kopf: what it says goes into the store, and names the job to look at.

Only ``on.event``: kopf's own create/update/delete handlers would write annotations and finalizers to tell what is new.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import kopf

from flinktf_operator import metrics
from flinktf_operator.names import GROUP, PLURAL, VERSION
from flinktf_operator.observed import Key
from flinktf_operator.store import Store, key_of

_RETRIES: Final = 100_000
"""A week, five seconds each."""


def registry(store: Store, look_at: Callable[[Key], None], look_soon: Callable[[Key], None]) -> kopf.OperatorRegistry:
    """The handler of jobs, and kopf's way to log in."""
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(_login)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers)
    async def tell(event: kopf.RawEvent, **_: Any) -> None:
        metrics.WATCH_EVENTS.labels("jobs").inc()
        body: Any = event["object"]
        if event["type"] == "DELETED":
            look_at(store.drop("jobs", body))
        else:
            # What the operator has written itself is no news, but may be a reason for the next step.
            tell_of = look_at if store.put("jobs", body) else look_soon
            tell_of(key_of("jobs", body))

    return handlers


def settings() -> kopf.OperatorSettings:
    """No writes of kopf's own, nothing watched that is not ours, dead streams noticed (``inactivity_timeout``)."""
    ours = kopf.OperatorSettings()
    ours.posting.enabled = False
    ours.scanning.disabled = True
    ours.peering.standalone = True
    ours.process.ultimate_exiting_timeout = 30
    ours.persistence.diffbase_storage = _NoDiff()
    ours.persistence.progress_storage = _NoProgress()
    ours.queueing.idle_timeout = 1.0
    # As long as the API server is away, and soon after it is back; kopf itself gives up after a minute.
    ours.networking.error_backoffs = (1, 2, 3, *[5] * _RETRIES)
    ours.watching.server_timeout = 300
    ours.watching.client_timeout = 330
    ours.watching.connect_timeout = 10
    ours.watching.chunk_size = 500
    return ours


def _login(**arguments: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)


class _NoDiff(kopf.DiffBaseStorage):
    """kopf would copy each object, twice, to compare it with what it has handled last: nobody asks it to."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    """Nor is there anything that kopf handles over several events."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence
