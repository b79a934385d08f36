"""Splits a SQL file into statements and fills in its variables. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<comment>--[^\n]*|/\*(?!\+).*?\*/)   # comments; /*+ is a hint, which stays
      | (?P<quoted>'(?:[^']|'')*'|`(?:[^`]|``)*`|"(?:[^"]|"")*")
      | (?P<end>;)
      | (?P<other>[^'"`;/-]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_SET: Final = re.compile(r"SET\s+'([^']+)'\s*=\s*'([^']*)'", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")


class SqlError(ValueError):
    """A SQL file that cannot be run; the message has the line."""


@dataclass(frozen=True)
class Statement:
    """One statement without its semicolon, and the line of the file where it starts, from 1."""

    text: str
    line: int

    @property
    def keyword(self) -> str:
        return self.text.split(None, 1)[0].upper()

    @property
    def setting(self) -> tuple[str, str] | None:
        """Key and value of a ``SET 'key' = 'value'`` statement."""
        match = _SET.fullmatch(self.text)
        return (match[1], match[2]) if match else None


def statements(text: str) -> tuple[Statement, ...]:
    """The statements of a file: comments removed, split at semicolons outside of quotes."""
    found: list[Statement] = []
    parts: list[str] = []
    start = line = 1
    for token in _TOKEN.finditer(text):
        piece = token.group()
        if token.lastgroup == "end":
            _finish(found, parts, start)
        elif token.lastgroup == "comment":
            parts.append(" ")
        else:
            if token.lastgroup == "other" and piece in ("'", '"', "`"):
                raise SqlError(f"line {line}: the quote {piece} is never closed")
            if not "".join(parts).strip():
                parts.clear()
                start = line + piece[: len(piece) - len(piece.lstrip())].count("\n")
            parts.append(piece)
        line += piece.count("\n")
    _finish(found, parts, start)
    return tuple(found)


def _finish(found: list[Statement], parts: list[str], start: int) -> None:
    statement = "".join(parts).strip()
    if statement:
        found.append(Statement(statement, start))
    parts.clear()


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """Replaces ``${name}``. Raises :class:`SqlError` naming an unknown variable and the known ones."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            line = text.count("\n", 0, match.start()) + 1
            raise SqlError(f"line {line}: unknown variable ${{{match[1]}}}; known: {', '.join(sorted(variables))}")
        return variables[match[1]]

    return _VARIABLE.sub(value, text)
