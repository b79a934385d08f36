"""The CustomResourceDefinition, as far as it can be judged without an API server; tests/e2e/test_crd.py asks one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from flinktf.api.crd import crd
from flinktf.api.rules import RULES

FILE = Path(__file__).parents[3] / "crds" / "flinktf.dev_flinktfjobs.yaml"
SCHEMA = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def test_the_file_is_what_the_types_say() -> None:
    assert yaml.safe_load(FILE.read_text()) == crd(), "run: make docs"


def test_client_side_apply_has_room_for_it() -> None:
    """kubectl keeps the whole object in an annotation, which may have 262,144 bytes."""
    assert len(json.dumps(crd(), separators=(",", ":"))) < 60_000


def _fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from _fields(field, f"{path}.{name}")
    if "items" in schema:
        yield from _fields(schema["items"], f"{path}[]")


def test_every_field_is_explained() -> None:
    silent = [path for path, field in _fields(SCHEMA["properties"]["spec"], "spec") if not field.get("description")]
    assert [path for path in silent if not path.endswith("[]")] == []


def test_it_is_structural() -> None:
    """No references, and no alternatives, as the API server would not prune or default through them."""
    for path, field in _fields(SCHEMA):
        assert not {"$ref", "anyOf", "oneOf", "allOf", "const", "title"} & field.keys(), path
        assert {"type", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"} & field.keys(), path


def test_every_rule_that_can_be_told_is_told() -> None:
    spec = SCHEMA["properties"]["spec"]
    of_roles = spec["properties"]["roles"]["items"]["x-kubernetes-validations"]
    told = {rule["rule"]: rule["message"] for rule in [*spec["x-kubernetes-validations"], *of_roles]}
    for rule in RULES:
        if rule.cel is not None:
            assert told[rule.cel].endswith(f"{rule.message}; {rule.remedy}")
    assert [rule.name for rule in RULES if rule.cel is None] == ["role-names-differ", "task-manager-memory"]
