"""Whose log ``flinktf logs`` shows."""

from __future__ import annotations

from typing import Any

import click
import pytest

from flinktf.cli.logs import select

INSTANCES = [
    {"index": 0, "pod": "wine-worker-x", "state": "training"},
    {"index": 1, "pod": "wine-worker-y", "state": "training"},
]
JOB: dict[str, Any] = {
    "spec": {"roles": [{"name": "worker"}, {"name": "ps"}]},
    "status": {"roles": [{"name": "worker", "desired": 2, "ready": 2, "instances": INSTANCES}]},
}
PODS = {"jobmanager": ["wine-jobmanager-a"], "pipeline": ["wine-pipeline-a", "wine-pipeline-b"], "ps": ["wine-ps-a"]}


@pytest.mark.parametrize(
    ("what", "taskmanager", "pods", "container"),
    [
        ("worker", False, {"worker-0": "wine-worker-x", "worker-1": "wine-worker-y"}, "tensorflow"),
        ("worker-1", False, {"worker-1": "wine-worker-y"}, "tensorflow"),
        ("worker-1", True, {"worker-1": "wine-worker-y"}, "taskmanager"),
        ("worker-7", False, {}, "tensorflow"),
        ("ps", False, {"wine-ps-a": "wine-ps-a"}, "tensorflow"),
        ("driver", False, {"wine-jobmanager-a": "wine-jobmanager-a"}, "driver"),
        ("coordinator", False, {"wine-jobmanager-a": "wine-jobmanager-a"}, "coordinator"),
        ("pipeline", False, {name: name for name in PODS["pipeline"]}, "taskmanager"),
    ],
)
def test_selected(what: str, taskmanager: bool, pods: dict[str, str], container: str) -> None:
    assert select(JOB, what, taskmanager, PODS.__getitem__) == (pods, container)


def test_something_that_the_job_has_not() -> None:
    with pytest.raises(click.ClickException, match="wrker-0 is nothing of this job; it has worker, ps, jobmanager"):
        select(JOB, "wrker-0", False, PODS.__getitem__)
