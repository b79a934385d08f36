"""Reads a manifest from a file; whatever is wrong with it is one :class:`ManifestError` that names all of it."""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flinktf.api.document import Document, read_document
from flinktf.api.job import API_VERSION, KIND, FlinkTFJob
from flinktf.api.kubernetes import model_of
from flinktf.api.problems import FieldPath, Lines, ManifestError, Problem, line_of, path_text, shown
from flinktf.api.rules import RULES

_LARGEST: Final = 1 << 20
_EXPECTED: Final = {
    "int_type": "expects a whole number, like 2",
    "int_from_float": "expects a whole number, like 2",
    "bool_type": "expects true or false",
    "string_type": 'expects a text, in quotes where YAML would read something else, like "2"',
    "dict_type": "expects fields, like {name: value}",
    "model_type": "expects fields, like {name: value}",
    "model_attributes_type": "expects fields, like {name: value}",
    "tuple_type": "expects a list, like [a, b]",
}


@dataclass(frozen=True)
class LoadedManifest:
    """A valid job, and the folder that its relative paths start from."""

    job: FlinkTFJob
    directory: Path
    lines: Lines

    @property
    def code_path(self) -> Path:
        return (self.directory / self.job.spec.code.path).absolute()


def load_manifest(file: Path) -> LoadedManifest:
    """Raises :class:`ManifestError`."""
    return parse_manifest(_text(file), file.absolute().parent)


def parse_manifest(text: str, directory: Path) -> LoadedManifest:
    """Raises :class:`ManifestError`."""
    document = read_document(text)
    return LoadedManifest(_job(document), directory, document.lines)


def read_object(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> FlinkTFJob:
    """A job as the API server has it. Raises :class:`ManifestError`: not every rule can be told to an API server."""
    return _job(Document({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}))


def _job(document: Document) -> FlinkTFJob:
    """Raises :class:`ManifestError`."""
    _require_job(document)
    try:
        job: FlinkTFJob | None = FlinkTFJob.model_validate(document.value)
        errors: list[ErrorDetails] = []
    except ValidationError as error:
        errors = list(_own(error.errors()))
        job = _without(document.value, errors)
    unread = {problem.path for problem in document.problems}
    problems = [*document.problems, *(p for e in errors if (p := _problem(e, document.lines)).path not in unread)]
    if job is not None:
        problems += _broken_rules(job, {_path_of_meaning(error) for error in errors}, document.lines)
    if problems or job is None:
        raise ManifestError(*sorted(problems, key=lambda problem: problem.line or 0))
    return job


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
        text = data.decode()
    except FileNotFoundError:
        raise ManifestError(Problem("", "does not exist", "name the file of a FlinkTFJob")) from None
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}"
        raise ManifestError(Problem("", message, "save it as UTF-8")) from None
    except (OSError, ValueError) as error:  # a path with a NUL is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise ManifestError(Problem("", f"cannot be read: {reason}", "make it a readable file")) from None
    if len(data) > _LARGEST:
        raise ManifestError(Problem("", f"is larger than {_LARGEST >> 20} MiB", "keep data out of the manifest"))
    return text


def _require_job(document: Document) -> None:
    """Ends here with what is meant to be something else: the fields of a Deployment need no explanations."""
    value, expected = document.value, {"apiVersion": API_VERSION, "kind": KIND}
    if not isinstance(value, dict):
        remedy = f"begin with apiVersion: {API_VERSION} and kind: {KIND}"
        raise ManifestError(Problem("", "is not a FlinkTFJob", remedy, line=1))
    if not any(value.get(field) == right for field, right in expected.items()):
        raise ManifestError(*(_not_ours(field, value.get(field), document.lines) for field in expected))


def _not_ours(field: str, value: Any, lines: Lines) -> Problem:
    message = "is missing" if value is None else "is not one that this version of flinktf knows"
    right = {"apiVersion": API_VERSION, "kind": KIND}[field]
    return Problem(field, message, f"write {field}: {right}", shown(value, (field,)), line_of(lines, (field,)))


