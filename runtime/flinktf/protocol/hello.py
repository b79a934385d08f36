"""What the two ends of a subtask's connection tell each other before records flow: HELLO and READY."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from flinktf.protocol.frames import VERSIONS, ProtocolError
from flinktf.protocol.program import Program, program_from

Mode = Literal["source", "sink", "transform"]


@dataclass(frozen=True)
class Column:
    """One column as Flink's planner typed it: ``type`` is its SQL type, for example ``ARRAY<FLOAT>``."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True)
class Schema:
    """The columns of a stream; ``arrow`` is the base64 of the Arrow IPC ``Schema`` message of its batches."""

    columns: tuple[Column, ...]
    arrow: str


@dataclass(frozen=True)
class Restored:
    """The Flink checkpoint that an attempt restored, and where its role had saved the model for it."""

    checkpoint_id: int
    location: str | None


@dataclass(frozen=True)
class Hello:
    versions: tuple[int, ...]
    job: str
    job_id: str
    role: str
    index: int
    parallelism: int
    attempt: int
    mode: Mode
    task_manager: str
    schema: Schema | None
    output_schema: Schema | None
    restored: Restored | None
    program: Program | None = None

    def common_version(self) -> int | None:
        """The highest version that both sides speak, or None."""
        return common_version(self.versions)


def common_version(spoken: Sequence[object]) -> int | None:
    """The highest version among those that a peer speaks, or None."""
    return max((version for version in VERSIONS if version in spoken), default=None)


def parse_json(payload: bytes | bytearray | memoryview, what: str) -> dict[str, Any]:
    """A JSON object from a control frame. Raises :class:`ProtocolError` naming the frame."""
    try:
        value = json.loads(bytes(payload))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ProtocolError(f"{what} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ProtocolError(f"{what} is not a JSON object but {type(value).__name__}")
    return value


def parse_hello(payload: bytes | bytearray | memoryview) -> Hello:
    """Reads a HELLO payload. Raises :class:`ProtocolError` naming a missing or mistyped key."""
    value = parse_json(payload, "HELLO")
    return Hello(
        versions=tuple(_field(value, "versions", list)),
        job=_field(value, "job", str),
        job_id=_field(value, "jobId", str),
        role=_field(value, "role", str),
        index=_field(value, "index", int),
        parallelism=_field(value, "parallelism", int),
        attempt=_field(value, "attempt", int),
        mode=_mode(_field(value, "mode", str)),
        task_manager=_field(value, "taskManager", str),
        schema=_schema(value.get("schema"), "schema"),
        output_schema=_schema(value.get("outputSchema"), "outputSchema"),
        restored=_restored(value.get("restored")),
        program=_program(value.get("program")),
    )


def schema_to_json(schema: Schema | None) -> dict[str, Any] | None:
    if schema is None:
        return None
    columns = [{"name": c.name, "type": c.type, "nullable": c.nullable} for c in schema.columns]
    return {"columns": columns, "arrow": schema.arrow}


def schema_from_json(value: Mapping[str, Any] | None) -> Schema | None:
    return _schema(value, "schema")


def _field(value: Mapping[str, Any], key: str, kind: type, where: str = "HELLO") -> Any:
    if key not in value:
        raise ProtocolError(f"{where} lacks {key!r}")
    found = value[key]
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise ProtocolError(f"{where} {key!r} is {type(found).__name__}, not {kind.__name__}")
    return found


def _mode(value: str) -> Mode:
    if value not in get_args(Mode):
        raise ProtocolError(f"HELLO 'mode' is {value!r}, not one of {', '.join(get_args(Mode))}")
    return cast(Mode, value)


def _schema(value: Any, key: str) -> Schema | None:
    if value is None:
        return None
    where = f"HELLO {key!r}"
    if not isinstance(value, Mapping):
        raise ProtocolError(f"{where} is {type(value).__name__}, not an object")
    columns = tuple(
        Column(_field(c, "name", str, where), _field(c, "type", str, where), bool(c.get("nullable", True)))
        for c in _field(value, "columns", list, where)
    )
    return Schema(columns, _field(value, "arrow", str, where))


def _restored(value: Any) -> Restored | None:
    if value is None:
        return None
    where = "HELLO 'restored'"
    if not isinstance(value, Mapping):
        raise ProtocolError(f"{where} is {type(value).__name__}, not an object")
    return Restored(_field(value, "checkpointId", int, where), value.get("location"))


def _program(value: Any) -> Program | None:
    try:
        return program_from(value)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolError(f"HELLO 'program' makes no sense: {error}") from None
