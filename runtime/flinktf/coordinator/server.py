"""The coordinator's HTTP: requests become events, the state becomes answers. The only I/O of the coordinator."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from flinktf import bearer
from flinktf.coordinator import machine, told, wire
from flinktf.coordinator.events import EventLog
from flinktf.coordinator.metrics import prometheus
from flinktf.coordinator.state import Event, Happened, JobState, Tick, name

_LOG: Final = logging.getLogger(__name__)
_BODY_LIMIT: Final = 1 << 20
_TICK: Final = 0.25
_LATE: Final = 2.0
"""Seconds between two ticks, beyond which this process was stopped, or its machine: not those that it has not heard."""
_LONGEST_WAIT: Final = 30.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Coordinator:
    """Holds the one mutable reference to the job's state."""

    def __init__(self, state: JobState) -> None:
        self._state = state
        self._changed = asyncio.Condition()
        self.events = EventLog()
        # From the clock: a poll that began before a restart matches no number of after it.
        self.version = int(time.time() * 1000)

    @property
    def state(self) -> JobState:
        return self._state

    async def apply(self, event: Event) -> None:
        """Raises :class:`machine.Refused`."""
        before = self._state
        self._state, happened = machine.step(before, event, time.monotonic())
        for what in happened:
            self._tell(what)
        if happened or (before is not self._state and told.essence(before) != told.essence(self._state)):
            self.version += 1
            async with self._changed:
                self._changed.notify_all()

    def notice(self, who: str, message: str) -> None:
        self._tell(Happened("Notice", who, message))

    async def wait_until(self, condition: Callable[[JobState], bool], seconds: float) -> None:
        """Returns when ``condition`` holds, at the latest after ``seconds``."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: condition(self._state)), seconds)
            except TimeoutError:
                return

    async def tick(self) -> None:
        """Until cancelled: lets time pass for the state machine."""
        last = time.monotonic()
        while True:
            now = time.monotonic()
            await self.apply(Tick(late=max(0.0, now - last - _LATE)))
            last = now
            await asyncio.sleep(_TICK)

    def _tell(self, what: Happened) -> None:
        self.events.add(what)
        level = logging.ERROR if what.type == "Failed" else logging.INFO
        _LOG.log(level, "generation=%d %s %s: %s", self._state.generation, what.type, what.who, what.message)


def application(coordinator: Coordinator, token: str) -> web.Application:
    """The routes of docs/internals.md around ``coordinator``."""
    app = web.Application(middlewares=[_errors_as_json, _authorization(token)], client_max_size=_BODY_LIMIT)
    routes = _Routes(coordinator)
    app.add_routes(
        [
            web.post("/v1/register", routes.register),
            web.get("/v1/cluster", routes.cluster),
            web.post("/v1/heartbeat", routes.heartbeat),
            web.post("/v1/preempted", routes.preempted),
            web.post("/v1/exit", routes.exit),
            web.post("/v1/submission", routes.submission),
            web.post("/v1/flink", routes.flink),
            web.get("/v1/status", routes.status),
            web.get("/metrics", routes.metrics),
            web.get("/healthz", routes.healthz),
        ]
    )
    return app


class _Routes:
    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    async def register(self, request: web.Request) -> web.Response:
        await self._coordinator.apply(wire.registered(await _body(request)))
        return web.json_response({"generation": self._coordinator.state.generation})

    async def cluster(self, request: web.Request) -> web.Response:
        query = wire.instance_query(request.query)
        key, seconds = (query["role"], query["index"]), min(query["wait"], _LONGEST_WAIT)
        machine.require_current(self._coordinator.state, key, query["attempt"])
        await self._coordinator.wait_until(lambda state: machine.may_begin(state, key), seconds)
        state = self._coordinator.state
        machine.require_current(state, key, query["attempt"])
        if not machine.may_begin(state, key):
            return web.json_response({"phase": "Forming", "missing": state.missing})
        if state.phase == "Failed":
            return web.json_response({"phase": "Failed", "failure": told.failure_json(state.failure)})
        if state.instances[key].state == "Done":
            return web.json_response({"phase": "Done"})
        cluster = state.cluster
        return web.json_response({"phase": "Running", "generation": state.generation, "cluster": cluster})

    async def heartbeat(self, request: web.Request) -> web.Response:
        body = await _body(request)
        beat = wire.heartbeat(body)
        machine.require_known(self._coordinator.state, beat.key, beat.attempt)
        for notice in wire.notices(body):
            self._coordinator.notice(name(beat.key), notice)
        await self._coordinator.apply(beat)
        state = self._coordinator.state
        command = machine.command(state, beat.key, beat.attempt, beat.generation)
        over = state.flink.over if state.flink is not None else ()
        return web.json_response({"command": command, "completed": state.completed, "over": over})

    async def preempted(self, request: web.Request) -> web.Response:
        return await self._apply(wire.preempted(await _body(request)))

    async def exit(self, request: web.Request) -> web.Response:
        await self._coordinator.apply(wire.exited(await _body(request)))
        return web.json_response({"final": self._coordinator.state.phase == "Failed"})

    async def submission(self, request: web.Request) -> web.Response:
        return await self._apply(wire.submitted(await _body(request)))

    async def flink(self, request: web.Request) -> web.Response:
        return await self._apply(wire.flink_told(await _body(request)))

    async def _apply(self, event: Event) -> web.Response:
        await self._coordinator.apply(event)
        return web.json_response({})

    async def status(self, request: web.Request) -> web.Response:
        """With ``version`` and ``wait``: when something else than progress has changed since that version."""
        coordinator = self._coordinator
        version, wait = (wire.number(request.query.get(field, "0"), field) for field in ("version", "wait"))
        await coordinator.wait_until(lambda _: coordinator.version != version, min(wait, _LONGEST_WAIT))
        story = told.status(coordinator.state, coordinator.events, time.monotonic())
        return web.json_response(story | {"version": coordinator.version})

    async def metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=prometheus(self._coordinator.state, time.monotonic()))

    async def healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")


def _authorization(token: str) -> Any:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/healthz" and not bearer.may(request, token):
            return _error(401, "the token is missing or wrong: send this job's token as 'Authorization: Bearer …'")
        return await handler(request)

    return check


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except wire.BadRequest as error:
        return _error(400, str(error))
    except machine.Refused as error:
        return _error(409, str(error))
    except web.HTTPException as error:
        return _error(error.status, error.reason)


def _error(code: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=code)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        value = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wire.BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise wire.BadRequest("the body is not a JSON object")
    return value
