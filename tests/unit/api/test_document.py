"""YAML, read as JSON with lines: what is taken how, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from flinktf.api import ManifestError, Problem
from flinktf.api.document import read_document


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("1e-3", 0.001),
        ("1.5", 1.5),
        (".5", 0.5),
        ("10", 10),
        ("-3", -3),
        ("0x1F", 31),
        ("010", 8),
        ("0o17", 15),
        ("0", 0),
        ("2026-01-01", "2026-01-01"),
        ("1:30", "1:30"),
        ("10s", "10s"),
        ("'1'", "1"),
        ("yes", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("y", "y"),
        ("=", "="),
        ("[1, a]", [1, "a"]),
        ("{1: a, b: 2}", {"1": "a", "b": 2}),
        ("!!str 1", "1"),
    ],
)
def test_values(scalar: str, value: Any) -> None:
    document = read_document(f"a: {scalar}")
    assert document.value == {"a": value}
    assert type(document.value["a"]) is type(value)
    assert not document.problems


def test_lines() -> None:
    document = read_document("# first\na:\n- b: 1\n- c\n---\n")
    assert document.lines == {(): 2, ("a",): 2, ("a", 0): 3, ("a", 0, "b"): 3, ("a", 1): 4}


def wrong(text: str) -> Problem:
    try:
        document = read_document(text)
    except ManifestError as error:
        (problem,) = error.problems
    else:
        (problem,) = document.problems
    return problem


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "is empty", None),
        ("# nothing", "is empty", None),
        ("---\n", "is empty", None),
        ("a: [", "is not YAML in column", 1),
        ("a: 1\nb: ]", "is not YAML in column 4", 2),
        ("a: 1\n\tb: 2", "is not YAML in column 1", 2),
        ("a: \x01", "is not YAML: unacceptable character", None),
        ("a: 1\n---\nb: 2", "has 2 documents", 3),
        ("a: &x [1]\nb: *x", "alias *x is not allowed", 2),
        ("a: &x\n  b: *x", "alias *x is not allowed", 2),
        ("a: " + "[" * 100, "nested more than 64 levels", 1),
        ("a: " + "{b: " * 10000, "nested more than 64 levels", 1),
        ("kind: a\nkind: b", "is there twice, first in line 1", 2),
        ("a: 1\n? [1, 2]\n: 3", "name that is not a text", 2),
        ('a: 1\n"\\ud800": 3', "name that is not a text", 2),
        ('a: "\\ud800"', "is not a JSON value", 1),
        ("a: .nan", "is not a JSON value: !!float", 1),
        ("a: 1e999", "is not a JSON value: !!float", 1),
        ("a: " + "9" * 5000, "is not a JSON value: !!int", 1),
        ("a: !!int x", "is not a JSON value: !!int", 1),
        ("a: !!bool x", "is not a JSON value: !!bool", 1),
        ("a: !!binary aGk=", "is not a JSON value: !!binary", 1),
        ("a: !!set {b}", "is not a JSON value: !!set", 1),
        ("a: !!python/object:os.system {}", "is not a JSON value: !!python/object:os.system", 1),
        ("a: !mine [1]", "is not a JSON value: !mine", 1),
    ],
)
def test_what_is_refused(text: str, message: str, line: int | None) -> None:
    problem = wrong(text)
    assert message in problem.message
    assert problem.line == line
    assert problem.remedy
