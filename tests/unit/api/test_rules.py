"""Every rule between fields, broken: where, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flinktf.api.load import parse_manifest
from flinktf.api.rules import RULES
from unit.api.cases import BROKEN, KEPT, PS, roles
from unit.api.manifests import GOOD, job, problems, text


@pytest.mark.parametrize(("name", "spec", "paths"), BROKEN)
def test_broken(name: str, spec: dict[str, Any], paths: list[str]) -> None:
    rule = next(rule for rule in RULES if rule.name == name)
    found = problems(job(**spec))
    assert [p.path for p in found if p.message == rule.message] == paths
    assert all(p.remedy == rule.remedy and p.line for p in found if p.message == rule.message)


@pytest.mark.parametrize("spec", KEPT)
def test_kept(spec: dict[str, Any]) -> None:
    parse_manifest(text(job(**spec)), Path())


def test_every_rule_is_seen_broken() -> None:
    assert {rule.name for rule in RULES} == {name for name, _, _ in BROKEN}
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"tensorflow": {"strategy": "Mirrored", "entrypoint": "a:b"}, "roles": roles("chief", "ps")}, "strategy"),
        ({"tensorflow": {"strategee": "ParameterServer", "entrypoint": "a:b"}, "roles": roles("ps")}, "strategee"),
        ({"tensorflow": {"entrypont": "a:b"}}, "entrypont"),
        ({"tensorflow": {"entrypoint": "train.py"}}, "entrypoint"),
    ],
)
def test_a_wrong_field_breaks_no_further_rule(spec: dict[str, Any], path: str) -> None:
    assert [p.path for p in problems(job(**spec))] == [f"spec.tensorflow.{path}"]


def test_rules_are_told_with_what_is_wrong_by_itself() -> None:
    document = GOOD | {"spec": {"rolls": 1, "suspend": "x", "roles": roles("ps"), "tensorflow": PS | {"x": 1}}}
    assert [p.path for p in problems(text(document))] == ["spec.rolls", "spec.suspend", "spec.tensorflow.x"]
    document = GOOD | {"spec": {"suspend": "x", "roles": roles("ps"), "tensorflow": PS | {"x": 1}}}
    assert {p.path for p in problems(text(document))} == {"spec.roles", "spec.suspend", "spec.tensorflow.x"}
