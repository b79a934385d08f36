"""The coordinator's HTTP: every wrong request is answered with what is wrong about it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from flinktf.coordinator.client import CoordinatorClient, CoordinatorError, Orders
from flinktf.coordinator.machine import begin
from flinktf.coordinator.server import Coordinator, application
from flinktf.coordinator.shape import JobShape

REGISTRATION: dict[str, Any] = {
    "role": "worker", "index": 0, "attempt": 1, "address": "h:1", "taskManager": "tm", "mode": "sink",
}  # fmt: skip
BEAT: dict[str, Any] = {"role": "worker", "index": 0, "attempt": 1, "generation": 1, "state": "Training"}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    shape = JobShape("job", (("worker", 2),), "MultiWorkerMirrored", 60.0)
    async with TestServer(application(Coordinator(begin(shape, time.monotonic())), "secret")) as server:
        yield str(server.make_url("")).rstrip("/")


async def ask(
    url: str, method: str, path: str, body: str = "", authorization: str = "Bearer secret"
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": authorization}
    async with aiohttp.ClientSession() as session, session.request(method, url + path, data=body, headers=headers) as r:
        return r.status, await r.json(content_type=None)


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer guess", "Bearer \u00ff", "Basic secret", "secret"])
async def test_a_wrong_token(url: str, given: str) -> None:
    status, answer = await ask(url, "GET", "/v1/status", authorization=given)
    assert (status, list(answer)) == (401, ["error"])
    assert "secret" not in answer["error"]


async def test_a_token_that_is_no_text(url: str) -> None:
    # No client library sends this; whoever does gets the same answer.
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = b"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n"
    writer.write(request)
    assert (await reader.read()).startswith(b"HTTP/1.1 401 ")
    writer.close()


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v1/register", "{", 400, "the body is not JSON"),
        ("/v1/register", "[1]", 400, "not a JSON object"),
        ("/v1/register", "[" * 100_000, 400, "the body is not JSON"),
        ("/v1/register", json.dumps(REGISTRATION | {"index": "0"}), 400, "'index' is str, not int"),
        ("/v1/register", json.dumps({"role": "worker", "index": 0}), 400, "'attempt' is missing"),
        ("/v1/register", json.dumps(REGISTRATION | {"role": "ps"}), 409, "ps-0 is not a role instance"),
        ("/v1/heartbeat", json.dumps(BEAT | {"metrics": {"loss": "low"}}), 400, "'loss' is str, not a number"),
        ("/v1/heartbeat", json.dumps(BEAT | {"model": ["x"]}), 400, "'model' is list, not str"),
        ("/v1/heartbeat", json.dumps(BEAT | {"state": "Done"}), 400, "an end is told by /v1/exit"),
        ("/v1/exit", json.dumps(BEAT | {"outcome": "fine"}), 400, "'outcome' is 'fine'"),
        ("/v1/exit", "x" * (2 << 20), 413, "Too Large"),
        ("/v1/nothing", "{}", 404, "Not Found"),
    ],
)
async def test_a_wrong_body_names_the_field(url: str, path: str, body: str, status: int, message: str) -> None:
    found, answer = await ask(url, "POST", path, body)
    assert found == status
    assert message in answer["error"]


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("role=worker&index=0", 400, "'attempt' is ''"),
        ("role=worker&index=-1&attempt=0", 400, "'index' is '-1'"),
        ("role=worker&attempt=0&index=" + "1" * 5000, 400, "of at most 15 digits"),
        ("role=worker&index=7&attempt=0", 409, "worker-7 is not a role instance"),
        ("role=worker&index=1&attempt=0", 409, "it has not registered"),
        ("role=worker&index=0&attempt=0", 409, "attempt 1 holds the place"),
    ],
)
async def test_the_cluster_is_for_those_in_it(url: str, query: str, status: int, message: str) -> None:
    await ask(url, "POST", "/v1/register", json.dumps(REGISTRATION))
    found, answer = await ask(url, "GET", f"/v1/cluster?{query}")
    assert found == status
    assert message in answer["error"]


async def test_from_registration_to_metrics(url: str) -> None:
    async with CoordinatorClient(url, "secret") as client:
        assert await client.register(REGISTRATION) == 1
        assert await client.cluster("worker", 0, 1, wait=0) == {"phase": "Forming", "missing": ["worker-1"]}
        await client.register(REGISTRATION | {"index": 1, "address": "h:2"})
        formed = {"phase": "Running", "generation": 1, "cluster": {"worker": ["h:1", "h:2"]}}
        assert await client.cluster("worker", 0, 1) == formed
        await client.flink({"state": "RUNNING", "completed": 3, "over": [1, 2]})
        orders = await client.heartbeat(BEAT | {"step": 7, "model": "/m", "notices": ["look"]})
        assert orders == Orders("continue", 3, (1, 2))
        status = await client.status()
        assert (status["phase"], status["cluster"], status["models"]) == ("Running", formed["cluster"], ["/m"])
        assert [event["number"] for event in status["events"]] == list(range(1, len(status["events"]) + 1))
    headers = {"Authorization": "Bearer secret"}
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics", headers=headers) as response:
        text = await response.text()
    assert 'flinktf_job_phase{job="job",phase="Running"} 1\n' in text
    assert 'flinktf_role_step{job="job",role="worker",index="0"} 7\n' in text


@pytest.mark.parametrize("patience", [0.0, 10.0])
async def test_someone_else_at_the_coordinators_address(patience: float) -> None:
    """As a proxy may be while a Service has no endpoint: on the connection that is there, it would be for ever."""
    seen: list[object] = []

    async def page(request: web.Request) -> web.Response:
        seen.append(request.transport)
        if patience and len(set(map(id, seen))) > 2:
            return web.json_response({"phase": "Running"})
        return web.Response(text="<html>hello</html>", status=404)

    app = web.Application()
    app.router.add_get("/v1/status", page)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        async with CoordinatorClient(url, "t", patience) as client:
            if patience:
                assert await client.status() == {"phase": "Running"}
                return
            with pytest.raises(CoordinatorError, match="cannot be reached: someone answered /v1/status with 404"):
                await client.status()


async def test_a_coordinator_that_is_not_there() -> None:
    async with CoordinatorClient("http://127.0.0.1:1", "t", patience=0.1) as client:
        with pytest.raises(CoordinatorError, match=r"http://127\.0\.0\.1:1 cannot be reached: ClientConnectorError"):
            await client.status()