def _own(errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Without lists that are too short only because what is wrong in them does not count."""
    paths = [error["loc"] for error in errors]
    for error in errors:
        path = error["loc"]
        if error["type"] != "too_short" or not any(p != path and p[: len(path)] == path for p in paths):
            yield error


def _without(value: Any, errors: list[ErrorDetails]) -> FlinkTFJob | None:
    """The job as it would be without the fields that are wrong; None where it would not be one."""
    value = copy.deepcopy(value)
    for error in errors:
        if error["type"] == "missing":
            return None
        *path, last = _path(error)
        place = value
        for part in path:
            place = place[part]
        if not isinstance(place, dict):
            return None
        place.pop(last, None)
    try:
        return FlinkTFJob.model_validate({"apiVersion": API_VERSION, "kind": KIND} | value)
    except ValidationError:
        return None


def _broken_rules(job: FlinkTFJob, wrong: set[FieldPath], lines: Lines) -> Iterator[Problem]:
    names = [".".join(part for part in path[1:] if isinstance(part, str)) for path in wrong if path[:1] == ("spec",)]
    for rule in RULES:
        if any(_overlap(read, name) for read in rule.reads for name in names):
            continue
        for found, value in rule.find(job.spec):
            path = ("spec", *found)
            yield Problem(path_text(path), rule.message, rule.remedy, shown(value, path), line_of(lines, path))


def _overlap(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _path(error: ErrorDetails) -> FieldPath:
    """Without pydantic's mark for a key that is wrong itself."""
    return tuple(part for part in error["loc"] if part != "[key]")


def _path_of_meaning(error: ErrorDetails) -> FieldPath:
    """The field that is wrong; for an unknown field the one that was probably meant."""
    path = _path(error)
    close = _closest(path) if error["type"] == "extra_forbidden" else None
    return (*path[:-1], close) if close is not None else path


def _problem(error: ErrorDetails, lines: Lines) -> Problem:
    path, kind, context, value = _path(error), error["type"], error.get("ctx", {}), error["input"]
    if path in (("apiVersion",), ("kind",)):
        return _not_ours(str(path[0]), None if kind == "missing" else value, lines)
    message, remedy = error["msg"], _EXPECTED.get(kind)
    if kind == "extra_forbidden":
        message, remedy = "unknown field", _known(path)
    elif kind == "missing":
        message, remedy = "is missing", " ".join(("add it;", *_like(path)))
    elif kind == "literal_error":
        message, remedy = "is not one of the allowed values", f"use {context['expected']}"
        if not isinstance(value, str) and f"'{value}'" in context["expected"]:
            message, remedy = "is a number, where a text is expected", f'write it in quotes: "{value}"'
    elif kind == "value_error":
        message, _, remedy = str(context["error"]).partition("; ")
    elif kind == "string_pattern_mismatch":
        message = "is not of the right form"
        remedy = " ".join((*_like(path), f"it must match {context['pattern']}"))
    elif remedy is not None:
        message = "is of the wrong type"
    else:
        message = message.lower().replace("input ", "")
    found = None if kind == "missing" else shown(value, path)
    return Problem(path_text(path), message, remedy or "see docs/reference.md", found, line_of(lines, path))


def _known(path: FieldPath) -> str:
    close = _closest(path)
    return f"did you mean {close!r}?" if close else f"remove it; known here: {', '.join(sorted(_fields(path[:-1])))}"


def _closest(path: FieldPath) -> str | None:
    name, known = str(path[-1]), sorted(_fields(path[:-1]))
    close = [other for other in known if name.startswith(other)] or difflib.get_close_matches(name, known, n=1)
    return next(iter(close), None)


def _like(path: FieldPath) -> Iterator[str]:
    """How the field is written, where its type gives an example."""
    field = _fields(path[:-1]).get(path[-1])
    for example in getattr(field, "examples", None) or ():
        yield f"write it like {path[-1]}: {json.dumps(example).replace(chr(34), '')};"


def _fields(path: FieldPath) -> dict[Any, Any]:
    """The fields that the object at ``path`` may have, by their names in YAML."""
    model: Any = FlinkTFJob
    for part in path:
        if isinstance(part, str) and model is not None:
            field = next((field for field in model.model_fields.values() if field.alias == part), None)
            model = model_of(field.annotation) if field is not None else None
    return {field.alias: field for field in model.model_fields.values()} if model is not None else {}
