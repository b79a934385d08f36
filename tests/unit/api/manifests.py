"""A manifest that is right, and how the tests make others of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flinktf.api import ManifestError, Problem
from flinktf.api.load import parse_manifest

GOOD: dict[str, Any] = {
    "apiVersion": "flinktf.dev/v1alpha1",
    "kind": "FlinkTFJob",
    "metadata": {"name": "wine"},
    "spec": {"tensorflow": {"entrypoint": "train:main"}, "roles": [{"name": "worker", "replicas": 2}]},
}
SERVERS: dict[str, Any] = {
    "tensorflow": {"strategy": "ParameterServer", "entrypoint": "train:main"},
    "roles": [{"name": "chief"}, {"name": "ps"}, {"name": "worker"}, {"name": "evaluator"}],
}


def job(**spec: Any) -> dict[str, Any]:
    return GOOD | {"spec": GOOD["spec"] | spec}


def text(document: Any) -> str:
    """Every text in quotes, so that no reader takes one for something else."""
    return yaml.safe_dump(document, default_style='"', allow_unicode=True)


def problems(document: Any) -> tuple[Problem, ...]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(document if isinstance(document, str) else text(document), Path())
    return caught.value.problems
