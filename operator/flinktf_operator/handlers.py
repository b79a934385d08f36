"""The watches, by kopf: what they say goes into the store, and names a job to look at.

Only ``on.event``: kopf's own create/update/delete handlers would write annotations and finalizers to tell what is new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import kopf

from flinktf_operator import metrics
from flinktf_operator.names import FIELD_MANAGER, GROUP, MANAGED_BY, PLURAL, VERSION
from flinktf_operator.observed import Key
from flinktf_operator.store import Kind, Store, key_of

_SELECTOR: Final = f"{MANAGED_BY}={FIELD_MANAGER}"
_RETRIES: Final = 100_000
"""A week, five seconds each."""
_RESOURCES: Final[dict[Kind, tuple[str, str] | tuple[str, str, str]]] = {
    "jobs": (GROUP, VERSION, PLURAL),
    "workloads": ("apps", "v1", "deployments"),
    "pods": ("v1", "pods"),
}


def registry(store: Store, look_at: Callable[[Key], None], look_soon: Callable[[Key], None]) -> kopf.OperatorRegistry:
    """Handlers for jobs, Deployments and pods, and kopf's way to log in.

    An index handler puts what there is into the store. kopf calls no other handler before every kind's first list has
    gone through the indices: no job is looked at while the store is half full. From then on there is no need of it.
    """
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(_login)
    listed = asyncio.Event()
    for kind, resource in _RESOURCES.items():
        tell = look_soon if kind == "pods" else look_at
        keep_id, tell_id = f"store-{kind}", f"look-{kind}"
        kopf.index(*resource, registry=handlers, id=keep_id, when=_while_not(listed))(_keeper(kind, store))
        kopf.on.event(*resource, registry=handlers, id=tell_id)(_teller(kind, store, tell, listed))
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
    ours.watching.label_selectors[_RESOURCES["workloads"]] = _SELECTOR
    ours.watching.label_selectors[_RESOURCES["pods"]] = _SELECTOR
    return ours


def _login(**arguments: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)


def _keeper(kind: Kind, store: Store) -> Callable[..., Awaitable[None]]:
    async def keep(body: kopf.Body, **_: Any) -> None:
        store.put(kind, body)

    return keep


def _while_not(listed: asyncio.Event) -> Callable[..., bool]:
    def check(**_: Any) -> bool:
        return not listed.is_set()

    return check


def _teller(
    kind: Kind, store: Store, look_at: Callable[[Key], None], listed: asyncio.Event
) -> Callable[..., Awaitable[None]]:
    async def tell(event: kopf.RawEvent, **_: Any) -> None:
        listed.set()
        metrics.WATCH_EVENTS.labels(kind).inc()
        body: Any = event["object"]
        if event["type"] == "DELETED":
            look_at(store.drop(kind, body))
        # What is listed was put into the store before; and a job is looked at for each of its own changes.
        elif store.put(kind, body) or kind == "jobs" or event["type"] is None:
            look_at(key_of(kind, body))

    return tell


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
