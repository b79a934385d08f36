"""What is told of a job before its first run."""

from __future__ import annotations

from typing import Any

import pytest

from flinktf.api.load import read_object
from flinktf_operator.notices import notices

ROLES = [{"name": "worker"}]
VOLUME = {"spec": {"volumes": [{"name": "data", "nfs": {"server": "files", "path": "/"}}]}}
MODEL = ["what is written to spec.model.path goes with the job's pods; set spec.storage.claimName"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, MODEL),
        ({"model": {"path": "/data/model"}}, MODEL),
        ({"model": {"path": "/models/wine"}}, []),
        ({"model": {"path": "s3://models/wine"}}, []),
        ({"checkpoint": {}}, [MODEL[0].replace("path", "path and spec.checkpoint.path", 1)]),
        ({"checkpoint": {}, "model": {"path": "s3://models/wine"}}, [MODEL[0].replace("model", "checkpoint")]),
        ({"storage": {"claimName": "wine-data"}}, []),
        ({"podTemplate": VOLUME}, []),
        ({"roles": [{"name": "worker", "podTemplate": VOLUME}]}, []),
        ({"podTemplate": {"spec": {"volumes": [{"name": "cache", "emptyDir": {}}]}}}, MODEL),
        ({"podTemplate": {"spec": {"volumes": "data"}}}, MODEL),
        ({"podTemplate": {"spec": ["data"]}}, MODEL),
    ],
)
def test_results_that_go_with_the_pods(given: dict[str, Any], told: list[str]) -> None:
    spec = {"tensorflow": {"entrypoint": "train:main"}, "roles": ROLES, **given}
    found = list(notices(read_object({"name": "wine", "namespace": "ns"}, spec).spec))
    assert [what.note for what in found] == told
    assert {(what.type, what.reason) for what in found} <= {("Warning", "StorageMissing")}
