"""The submitter between a real coordinator and a small stand-in of Flink's REST API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flinktf.coordinator.client import CoordinatorClient
from flinktf.coordinator.machine import begin
from flinktf.coordinator.server import Coordinator, application
from flinktf.coordinator.shape import JobShape
from flinktf.coordinator.state import Checkpoint, FlinkJob, FlinkTold, Submitted
from flinktf.flink.rest import FlinkRest
from flinktf.flink.submission import Outcome, Submission
from flinktf.flink.submitter import Submitter

SHAPE = JobShape("job", (("worker", 1),), "Independent", 60.0, submitted_here=True)


class Recording(Submitter):
    """Its driver is a program that fails at once; ``begun`` is the checkpoints that it was started from."""

    def __init__(self, submission: Submission, work: Path) -> None:
        super().__init__(submission, 1, work)
        self.begun: list[str | None] = []

    async def _drive(self) -> Outcome:
        self.begun.append(self._told["checkpoint"]["location"] if self._told and self._told["checkpoint"] else None)
        return Outcome(error="no such table", detail="Traceback")


def coordinator() -> Coordinator:
    return Coordinator(begin(SHAPE, time.monotonic()))


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def flink() -> web.Application:
    """One TaskManager, and no job."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"/jobs/overview": {"jobs": []}, "/taskmanagers": {"taskmanagers": [1]}}[request.path])

    app = web.Application()
    app.add_routes([web.get("/{rest:.*}", answer)])
    return app


async def look(submitter: Submitter, told: Coordinator, times: int = 3) -> None:
    async with (
        served(application(told, "t")) as url,
        served(flink()) as address,
        CoordinatorClient(url, "t") as client,
        FlinkRest(address) as rest,
    ):
        for _ in range(times):
            await submitter._look(client, rest)


@pytest.fixture
def submitter(tmp_path: Path) -> Recording:
    values: dict[str, Any] = dict.fromkeys(Submission.__dataclass_fields__, "x")
    return Recording(Submission(**values), tmp_path)


@pytest.mark.parametrize("state", ["FINISHED", "FAILED", "CANCELED"])
def test_a_job_that_was_over_is_not_submitted_again(submitter: Recording, state: str) -> None:
    async def play() -> None:
        told, restarted = coordinator(), coordinator()
        await told.apply(FlinkTold(FlinkJob(state)))
        await look(submitter, told)
        await look(submitter, restarted)
        assert restarted.state.flink == FlinkJob(state)

    asyncio.run(play())
    assert submitter.begun == []


def test_it_goes_on_from_the_checkpoint_that_the_coordinator_knows(submitter: Recording) -> None:
    async def play() -> None:
        told = coordinator()
        await told.apply(FlinkTold(FlinkJob("RUNNING", checkpoint=Checkpoint(7, "s3://bucket/chk-7"))))
        await look(submitter, told)

    asyncio.run(play())
    assert submitter.begun == ["s3://bucket/chk-7"]


def test_a_failed_submission_is_not_tried_again(submitter: Recording) -> None:
    async def play() -> None:
        told = coordinator()
        await told.apply(Submitted("Failed", "no such table"))
        await look(submitter, told)

    asyncio.run(play())
    assert submitter.begun == []


def test_a_failed_submission_is_told_until_the_coordinator_has_it(submitter: Recording) -> None:
    async def play() -> None:
        for told in (coordinator(), coordinator()):
            await look(submitter, told)
            assert told.state.outcome == "Failed"
            assert told.state.failure is not None
            assert told.state.failure.message == "no such table"

    asyncio.run(play())
    assert submitter.begun == [None]
