"""What a client of a model says first: which model it wants, what it will send, and what it takes. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, cast

import pyarrow as pa

from flinktf.protocol.frames import VERSIONS
from flinktf.protocol.hello import common_version, parse_json, schema_from_json
from flinktf.training.records import arrow_schema

ERROR: Final = "error"
MODEL_VERSION: Final = "model_version"

NotFinite = Literal["allow", "reject"]


class RequestError(Exception):
    """A HELLO that cannot be served; ``kind`` is what the client is told as the failure's type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class ServingOptions:
    """How a model is served.

    ``max_rows``: requests that wait while the model is busy become one call of at most so many rows. ``poll``: seconds
    between two looks for a new version. ``load_timeout``: seconds that the first version may take. ``converter`` and
    ``result`` name functions of the job's code, ``module:function``, that give a Converter and a Result of
    ``flinktf.models``.
    """

    not_finite: NotFinite = "allow"
    max_rows: int = 8192
    poll: float = 10.0
    load_timeout: float = 300.0
    converter: str | None = None
    result: str | None = None


@dataclass(frozen=True)
class Request:
    """``outputs`` are the model's own columns; ``columns`` are all of an answer: those, perhaps ``model_version`` among
    them, and last why a row was refused."""

    path: str
    signature: str | None
    options: ServingOptions
    inputs: pa.Schema
    outputs: pa.Schema
    columns: pa.Schema


def parse_request(payload: bytes | bytearray | memoryview, token: str) -> Request:
    """Reads a HELLO. Raises :class:`RequestError`, and ProtocolError naming what is missing."""
    value = parse_json(payload, "HELLO")
    if not hmac.compare_digest(str(value.get("token", "")).encode(), token.encode()):
        raise RequestError("Unauthorized", "this is not the token of the job")
    spoken = value.get("versions")
    if common_version(spoken if isinstance(spoken, list) else []) is None:
        raise RequestError("VersionMismatch", f"the client speaks versions {spoken}, this role {list(VERSIONS)}")
    model = value.get("model")
    inputs, outputs = (schema_from_json(value.get(key)) for key in ("schema", "outputSchema"))
    if not isinstance(model, Mapping) or not isinstance(model.get("path"), str) or inputs is None or outputs is None:
        raise RequestError("BadRequest", "HELLO lacks the model's path, its schema or its outputSchema")
    columns = arrow_schema(outputs)
    if not columns.names or columns.names[-1] != ERROR or not pa.types.is_string(columns.field(-1).type):
        raise RequestError("BadRequest", f"the last column of outputSchema is not a STRING {ERROR!r}")
    own = [field for field in list(columns)[:-1] if not _is_version(field)]
    return Request(
        path=model["path"],
        signature=model.get("signature"),
        options=_options(model.get("options") or {}),
        inputs=arrow_schema(inputs),
        outputs=pa.schema(own),
        columns=columns,
    )


def _options(given: Mapping[str, Any]) -> ServingOptions:
    known = [field.name.replace("_", "-") for field in fields(ServingOptions)]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise RequestError("BadRequest", f"there is no option {unknown[0]!r}; there are {', '.join(known)}")
    finite = given.get("not-finite", "allow")
    if finite not in ("allow", "reject"):
        raise RequestError("BadRequest", f"option 'not-finite' is {finite!r}, not allow or reject")
    defaults = ServingOptions()
    return ServingOptions(
        not_finite=cast(NotFinite, finite),
        max_rows=int(_number(given, "max-rows", defaults.max_rows)),
        poll=_number(given, "poll", defaults.poll),
        load_timeout=_number(given, "load-timeout", defaults.load_timeout),
        converter=given.get("converter"),
        result=given.get("result"),
    )


def _number(given: Mapping[str, Any], name: str, default: float) -> float:
    """A positive number; of seconds, where it is a time."""
    text = str(given.get(name, default)).removesuffix("s").strip()
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise RequestError("BadRequest", f"option {name!r} is {given[name]!r}, not a number above 0")
    return number


def answer(request: Request, outputs: pa.RecordBatch, errors: pa.Array, version: str) -> pa.RecordBatch:
    """The columns that the client wants: the model's, and what is known of each row."""
    columns = [
        _version_column(field.type, version, outputs.num_rows) if _is_version(field) else outputs.column(field.name)
        for field in list(request.columns)[:-1]
    ]
    return pa.RecordBatch.from_arrays([*columns, errors], schema=request.columns)


def _is_version(field: pa.Field) -> bool:
    return field.name == MODEL_VERSION and field.type in (pa.int64(), pa.string())


def _version_column(kind: pa.DataType, version: str, rows: int) -> pa.Array:
    value = version if pa.types.is_string(kind) else int(version) if version.isdecimal() else None
    return pa.repeat(pa.scalar(value, kind), rows)
