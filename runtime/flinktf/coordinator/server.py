"""The coordinator's HTTP: requests become events, the state becomes answers. The only I/O of the coordinator."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, get_args

from aiohttp import web

from flinktf.coordinator import machine
from flinktf.coordinator.events import EventLog
from flinktf.coordinator.failover import Failure
from flinktf.coordinator.metrics import prometheus
from flinktf.coordinator.state import (
    ENDED,
    Checkpoint,
    Event,
    Exited,
    FlinkJob,
    FlinkTold,
    Happened,
    Health,
    Heartbeat,
    JobState,
    Key,
    Preempted,
    Registered,
    Submission,
    Submitted,
    Tick,
    name,
)

_LOG: Final = logging.getLogger(__name__)
_BODY_LIMIT: Final = 1 << 20
_TICK: Final = 0.25
_LATE: Final = 2.0
"""Seconds between two ticks, beyond which this process was stopped, or its machine: not those that it has not heard."""
_LONGEST_WAIT: Final = 30.0
_DIGITS: Final = 15

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BadRequest(Exception):
    """A body or a query that is not what the endpoint takes; the text names the field."""


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
        if happened or (before is not self._state and _essence(before) != _essence(self._state)):
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
        body = await _body(request)
        registered = Registered(
            key=_key(body),
            attempt=_take(body, "attempt", int),
            address=_take(body, "address", str),
            task_manager=_take(body, "taskManager", str),
            mode=_take(body, "mode", str),
            generation=_take(body, "generation", int, 0),
        )
        await self._coordinator.apply(registered)
        return web.json_response({"generation": self._coordinator.state.generation})

    async def cluster(self, request: web.Request) -> web.Response:
        query = _query(request.query)
        key, seconds = _key(query), min(query["wait"], _LONGEST_WAIT)
        machine.require_current(self._coordinator.state, key, query["attempt"])
        await self._coordinator.wait_until(lambda state: machine.may_begin(state, key), seconds)
        state = self._coordinator.state
        machine.require_current(state, key, query["attempt"])
        if not machine.may_begin(state, key):
            return web.json_response({"phase": "Forming", "missing": state.missing})
        if state.phase == "Failed":
            return web.json_response({"phase": "Failed", "failure": _failure_json(state.failure)})
        if state.instances[key].state == "Done":
            return web.json_response({"phase": "Done"})
        cluster = state.cluster
        return web.json_response({"phase": "Running", "generation": state.generation, "cluster": cluster})

    async def heartbeat(self, request: web.Request) -> web.Response:
        body = await _body(request)
        key, attempt, generation = _key(body), _take(body, "attempt", int), _take(body, "generation", int)
        said = _take(body, "state", str)
        if said in ENDED:
            raise BadRequest(f"'state' is {said!r}: an end is told by /v1/exit")
        beat = Heartbeat(
            key=key,
            attempt=attempt,
            generation=generation,
            state=said,
            step=_take(body, "step", int, 0),
            rows=_take(body, "rows", int, 0),
            rss=_take(body, "rss", int, 0),
            metrics=_numbers(body, "metrics"),
            timings=_numbers(body, "timings"),
            health=_health(body),
            model=_take(body, "model", str, None),
        )
        machine.require_known(self._coordinator.state, key, attempt)
        for notice in _take(body, "notices", list, []):
            self._coordinator.notice(name(key), str(notice))
        await self._coordinator.apply(beat)
        state = self._coordinator.state
        command = machine.command(state, key, attempt, generation)
        over = state.flink.over if state.flink is not None else ()
        return web.json_response({"command": command, "completed": state.completed, "over": over})

    async def preempted(self, request: web.Request) -> web.Response:
        body = await _body(request)
        await self._coordinator.apply(Preempted(_key(body), _take(body, "attempt", int)))
        return web.json_response({})

    async def exit(self, request: web.Request) -> web.Response:
        body = await _body(request)
        key = _key(body)
        outcome = _take(body, "outcome", str)
        if outcome not in ("done", "failed", "cancelled"):
            raise BadRequest(f"'outcome' is {outcome!r}, not done, failed or cancelled")
        failure = _take(body, "failure", dict, None)
        await self._coordinator.apply(
            Exited(
                key=key,
                attempt=_take(body, "attempt", int),
                outcome=outcome,
                step=_take(body, "step", int, 0),
                rows=_take(body, "rows", int, 0),
                failure=_failure(name(key), failure) if failure else None,
                generation=_take(body, "generation", int, 0),
            )
        )
        return web.json_response({"final": self._coordinator.state.phase == "Failed"})

    async def submission(self, request: web.Request) -> web.Response:
        body = await _body(request)
        state = _take(body, "state", str)
        if state not in get_args(Submission):
            raise BadRequest(f"'state' is {state!r}, not one of {', '.join(get_args(Submission))}")
        await self._coordinator.apply(
            Submitted(state=state, error=_take(body, "error", str, None), detail=_take(body, "detail", str, None))
        )
        return web.json_response({})

    async def flink(self, request: web.Request) -> web.Response:
        body = await _body(request)
        completed = _take(body, "checkpoint", dict, None)
        checkpoint = Checkpoint(_take(completed, "id", int), _take(completed, "location", str)) if completed else None
        job = FlinkJob(
            state=_take(body, "state", str),
            restarts=_take(body, "restarts", int, 0),
            exception=_take(body, "exception", str, None),
            checkpoint=checkpoint,
            completed=_take(body, "completed", int, 0),
            over=tuple(int(number) for number in _take(body, "over", list, [])),
            granted=_take(body, "granted", int, 0),
        )
        await self._coordinator.apply(FlinkTold(job))
        return web.json_response({})

    async def status(self, request: web.Request) -> web.Response:
        """With ``version`` and ``wait``: when something else than progress has changed since that version."""
        coordinator = self._coordinator
        version, wait = (_number(request.query.get(field, "0"), field) for field in ("version", "wait"))
        await coordinator.wait_until(lambda _: coordinator.version != version, min(wait, _LONGEST_WAIT))
        told = status(coordinator.state, coordinator.events, time.monotonic())
        return web.json_response(told | {"version": coordinator.version})

    async def metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=prometheus(self._coordinator.state, time.monotonic()))

    async def healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")


def _essence(state: JobState) -> object:
    """What a listener wants to hear of at once: everything but the progress of training."""
    instances = [(i.state, i.health.activity, i.attempt, i.address, i.restarts) for i in state.instances.values()]
    return (
        state.phase,
        state.generation,
        state.failure,
        state.models,
        state.submission,
        state.flink,
        state.wishes,
        instances,
    )


def status(state: JobState, events: EventLog, now: float) -> dict[str, Any]:
    """The whole story, for ``GET /v1/status``; times are seconds ago."""
    return {
        "job": state.shape.job,
        "phase": state.phase,
        "generation": state.generation,
        "cluster": state.cluster if state.phase in ("Running", "Stopping") else {},
        "outcome": state.outcome,
        "missing": state.missing if state.phase == "Forming" else (),
        "failure": _failure_json(state.failure),
        "models": state.models,
        "submission": state.submission,
        "checkpointWanted": state.checkpoint_wanted,
        "flink": asdict(state.flink) if state.flink is not None else None,
        "roles": [
            {
                "role": role,
                "index": index,
                "state": instance.state,
                "attempt": instance.attempt,
                "address": instance.address,
                "taskManager": instance.task_manager,
                "mode": instance.mode,
                "step": instance.step,
                "rows": instance.rows,
                "rss": instance.rss,
                "metrics": instance.metrics,
                "timings": instance.timings,
                **asdict(instance.health),
                "restarts": instance.restarts,
                "lastError": instance.error,
                "lastHeartbeat": round(now - instance.seen, 3),
            }
            for (role, index), instance in state.instances.items()
        ],
        "events": events.newest(),
    }


def _authorization(token: str) -> Any:
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if request.path != "/healthz" and not hmac.compare_digest(given, expected):
            return _error(401, "the token is missing or wrong: send this job's token as 'Authorization: Bearer …'")
        return await handler(request)

    return check


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadRequest as error:
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
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is not a JSON object")
    return value


_REQUIRED: Final = object()


def _take(body: Mapping[str, Any], field: str, kind: type, default: Any = _REQUIRED) -> Any:
    value = body.get(field, default)
    if value is _REQUIRED:
        raise BadRequest(f"{field!r} is missing")
    if value is default:
        return value
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadRequest(f"{field!r} is {type(value).__name__}, not {kind.__name__}")
    return value


def _query(query: Mapping[str, str]) -> dict[str, Any]:
    value: dict[str, Any] = {"role": query.get("role", "")}
    for field, default in (("index", ""), ("attempt", ""), ("wait", "0")):
        value[field] = _number(query.get(field, default), field)
    return value


def _number(text: str, field: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS:
        raise BadRequest(f"{field!r} is {text[:_DIGITS]!r}, not a number of at most {_DIGITS} digits")
    return int(text)


def _key(body: Mapping[str, Any]) -> Key:
    return _take(body, "role", str), _take(body, "index", int)


def _numbers(body: Mapping[str, Any], field: str) -> dict[str, float]:
    value = _take(body, field, dict, {})
    for key, number in value.items():
        if not isinstance(number, (int, float)) or isinstance(number, bool):
            raise BadRequest(f"{field!r}: {key!r} is {type(number).__name__}, not a number")
    return {str(key): float(number) for key, number in value.items()}


def _health(body: Mapping[str, Any]) -> Health:
    told = _numbers(body, "health")
    return Health(
        _take(body, "activity", str, ""), **{key: told.get(key, 0.0) for key in ("starvation", "rate", "stuck")}
    )


def _failure(instance: str, value: Mapping[str, Any]) -> Failure:
    traceback = _take(value, "traceback", str, None)
    code = _take(value, "exitCode", int, None)
    return Failure(instance, _take(value, "type", str), _take(value, "message", str), traceback, code)


def _failure_json(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {
        "instance": failure.instance,
        "type": failure.type,
        "message": failure.message,
        "traceback": failure.traceback,
    }
