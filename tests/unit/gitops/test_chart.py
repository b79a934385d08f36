"""The chart's files, as far as they can be judged without Helm."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "flinktf"


def _generate() -> Any:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "deploy" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _rules_of_the_template() -> set[tuple[str, str, str]]:
    text = (CHART / "templates" / "_helpers.tpl").read_text()
    rules = re.search(r'define "flinktf.rules" -}}\n(.*?){{- end }}', text, re.DOTALL)
    lease = re.search(r"^rules:\n(.*?)^---", (CHART / "templates" / "rbac.yaml").read_text(), re.DOTALL | re.MULTILINE)
    assert rules is not None
    assert lease is not None
    return set(_flat(yaml.safe_load(rules[1]) + yaml.safe_load(lease[1])))


def _flat(rules: list[dict[str, list[str]]]) -> Iterator[tuple[str, str, str]]:
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield group, resource, verb


def _rules_of_the_document() -> set[tuple[str, str, str]]:
    text = (ROOT / "docs" / "kubernetes.md").read_text()
    table = text.split("| API group | resources | verbs |\n")[1].split("\n\n")[0].splitlines()[1:]
    found = set()
    for line in table:
        group, resources, verbs = (cell.strip() for cell in line.strip("|").split("|"))
        for resource in re.findall(r"`([^`]+)`", resources):
            for verb in verbs.split("(")[0].split(","):
                found.add(("" if group == "core" else group.strip("`"), resource, verb.strip()))
    return found


def test_the_rights_are_those_of_the_document() -> None:
    assert _rules_of_the_template() == _rules_of_the_document()


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == chart["version"] == project["version"]


def test_the_chart_has_the_crd() -> None:
    generate = _generate()
    assert generate.CRD_COPY.read_text() == generate.CRD.read_text(), "run make deploy"


def test_the_table_of_values_is_up_to_date() -> None:
    generate = _generate()
    text = generate.README.read_text()
    assert generate.readme(text) == text, "run make deploy"


def test_the_comments_of_the_values_are_the_descriptions_of_the_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    comments = re.findall(r"^ *# (.*)$", (CHART / "values.yaml").read_text(), re.MULTILINE)
    described = [
        text for _, _, text in _generate()._values(schema, yaml.safe_load((CHART / "values.yaml").read_text()))
    ]
    assert comments == described


def test_the_operator_reads_what_the_chart_sets() -> None:
    set_by_chart = set(re.findall(r"name: (FLINKTF_\w+)", (CHART / "templates" / "deployment.yaml").read_text()))
    documented = set(re.findall(r"`(FLINKTF_\w+)`", (ROOT / "docs" / "kubernetes.md").read_text()))
    assert set_by_chart <= documented
