"""Reads a manifest from a file; whatever is wrong with it is one :class:`ManifestError` that names all of it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from flinktf.api.job import API_VERSION, KIND, FlinkTFJob
from flinktf.api.kubernetes import model_of
from flinktf.api.rules import violations

_LARGEST: Final = 1 << 20
_SECRET_FIELDS: Final = ("env",)
_EXPECTED: Final = {
    "int_type": "expects a whole number, like 2",
    "int_parsing": "expects a whole number, like 2",
    "int_from_float": "expects a whole number, like 2",
    "bool_type": "expects true or false",
    "bool_parsing": "expects true or false",
    "string_type": 'expects a text, in quotes where YAML would read something else, like "2"',
    "dict_type": "expects fields, like {name: value}",
    "model_type": "expects fields, like {name: value}",
    "tuple_type": "expects a list, like [a, b]",
    "missing": "add this field",
}

FieldPath = tuple[str | int, ...]
Lines = dict[FieldPath, int]
"""The line of the file, from 1, where each field is written."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: ``path`` is like ``spec.roles[1].replicas``, ``line`` counts from 1."""

    path: str
    message: str
    remedy: str
    value: str | None = None
    line: int | None = None


class ManifestError(Exception):
    """What is wrong with a manifest, all of it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{problem.path}: {problem.message}" for problem in problems))
        self.problems = problems


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
    node = _compose(text)
    lines = dict(_lines(node, ()))
    duplicates = tuple(_duplicates(node, ()))
    if duplicates:
        raise ManifestError(*duplicates)
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # a date like 2026-13-45 is a ValueError
        raise ManifestError(Problem("", f"is not YAML: {error}", "mend it")) from None
    _require_job(value, lines)
    try:
        job = FlinkTFJob.model_validate(value)
    except ValidationError as error:
        raise ManifestError(*(_problem(detail, lines) for detail in _own(error.errors()))) from None
    problems = tuple(
        Problem(
            path_text(v.path), v.message, v.remedy, None if v.value is None else _short(v.value), line_of(lines, v.path)
        )
        for v in violations(job.spec)
    )
    if problems:
        raise ManifestError(*problems)
    return LoadedManifest(job, directory, lines)


def path_text(path: FieldPath) -> str:
    """``("spec", "roles", 1)`` as ``spec.roles[1]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def line_of(lines: Lines, path: FieldPath) -> int | None:
    """Where the field at ``path``, or the nearest one around it, is written."""
    return next((lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in lines), None)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST:
            raise ManifestError(
                Problem("", f"{file} is larger than {_LARGEST >> 20} MiB", "keep data out of the manifest")
            )
        return file.read_text()
    except FileNotFoundError:
        raise ManifestError(Problem("", f"{file} does not exist", "name the file of a FlinkTFJob")) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(Problem("", f"{file} cannot be read: {error}", "make it a readable text file")) from None


def _compose(text: str) -> yaml.Node:
    try:
        documents = [node for node in yaml.compose_all(text, yaml.SafeLoader) if node is not None]
        # An alias can make a small file huge; a manifest has no need of one.
        aliases = [token for token in yaml.scan(text, yaml.SafeLoader) if isinstance(token, yaml.AliasToken)]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise ManifestError(
            Problem("", f"is not YAML: {problem}", "mend it", line=mark.line + 1 if mark else None)
        ) from None
    if aliases:
        line = aliases[0].start_mark.line + 1
        raise ManifestError(Problem("", f"has the alias *{aliases[0].value}", "write the value out", line=line))
    if len(documents) != 1:
        found = "is empty" if not documents else f"has {len(documents)} documents"
        raise ManifestError(Problem("", f"{found}; one FlinkTFJob is expected", "keep one job in a file"))
    return documents[0]


def _require_job(value: Any, lines: Lines) -> None:
    if not isinstance(value, dict):
        raise ManifestError(
            Problem("", "is not a FlinkTFJob", f"begin with apiVersion: {API_VERSION} and kind: {KIND}")
        )
    for field, expected in (("apiVersion", API_VERSION), ("kind", KIND)):
        if value.get(field) != expected:
            found = _short(value[field]) if field in value else None
            message = "is missing" if found is None else "is not one that this version knows"
            raise ManifestError(Problem(field, message, f"write {field}: {expected}", found, lines.get((field,), 1)))


def _lines(node: yaml.Node, path: FieldPath) -> Iterator[tuple[FieldPath, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, str(key.value)), key.start_mark.line + 1
            yield from ((p, line) for p, line in _lines(value, (*path, str(key.value))) if p != (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index))


def _duplicates(node: yaml.Node, path: FieldPath) -> Iterator[Problem]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            here = (*path, str(key.value))
            if here[-1] in seen:
                line = key.start_mark.line + 1
                yield Problem(path_text(here), "is there twice", "keep one of them", line=line)
            seen.add(str(here[-1]))
            yield from _duplicates(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _duplicates(value, (*path, index))


def _own(details: list[Any]) -> list[Any]:
    """Without lists that are too short only because what is wrong in them does not count."""
    paths = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(p != detail["loc"] and p[: len(detail["loc"])] == detail["loc"] for p in paths)
    ]


def _problem(detail: Any, lines: Lines) -> Problem:
    path: FieldPath = tuple(part for part in detail["loc"] if part != "[key]")
    kind, context = detail["type"], detail.get("ctx", {})
    message, remedy = detail["msg"], _EXPECTED.get(kind, "see docs/reference.md")
    if kind == "extra_forbidden":
        message, remedy = "unknown field", _did_you_mean(path)
    elif kind == "missing":
        message = "is missing"
    elif kind in ("literal_error", "enum"):
        message, remedy = "is not one of the allowed values", f"use {context['expected']}"
    elif kind == "value_error":
        message, _, remedy = str(context["error"]).partition("; ")
    elif kind == "string_pattern_mismatch":
        message, remedy = "is not of the right form", f"it must match {context['pattern']}"
    elif kind.startswith(("greater_than", "less_than")):
        message, remedy = detail["msg"].lower().replace("input ", ""), "choose a number within the bounds"
    hidden = kind == "missing" or any(part in _SECRET_FIELDS for part in path)
    return Problem(path_text(path), message, remedy, None if hidden else _short(detail["input"]), line_of(lines, path))


def _did_you_mean(path: FieldPath) -> str:
    known = sorted(_fields(path[:-1]))
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"remove it; known here: {', '.join(known)}"


def _fields(path: FieldPath) -> set[str]:
    """The fields that the object at ``path`` may have."""
    model: Any = FlinkTFJob
    for part in path:
        if isinstance(part, int):
            continue
        field = next(f for f in model.model_fields.values() if f.alias == part)
        model = model_of(field.annotation)
    return {str(field.alias) for field in model.model_fields.values()}


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
