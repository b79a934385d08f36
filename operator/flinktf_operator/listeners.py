"""Listens to the coordinators of running jobs: one long poll each, so that a change is heard at once."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import aiohttp

from flinktf_operator import metrics
from flinktf_operator.observed import Key
from flinktf_operator.report import Report, ReportError, report
from flinktf_operator.store import Store

_LOG: Final = logging.getLogger(__name__)
_WAIT: Final = 25
"""Seconds after which a coordinator answers although nothing but its progress has changed."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=_WAIT + 10, connect=3)
_LEAST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """The coordinator of one run; ``token`` opens it."""

    uid: str
    run: int
    url: str
    token: str

    def __repr__(self) -> str:
        return f"Target({self.url}, run {self.run})"


class Listeners:
    """An asynchronous context manager. What is heard goes into the store, and names the job to look at."""

    def __init__(self, store: Store, look_at: Callable[[Key], None]) -> None:
        self._store = store
        self._look_at = look_at
        self._tasks: dict[Key, tuple[Target, asyncio.Task[None]]] = {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        for key in list(self._tasks):
            self.follow(key, None)
        await self._session.close()

    def follow(self, key: Key, target: Target | None) -> None:
        """From now on this coordinator and no other one; none for None."""
        current = self._tasks.get(key)
        if current is not None:
            if current[0] == target:
                return
            del self._tasks[key]
            current[1].cancel()
        if target is not None:
            self._tasks[key] = target, asyncio.create_task(self._listen(key, target), name=f"listener {key}")
        metrics.COORDINATORS.set(len(self._tasks))

    async def ask(self, target: Target) -> Report | None:
        """The newest report, now; None when the coordinator does not answer."""
        try:
            async with asyncio.timeout(5):
                return await self._poll(target, None)
        except (aiohttp.ClientError, ReportError, TimeoutError, ValueError):
            return None

    async def _listen(self, key: Key, target: Target) -> None:
        """Until cancelled, which is when the run is over."""
        version: int | None = None
        pause = _LEAST_PAUSE
        while True:
            try:
                heard = await self._poll(target, version)
            except (aiohttp.ClientError, ReportError, TimeoutError, ValueError) as error:
                level = logging.WARNING if isinstance(error, (ReportError, ValueError)) else logging.DEBUG
                _LOG.log(level, "the coordinator does not answer: %s", error, extra={"job": "/".join(key)})
                version = None
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                version, pause = heard.version, _LEAST_PAUSE
                if self._store.report(key, heard):
                    self._look_at(key)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))

    async def _poll(self, target: Target, version: int | None) -> Report:
        headers = {"Authorization": f"Bearer {target.token}"}
        if version is not None:
            query = {"version": version, "wait": _WAIT}
        else:
            # Perhaps someone else has answered, by way of a Service without endpoints: that connection is not kept.
            query, headers["Connection"] = {}, "close"
        async with self._session.get(f"{target.url}/v1/status", params=query, headers=headers) as response:
            response.raise_for_status()
            return report(target.uid, target.run, await response.json())
