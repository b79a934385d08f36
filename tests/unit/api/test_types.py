"""Quantities, durations, what the models answer, and the notices."""

from __future__ import annotations

import pytest

from flinktf.api import FlinkTFJob, notices
from flinktf.api.kubernetes import Resources, duration_value, quantity_value
from unit.api.manifests import GOOD, SERVERS, job


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1Gi", 2**30),
        ("1Ki", 1024),
        ("1Ei", 2**60),
        ("500m", 0.5),
        ("5n", 5e-9),
        ("2", 2),
        (".5", 0.5),
        ("2.", 2),
        ("1.5k", 1500),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 1e18),
        ("1e-3", 0.001),
    ],
)
def test_quantities(text: str, value: float) -> None:
    assert quantity_value(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["", ".", "1 Gi", "1GB", "1gi", "-1", "1e", "1e1000", "1e9999999", "9" * 31, "1Gi\n"])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity_value(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("1h30m", 5400), ("1h1m1s", 3661), ("0h5s", 5), ("90m", 5400)]
)
def test_durations(text: str, seconds: int) -> None:
    assert duration_value(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "text", ["", "0s", "5", "5 m", "m", "1m1h", "1.5h", "10ms", "1d", "-5m", "999999h", "5m\n", "٣s"]
)
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        duration_value(text)


def test_memory_is_the_limit_or_the_request() -> None:
    assert Resources().memory_bytes is None
    assert Resources(requests={"memory": "1Gi"}).memory_bytes == 2**30
    assert Resources(requests={"memory": "1Gi"}, limits={"memory": "2Gi"}).memory_bytes == 2**31


def test_what_the_models_answer() -> None:
    spec = FlinkTFJob.model_validate(
        job(
            roles=[
                {"name": "worker", "replicas": 3, "failover": {"stallTimeout": "2m"}},
                {"name": "evaluator", "taskManager": {"resources": {"limits": {"memory": 2147483648}}}},
            ],
            checkpoint={"interval": "1h30m"},
            formingTimeout="90s",
        )
    ).spec
    assert spec.total_instances == 4
    assert spec.role("evaluator") is spec.roles[1]
    assert spec.role("evaluator").task_manager.memory_bytes == 2**31
    with pytest.raises(KeyError):
        spec.role("chief")
    assert spec.forming_timeout_seconds == 90
    assert spec.checkpoint is not None
    assert spec.checkpoint.interval_seconds == 5400
    assert [role.failover.stall_timeout_seconds for role in spec.roles] == [120, None]


def test_fields_for_kubernetes_are_named() -> None:
    sizes = {"resources": {"requests": {"cpu": 2, "memory": "1Gi"}, "limits": {"memory": "1Gi"}}}
    spec = SERVERS | {
        "ttlSecondsAfterFinished": 60,
        "flink": {"image": "x", "jobManager": {"nodeSelector": {"a": "b"}}, "pipeline": sizes},
        "roles": [
            {"name": "chief"},
            {"name": "ps"},
            {"name": "worker", "gpu": {"count": 1}, "taskManager": sizes, "podTemplate": None},
        ],
        "activeDeadlineSeconds": 10,
        "code": {"configMap": "x"},
        "podTemplate": {"metadata": {}},
        "storage": {"claimName": "x"},
    }
    assert {notice.path for notice in notices(FlinkTFJob.model_validate(job(**spec)))} == {
        "spec.flink.image",
        "spec.flink.jobManager.nodeSelector",
        "spec.flink.pipeline.resources.requests.cpu",
        "spec.code.configMap",
        "spec.roles[2].gpu",
        "spec.roles[2].taskManager.resources.requests.cpu",
        "spec.podTemplate",
        "spec.ttlSecondsAfterFinished",
    }
    assert notices(FlinkTFJob.model_validate(GOOD)) == ()
