"""What agents and the driver send, as events: JSON in, frozen values out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from flinktf.coordinator.failover import Failure
from flinktf.coordinator.state import (
    ENDED,
    Checkpoint,
    Exited,
    FlinkJob,
    FlinkTold,
    Health,
    Heartbeat,
    Key,
    Outcome,
    Preempted,
    Registered,
    Submission,
    Submitted,
    name,
)

_DIGITS: Final = 15


class BadRequest(Exception):
    """A body or a query that is not what the endpoint takes; the text names the field."""


def registered(body: Mapping[str, Any]) -> Registered:
    """Raises :class:`BadRequest`, as all of these do."""
    return Registered(
        key=_key(body),
        attempt=_take(body, "attempt", int),
        address=_take(body, "address", str),
        task_manager=_take(body, "taskManager", str),
        mode=_take(body, "mode", str),
        generation=_take(body, "generation", int, 0),
    )


def heartbeat(body: Mapping[str, Any]) -> Heartbeat:
    said = _take(body, "state", str)
    if said in ENDED:
        raise BadRequest(f"'state' is {said!r}: an end is told by /v1/exit")
    return Heartbeat(
        key=_key(body),
        attempt=_take(body, "attempt", int),
        generation=_take(body, "generation", int),
        state=said,
        step=_take(body, "step", int, 0),
        rows=_take(body, "rows", int, 0),
        rss=_take(body, "rss", int, 0),
        gpu=_numbers(body, "gpu"),
        metrics=_numbers(body, "metrics"),
        timings=_numbers(body, "timings"),
        health=_health(body),
        model=_take(body, "model", str, None),
    )


def notices(body: Mapping[str, Any]) -> list[str]:
    """What a heartbeat has for people."""
    return [str(notice) for notice in _take(body, "notices", list, [])]


def preempted(body: Mapping[str, Any]) -> Preempted:
    return Preempted(_key(body), _take(body, "attempt", int))


def exited(body: Mapping[str, Any]) -> Exited:
    key, outcome = _key(body), _take(body, "outcome", str)
    if outcome not in get_args(Outcome):
        raise BadRequest(f"'outcome' is {outcome!r}, not done, failed or cancelled")
    failure = _take(body, "failure", dict, None)
    return Exited(
        key=key,
        attempt=_take(body, "attempt", int),
        outcome=outcome,
        step=_take(body, "step", int, 0),
        rows=_take(body, "rows", int, 0),
        failure=_failure(name(key), failure) if failure else None,
        generation=_take(body, "generation", int, 0),
    )


def submitted(body: Mapping[str, Any]) -> Submitted:
    state = _take(body, "state", str)
    if state not in get_args(Submission):
        raise BadRequest(f"'state' is {state!r}, not one of {', '.join(get_args(Submission))}")
    return Submitted(state=state, error=_take(body, "error", str, None), detail=_take(body, "detail", str, None))


def flink_told(body: Mapping[str, Any]) -> FlinkTold:
    completed = _take(body, "checkpoint", dict, None)
    checkpoint = Checkpoint(_take(completed, "id", int), _take(completed, "location", str)) if completed else None
    return FlinkTold(
        FlinkJob(
            state=_take(body, "state", str),
            restarts=_take(body, "restarts", int, 0),
            exception=_take(body, "exception", str, None),
            checkpoint=checkpoint,
            completed=_take(body, "completed", int, 0),
            over=tuple(int(number) for number in _take(body, "over", list, [])),
            granted=_take(body, "granted", int, 0),
            pipeline_over=_take(body, "pipelineOver", bool, False),
        )
    )


def instance_query(query: Mapping[str, str]) -> dict[str, Any]:
    value: dict[str, Any] = {"role": query.get("role", "")}
    for field, default in (("index", ""), ("attempt", ""), ("wait", "0")):
        value[field] = number(query.get(field, default), field)
    return value


def number(text: str, field: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS:
        raise BadRequest(f"{field!r} is {text[:_DIGITS]!r}, not a number of at most {_DIGITS} digits")
    return int(text)


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


def _key(body: Mapping[str, Any]) -> Key:
    return _take(body, "role", str), _take(body, "index", int)


def _numbers(body: Mapping[str, Any], field: str) -> dict[str, float]:
    value = _take(body, field, dict, {})
    for key, one in value.items():
        if not isinstance(one, (int, float)) or isinstance(one, bool):
            raise BadRequest(f"{field!r}: {key!r} is {type(one).__name__}, not a number")
    return {str(key): float(one) for key, one in value.items()}


def _health(body: Mapping[str, Any]) -> Health:
    told = _numbers(body, "health")
    return Health(
        _take(body, "activity", str, ""), **{key: told.get(key, 0.0) for key in ("starvation", "rate", "stuck")}
    )


def _failure(instance: str, value: Mapping[str, Any]) -> Failure:
    traceback = _take(value, "traceback", str, None)
    code = _take(value, "exitCode", int, None)
    return Failure(instance, _take(value, "type", str), _take(value, "message", str), traceback, code)
