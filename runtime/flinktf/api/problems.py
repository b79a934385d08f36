"""What can be wrong with a manifest, and how it is said. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

FieldPath = tuple[str | int, ...]
Lines = dict[FieldPath, int]
"""The line of the file, from 1, where each field is written."""

_SECRET: Final = re.compile(r"^env$|passw|secret|token|credential|private|(access|api).?key", re.IGNORECASE)


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


def path_text(path: FieldPath) -> str:
    """``("spec", "roles", 1)`` as ``spec.roles[1]``; what no terminal should be sent is escaped."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return text if text.isprintable() else json.dumps(text)[1:-1]


def line_of(lines: Lines, path: FieldPath) -> int | None:
    """Where the field at ``path``, or the nearest one around it, is written."""
    return next((lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in lines), None)


def shown(value: Any, path: FieldPath) -> str | None:
    """A value as a person may see it: a scalar, shortened, but nothing that could hold a secret."""
    if value is None or any(isinstance(part, str) and _SECRET.search(part) for part in path):
        return None
    if isinstance(value, dict):
        return "fields" if value else "no fields"
    if isinstance(value, (list, tuple)):
        return "a list" if value else "an empty list"
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
