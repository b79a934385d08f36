"""How agents and the local runner talk to a coordinator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import aiohttp

from flinktf.coordinator.state import Command

_REQUEST_TIMEOUT: Final = 5.0
"""Seconds. Who dies while it is asked may take the connection with it without a word: ask again."""


class CoordinatorError(Exception):
    """The coordinator refused, or could not be reached; the text says which."""


class NotRegisteredError(CoordinatorError):
    """The coordinator knows no attempt of this instance: it has restarted."""


@dataclass(frozen=True)
class Orders:
    """The answer to a heartbeat: what to do, the last checkpoint that Flink has completed (0 before the first), and
    some that will not be restored any more."""

    command: Command
    completed: int
    over: tuple[int, ...]


class CoordinatorClient:
    """An asynchronous context manager. A connection error is retried for ``patience`` seconds, a refusal is not."""

    def __init__(self, url: str, token: str, patience: float = 10.0) -> None:
        self._url = url
        self._patience = patience
        self._headers = {"Authorization": f"Bearer {token}"}

    async def __aenter__(self) -> Self:
        # A connection for each request: one that is kept would lead to the same stranger for ever.
        connector = aiohttp.TCPConnector(force_close=True)
        self._session = aiohttp.ClientSession(headers=self._headers, connector=connector)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def status(self) -> dict[str, Any]:
        return await self._request("GET", "/v1/status")

    async def register(self, body: Mapping[str, Any]) -> int:
        """The generation that the instance belongs to."""
        return int((await self._request("POST", "/v1/register", body))["generation"])

    async def cluster(self, role: str, index: int, attempt: int, wait: int = 20) -> dict[str, Any]:
        """Waits up to ``wait`` seconds for the cluster to form."""
        path = f"/v1/cluster?role={role}&index={index}&attempt={attempt}&wait={wait}"
        return await self._request("GET", path, seconds=wait + _REQUEST_TIMEOUT)

    async def heartbeat(self, body: Mapping[str, Any]) -> Orders:
        answer = await self._request("POST", "/v1/heartbeat", body)
        return Orders(answer["command"], int(answer["completed"]), tuple(answer["over"]))

    async def preempted(self, body: Mapping[str, Any], patience: float) -> None:
        """Says that the instance would leave. From now on nothing waits for longer than ``patience`` for an answer."""
        self._patience = patience
        await self._request("POST", "/v1/preempted", body)

    async def exit(self, body: Mapping[str, Any]) -> bool:
        """Whether the job has failed for good."""
        return bool((await self._request("POST", "/v1/exit", body))["final"])

    async def submission(self, state: str, error: str | None = None, detail: str | None = None) -> None:
        """How far the submission of the Flink job has come."""
        await self._request("POST", "/v1/submission", {"state": state, "error": error, "detail": detail})

    async def flink(self, body: Mapping[str, Any]) -> None:
        """What the Flink job is doing."""
        await self._request("POST", "/v1/flink", body)

    async def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, seconds: float = _REQUEST_TIMEOUT
    ) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=seconds)
        deadline = time.monotonic() + self._patience
        pause = 0.05
        while True:
            try:
                async with self._session.request(method, self._url + path, json=body, timeout=timeout) as response:
                    return await _answer(path, response)
            except (aiohttp.ClientError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise CoordinatorError(f"{self._url} cannot be reached: {_told(error)}") from None
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)


class _StrangerError(aiohttp.ClientError):
    """Someone else has answered: a proxy, a mesh's sidecar, whoever is there while a Service has no endpoint."""


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, _StrangerError) else f"{type(error).__name__} {error}"


async def _answer(path: str, response: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        answer = await response.json(content_type=None)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise _StrangerError(f"someone answered {path} with {response.status}, not with JSON")
    if response.status == 409 and "has not registered" in str(answer.get("error")):
        raise NotRegisteredError(f"the coordinator refused {path}: {answer['error']}")
    if response.status != 200:
        raise CoordinatorError(f"the coordinator refused {path}: {answer.get('error')}")
    return answer
