"""A manifest as pools of TaskManagers and Flink configuration."""

from typing import Any

import pytest
import yaml

from flinktf.api import FlinkTFJob
from flinktf.flink.pools import (
    Pool,
    cluster_configuration,
    job_configuration,
    pools,
    render,
    task_manager_configuration,
)


def job(**spec: Any) -> FlinkTFJob:
    whole = {"tensorflow": {"entrypoint": "a:b"}, "roles": [{"name": "worker", "replicas": 2}]} | spec
    return FlinkTFJob.model_validate(
        {"apiVersion": "flinktf.dev/v1alpha1", "kind": "FlinkTFJob", "metadata": {"name": "wine"}, "spec": whole}
    )


def test_each_role_is_a_pool_of_single_slots_beside_the_pipelines() -> None:
    memory = {"limits": {"memory": "2Gi"}}
    pipeline = {"replicas": 2, "slots": 3, "resources": memory}
    assert pools(job(job={"sql": "a.sql"}, flink={"pipeline": pipeline})) == (
        Pool("pipeline", 2, 3, 2**31),
        Pool("worker", 2, 1, None),
    )
    assert pools(job()) == (Pool("worker", 2, 1, None),)
    assert Pool("worker", 2, 1, None).instances == ("worker-0", "worker-1")


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (
            Pool("worker", 2, 1, None),
            {"external-resources": "role-worker", "external-resource.role-worker.amount": "1"},
        ),
        (
            Pool("pipeline", 1, 3, None),
            {"external-resource.role-pipeline.amount": "3", "taskmanager.memory.managed.size": "384m"},
        ),
        (Pool("worker", 1, 1, 2**30), {"taskmanager.memory.process.size": "1024m"}),
    ],
)
def test_a_task_manager_registers_its_pools_resource_once_a_slot(pool: Pool, expected: dict[str, str]) -> None:
    found = task_manager_configuration(pool)
    assert found | expected == found
    assert ("taskmanager.memory.process.size" in found) != ("taskmanager.memory.flink.size" in found)


def test_the_client_knows_parallelism_roles_and_checkpoints() -> None:
    found = job_configuration(
        job(flink={"pipeline": {"replicas": 2, "slots": 3}}, checkpoint={"interval": "1h30m"}, job={"sql": "a.sql"})
    )
    assert found["parallelism.default"] == "6"
    assert found["flinktf.role.worker.replicas"] == "2"
    assert found["execution.checkpointing.interval"] == "5400 s"
    assert found["table.exec.async-ml-predict.max-concurrent-operations"] == "4096"


def test_the_users_configuration_wins() -> None:
    spec = {"flink": {"configuration": {"heartbeat.timeout": "5 s"}}}
    assert cluster_configuration(job(**spec))["heartbeat.timeout"] == "5 s"
    rows = {"table.exec.async-ml-predict.max-concurrent-operations": "100"}
    assert job_configuration(job(flink={"configuration": rows})).items() >= rows.items()


def test_any_value_survives_the_file() -> None:
    values = {"a.b": "it's", "c": "1", "d": "yes: no # x", "e": ""}
    assert yaml.safe_load(render(values)) == values
