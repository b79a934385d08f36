"""Reads YAML the way that the API server would get it: as JSON, and with the line of every field.

PyYAML alone would read ``1e-3`` as a text, ``2026-01-01`` as a date and ``1:30`` as 90, kubectl would not: a manifest
means the same on a laptop and on a cluster only if both read alike.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import yaml
from yaml.composer import ComposerError

from flinktf.api.problems import FieldPath, Lines, ManifestError, Problem, path_text

_DEEPEST: Final = 64
_NULL, _BOOL, _INT, _FLOAT, _STR, _SEQ, _MAP = (
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")
)
_BOOLEANS: Final = yaml.SafeLoader.bool_values
_BASES: Final = {"0x": 16, "0o": 8, "0b": 2}


@dataclass
class Document:
    """A manifest as JSON values; ``problems`` are those of its YAML that leave the rest readable."""

    value: Any = None
    lines: Lines = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, path: FieldPath, message: str, remedy: str, node: yaml.Node) -> None:
        self.problems.append(Problem(path_text(path), message, remedy, line=node.start_mark.line + 1))


def read_document(text: str) -> Document:
    """Raises :class:`ManifestError` for what is not YAML, or not exactly one document."""
    try:
        nodes = [node for node in yaml.compose_all(text, _Loader) if node is not None and not _is_empty(node)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"in column {mark.column + 1}: " if mark else ""
        message = error.problem or error.context or "it cannot be read"
        remedy = _REMEDIES.get(message.split(" ", 1)[0], "check indentation, quotes and brackets here")
        raise _unreadable(f"is not YAML {place}{message}", remedy, mark.line + 1 if mark else None) from None
    except (yaml.YAMLError, ValueError) as error:
        raise _unreadable(f"is not YAML: {str(error).splitlines()[0]}", "make it a UTF-8 text of YAML", None) from None
    if not nodes:
        raise _unreadable("is empty", "write a FlinkTFJob into it", None)
    if len(nodes) > 1:
        line = nodes[1].start_mark.line + 1
        raise _unreadable(f"has {len(nodes)} documents, and one FlinkTFJob is expected", "keep one in a file", line)
    document = Document()
    document.value = _value(nodes[0], (), document)
    return document


def _unreadable(message: str, remedy: str, line: int | None) -> ManifestError:
    return ManifestError(Problem("", message, remedy, line=line))


def _is_empty(node: yaml.Node) -> bool:
    """What follows a closing ``---``."""
    return isinstance(node, yaml.ScalarNode) and node.value == "" and node.tag == _NULL


_REMEDIES: Final = {"alias": "write the value out", "nested": "no manifest needs to be that deep"}


def _refused(message: str, event: yaml.Event) -> ComposerError:
    return ComposerError(None, None, message, event.start_mark)  # type: ignore[arg-type] # or libyaml's own mark


class _Loader(yaml.SafeLoader):
    """Composes nodes. Refuses aliases, which make a small file huge, and a depth that would end the stack."""

    yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {}  # type: ignore[misc] # its stub says instance variable
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refused(f"alias *{event.anchor} is not allowed", event)
        if self._depth == _DEEPEST:
            raise _refused(f"nested more than {_DEEPEST} levels deep", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _tag, _pattern, _first in (
    (_NULL, r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (_BOOL, r"(?i:true|false|yes|no|on|off)", list("yYnNtTfFoO")),
    (_INT, r"[-+]?(0x[0-9a-fA-F]+|0o?[0-7]+|0b[01]+|0|[1-9][0-9]*)", list("-+0123456789")),
    (
        _FLOAT,
        r"[-+]?((\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
):
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), _first)


def _value(node: yaml.Node, path: FieldPath, document: Document) -> Any:
    """The JSON value of ``node``; what is wrong goes to ``document``, and so does every line."""
    document.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode) and node.tag == _MAP:
        return _mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode) and node.tag == _SEQ:
        return [_value(item, (*path, index), document) for index, item in enumerate(node.value)]
    try:
        return _scalar(node.tag, node.value)
    except (ValueError, KeyError):
        message = f"is not a JSON value: {node.tag.replace('tag:yaml.org,2002:', '!!')}"
        document.refuse(path, message, "write it without a tag; what is no number, as a text in quotes", node)
        return None


def _mapping(node: yaml.MappingNode, path: FieldPath, document: Document) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, inner in node.value:
        if not isinstance(key, yaml.ScalarNode) or not _is_text(key.value):
            document.refuse(path, "has a name that is not a text", "write the name as one word", key)
            continue
        here = (*path, key.value)
        if key.value in value:
            message = f"is there twice, first in line {document.lines[here]}"
            document.refuse(here, message, "keep one of them", key)
        document.lines.setdefault(here, key.start_mark.line + 1)
        value[key.value] = _value(inner, here, document)
    return value


def _scalar(tag: str, text: str) -> Any:
    """Raises ValueError or KeyError for what JSON cannot hold."""
    if tag == _STR and _is_text(text):
        return text
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return _BOOLEANS[text.lower()]
    if tag == _INT:
        return _integer(text)
    if tag == _FLOAT and math.isfinite(number := float(text)):
        return number
    raise ValueError(tag)


def _is_text(text: Any) -> bool:
    """Half a surrogate pair can be written as an escape, and is no text."""
    return isinstance(text, str) and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    base = _BASES.get(digits[:2], 8 if digits.startswith("0") and digits != "0" else 10)
    return int(text, base)
