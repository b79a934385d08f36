"""The few calls of Flink's REST API that flinktf makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import aiohttp

from flinktf.coordinator.state import FLINK_ENDED

TERMINAL: Final = FLINK_ENDED
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

    async def checkpoint(self, job_id: str) -> tuple[int, str] | None:
        """Id and location of the last completed checkpoint; None before the first, or when it is kept in memory."""
        latest = ((await self._get(f"/jobs/{job_id}/checkpoints")).get("latest") or {}).get("completed")
        if latest is None or "/" not in str(latest.get("external_path")):
            return None
        return int(latest["id"]), str(latest["external_path"])

    async def root_exception(self, job_id: str) -> str | None:
        """The stack trace that failed the job, or None."""
        history = (await self._get(f"/jobs/{job_id}/exceptions")).get("exceptionHistory", {})
        entries = history.get("entries", [])
        return str(entries[-1]["stacktrace"]) if entries else None

    async def told(self, job_id: str, state: str, checkpoint: dict[str, Any] | None) -> dict[str, Any]:
        """What the coordinator wants to know of a job in ``state``; ``checkpoint`` is the last one known so far."""
        found = await self.checkpoint(job_id)
        restarts = await self.restarts(job_id)
        return {
            "state": state,
            "restarts": restarts,
            "exception": await self.root_exception(job_id) if restarts or state in _FAILING else None,
            "checkpoint": {"id": found[0], "location": found[1]} if found is not None else checkpoint,
        }

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
        try:
            async with self._session.get(self._address + path) as response:
                if response.status != 200:
                    raise FlinkUnreachable(f"GET {path}: {response.status} {await response.text()}")
                return await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FlinkUnreachable(f"{self._address}{path}: {type(error).__name__} {error}") from None
