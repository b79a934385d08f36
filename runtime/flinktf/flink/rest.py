"""The few calls of Flink's REST API that flinktf makes."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Self

import aiohttp

from flinktf.coordinator.state import FLINK_ENDED

TERMINAL: Final = FLINK_ENDED
_ASK_AGAIN: Final = 5.0
_STALE: Final = 4.0
"""Flink answers from a copy of its job that may be 3 seconds old (``web.refresh-interval``)."""
_FAILING: Final = ("FAILED", "FAILING", "RESTARTING")


class FlinkUnreachable(Exception):
    """The JobManager did not answer, or not with what was asked for."""


@dataclass(frozen=True)
class Placement:
    """Where Flink runs one subtask: ``endpoint`` and ``task_manager`` as its REST API names them."""

    vertex: str
    subtask: int
    attempt: int
    status: str
    endpoint: str
    task_manager: str


class CheckpointRequests:
    """Passes the coordinator's wishes for a checkpoint on to Flink, each again after a while: Flink may refuse one
    that comes while tasks restart."""

    def __init__(self) -> None:
        self.granted = 0
        """The newest wish for which a checkpoint was begun and completed."""
        self._asked = 0
        self._trigger: str | None = None
        self._at = -math.inf

    async def look(self, rest: FlinkRest, job_id: str, wanted: int) -> None:
        """``wanted`` is the number of the newest wish, 0 where there is none. Raises :class:`FlinkUnreachable`."""
        now = time.monotonic()
        if self._trigger is not None:
            trigger = self._trigger
            if now - self._at > _ASK_AGAIN:  # a JobManager that has restarted knows nothing of it
                self._trigger = None
            if await rest.checkpoint_made(job_id, trigger):
                self._trigger, self.granted = None, self._asked
        asked = self._asked == wanted and now - self._at < _ASK_AGAIN
        if wanted > self.granted and self._trigger is None and not asked:
            self._asked, self._at = wanted, now
            self._trigger = await rest.trigger_checkpoint(job_id)


class FlinkRest:
    """An asynchronous context manager around one JobManager's REST endpoint."""

    def __init__(self, address: str, timeout: float = 10.0) -> None:
        self._address = address
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def task_managers(self) -> int:
        """How many TaskManagers are registered."""
        return len((await self._get("/taskmanagers"))["taskmanagers"])

    async def job_state(self, job_id: str) -> str | None:
        """``RUNNING``, ``FINISHED``, …; None when Flink does not know the job (yet)."""
        for job in (await self._get("/jobs/overview"))["jobs"]:
            if job["jid"] == job_id:
                return str(job["state"])
        return None

    async def restarts(self, job_id: str) -> int:
        """How often Flink has restarted the job."""
        found = await self._get(f"/jobs/{job_id}/metrics?get=numRestarts")
        return next((int(metric["value"]) for metric in found if metric["id"] == "numRestarts"), 0)

    async def checkpoints(self, job_id: str) -> dict[str, Any]:
        """``checkpoint``: id and location of the last completed one, or None where it is kept in memory;
        ``completed``: its id, 0 before the first; ``over``: the newest of those that failed or are deleted."""
        found = await self._get(f"/jobs/{job_id}/checkpoints")
        latest = (found.get("latest") or {}).get("completed") or {}
        number, place = int(latest.get("id", 0)), str(latest.get("external_path"))
        over = [one["id"] for one in found.get("history", ()) if one["status"] == "FAILED" or one.get("discarded")]
        kept = {"id": number, "location": place} if "/" in place else None
        return {"checkpoint": kept, "completed": number, "over": sorted(over)}

    async def root_exception(self, job_id: str) -> str | None:
        """The stack trace that failed the job, or None."""
        history = (await self._get(f"/jobs/{job_id}/exceptions")).get("exceptionHistory", {})
        entries = history.get("entries", [])
        return str(entries[-1]["stacktrace"]) if entries else None

    async def pipeline_is_over(self, job_id: str, servers: Collection[str]) -> bool:
        """Whether all of the job has finished but the roles that serve models."""
        return all_but(await self._get(f"/jobs/{job_id}"), servers)

    async def told(
        self, job_id: str, state: str, checkpoint: dict[str, Any] | None, servers: Collection[str]
    ) -> dict[str, Any]:
        """What the coordinator wants to know of a job in ``state``; ``checkpoint`` is the last one known so far, and
        ``servers`` are the roles that serve models."""
        found = await self.checkpoints(job_id)
        restarts = await self.restarts(job_id)
        return {
            "state": state,
            "restarts": restarts,
            "exception": await self._why(job_id, state) if restarts or state in _FAILING else None,
            **found,
            "checkpoint": found["checkpoint"] or checkpoint,
            "pipelineOver": bool(servers) and await self.pipeline_is_over(job_id, servers),
        }

    async def _why(self, job_id: str, state: str) -> str | None:
        """The exception of a job in ``state``: of one that is over, the last chance to tell it."""
        found = await self.root_exception(job_id)
        deadline = time.monotonic() + _STALE
        while found is None and state == "FAILED" and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            found = await self.root_exception(job_id)
        return found

    async def trigger_checkpoint(self, job_id: str) -> str:
        """Asks for a checkpoint now; :meth:`checkpoint_made` knows what became of the answer."""
        asked = await self._request("POST", f"/jobs/{job_id}/checkpoints", {"checkpointType": "CONFIGURED"})
        return str(asked["request-id"])

    async def checkpoint_made(self, job_id: str, trigger: str) -> bool:
        """Whether the checkpoint that was asked for is complete; it may be on its way, or have failed."""
        found = await self._get(f"/jobs/{job_id}/checkpoints/{trigger}")
        return "checkpointId" in (found.get("operation") or {})

    async def placements(self, job_id: str) -> tuple[Placement, ...]:
        """Every subtask of the job and the TaskManager it is in."""
        found: list[Placement] = []
        for vertex in (await self._get(f"/jobs/{job_id}"))["vertices"]:
            detail = await self._get(f"/jobs/{job_id}/vertices/{vertex['id']}")
            found.extend(
                Placement(vertex["name"], s["subtask"], s["attempt"], s["status"], s["endpoint"], s["taskmanager-id"])
                for s in detail["subtasks"]
            )
        return tuple(found)

    async def cancel(self, job_id: str) -> None:
        """Asks Flink to cancel; a job that has ended already is no error."""
        try:
            async with self._session.patch(f"{self._address}/jobs/{job_id}?mode=cancel"):
                pass
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FlinkUnreachable(f"{self._address}: {error}") from None

    async def _get(self, path: str) -> Any:
        return await self._request("GET", path)

    async def _request(self, method: str, path: str, body: Any = None) -> Any:
        try:
            async with self._session.request(method, self._address + path, json=body) as response:
                if response.status >= 300:
                    raise FlinkUnreachable(f"{method} {path}: {response.status} {await response.text()}")
                return await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FlinkUnreachable(f"{self._address}{path}: {type(error).__name__} {error}") from None


def all_but(job: dict[str, Any], roles: Collection[str]) -> bool:
    """Whether a job, as ``GET /jobs/ID`` tells it, has finished but for some roles, and what follows them."""
    waiting = {one["id"] for one in job["vertices"] if any(_is_of(one["name"], f"role: {role}") for role in roles)}
    nodes = {node["id"]: {edge["id"] for edge in node.get("inputs", ())} for node in job["plan"].get("nodes", ())}
    while behind := {node for node, inputs in nodes.items() if inputs & waiting} - waiting:
        waiting |= behind
    rest = [one["status"] for one in job["vertices"] if one["id"] not in waiting]
    return bool(rest) and all(status == "FINISHED" for status in rest)


def _is_of(vertex: str, operator: str) -> bool:
    """Whether an operator is part of a vertex: names of several are joined by arrows, those of sources are marked."""
    return operator in re.split(r"Source: | -> ", vertex)
