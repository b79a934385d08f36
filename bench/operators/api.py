"""The API server as the benchmark sees it: makes jobs, and notes when each of their objects appears and goes."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

NAMESPACE: Final = "bench"
_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_PATHS: Final = {
    "pods": "/api/v1",
    "services": "/api/v1",
    "configmaps": "/api/v1",
    "secrets": "/api/v1",
    "deployments": "/apis/apps/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
    "flinktfjobs": "/apis/flinktf.dev/v1alpha1",
    "tfjobs": "/apis/kubeflow.org/v1",
}
_AT_ONCE: Final = 32
_ATTEMPTS: Final = 100


@dataclass
class Sightings:
    """When, on the monotonic clock, the objects of each job were first seen, and when they were seen to go."""

    appeared: dict[str, dict[tuple[str, str], float]] = field(default_factory=lambda: defaultdict(dict))
    """By job; then by kind and name."""
    gone: dict[tuple[str, str], float] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, check: Callable[[], bool], seconds: float) -> None:
        """Waits for what the watches tell. Raises :class:`TimeoutError`."""
        async with asyncio.timeout(seconds):
            while not check():
                self.changed.clear()
                await self.changed.wait()

    def complete(self, job: str, wanted: Mapping[str, int]) -> float | None:
        """When the last of so many objects of each kind appeared; None while one is missing."""
        seen = self.appeared.get(job, {})
        moments = [sorted(at for (kind, _), at in seen.items() if kind == one) for one in wanted]
        if any(len(found) < number for found, number in zip(moments, wanted.values(), strict=True)):
            return None
        return max(found[number - 1] for found, number in zip(moments, wanted.values(), strict=True))


class Api:
    """An asynchronous context manager. All in one namespace."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        self._server = config["clusters"][0]["cluster"]["server"]
        self._token = config["users"][0]["user"]["token"]
        self._watches: list[asyncio.Task[None]] = []
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._token}"},
            connector=aiohttp.TCPConnector(ssl=False, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=1 << 20,
        )
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        """A watch that has failed has cancelled whoever waited for what it tells."""
        for task in self._watches:
            task.cancel()
        try:
            await self._group.__aexit__(*raised)
        finally:
            await self._session.close()

    async def watch(self, kinds: Iterable[str], job_label: str) -> Sightings:
        """What there is of these kinds from now on; returns when the watches stand."""
        sightings = Sightings()
        standing = {kind: asyncio.Event() for kind in kinds}
        for kind, event in standing.items():
            self._watches.append(self._group.create_task(self._follow(kind, job_label, sightings, event)))
        await asyncio.gather(*(event.wait() for event in standing.values()))
        return sightings

    async def create(self, plural: str, manifests: Iterable[Mapping[str, Any]]) -> dict[str, float]:
        """As fast as the API server takes them; when it had taken each, by name."""
        taken: dict[str, float] = {}
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(manifest: Mapping[str, Any]) -> None:
            async with room:
                await self._request("POST", _collection(plural), manifest)
                taken[manifest["metadata"]["name"]] = time.monotonic()

        await asyncio.gather(*map(one, manifests))
        return taken

    async def change(self, plural: str, name: str, patch: Mapping[str, Any]) -> None:
        await self._request("PATCH", f"{_collection(plural)}/{name}", patch, "application/merge-patch+json")

    async def delete(self, plural: str, name: str) -> None:
        await self._request("DELETE", f"{_collection(plural)}/{name}", {"propagationPolicy": "Background"})

    async def _request(
        self, method: str, path: str, body: Mapping[str, Any], content_type: str = "application/json"
    ) -> None:
        headers = {"Content-Type": content_type}
        async with self._session.request(method, self._server + path, data=json.dumps(body), headers=headers) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")

    async def _follow(self, kind: str, job_label: str, sightings: Sightings, standing: asyncio.Event) -> None:
        # Changes are not even parsed: the benchmark shares the machine with what it measures.
        url = f"{self._server}{_collection(kind)}?watch=true&timeoutSeconds=7200&labelSelector={job_label}"
        version = ""
        while True:  # the API server ends the watch of one who reads too slowly
            async with self._session.get(f"{url}&resourceVersion={version}", headers={"Accept": _METADATA}) as stream:
                stream.raise_for_status()
                standing.set()
                async for line in stream.content:
                    if line.startswith(b'{"type":"MODIFIED"'):
                        continue
                    now, event = time.monotonic(), json.loads(line)
                    if event["type"] == "ERROR":
                        raise RuntimeError(f"the watch of {kind}: {event['object']}")
                    metadata = event["object"]["metadata"]
                    version = metadata["resourceVersion"]
                    if event["type"] == "ADDED":
                        sightings.appeared[metadata["labels"][job_label]].setdefault((kind, metadata["name"]), now)
                    elif event["type"] == "DELETED":
                        sightings.gone[kind, metadata["name"]] = now
                    sightings.changed.set()


def _collection(plural: str) -> str:
    return f"{_PATHS[plural]}/namespaces/{NAMESPACE}/{plural}"
