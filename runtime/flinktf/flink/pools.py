"""Which TaskManager pools a job needs, and the Flink configuration that makes its scheduler use them as meant.

Every pool R registers the external resource ``role-R``, once a slot, and every operator asks for the one of its pool
(the connector's slot sharing groups do). So Flink's own scheduler puts exactly one worker subtask on each worker
TaskManager, and the user's pipeline on the pipeline pool. Pure: the local mode and the operator both use it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flinktf.api import FlinkTFJob

PIPELINE: Final = "pipeline"

_MEBIBYTE: Final = 1 << 20
_PIPELINE_MANAGED: Final = 128
"""MiB of managed memory a pipeline slot: state backends and Python UDFs live on it."""
_METASPACE: Final = 192
_LEAST_OVERHEAD: Final = 192
_SLOT_HEAP: Final = 64
"""MiB of task heap that a slot asks for. It only has to fit: a pool's slots share its TaskManager's whole heap."""
_ROWS_ON_THEIR_WAY: Final = 4096
"""Of one subtask of ML_PREDICT. With Flink's 10 there are no batches: a thirtieth of the speed."""


@dataclass(frozen=True)
class Pool:
    """TaskManagers of one kind. ``memory`` is a TaskManager's whole size in bytes, None for the default."""

    name: str
    replicas: int
    slots: int
    memory: int | None

    @property
    def instances(self) -> tuple[str, ...]:
        """The names of its TaskManagers, for example ``worker-0``."""
        return tuple(f"{self.name}-{index}" for index in range(self.replicas))


def pools(job: FlinkTFJob) -> tuple[Pool, ...]:
    """The pipeline pool (where the job has a pipeline) and one pool for each role, one TaskManager a replica."""
    spec = job.spec
    roles = tuple(Pool(role.name, role.replicas, 1, role.task_manager.memory_bytes) for role in spec.roles)
    if spec.job is None:
        return roles
    pipeline = spec.flink.pipeline
    return (Pool(PIPELINE, pipeline.replicas, pipeline.slots, pipeline.memory_bytes), *roles)


def cluster_configuration(job: FlinkTFJob) -> dict[str, str]:
    """What JobManager, TaskManagers and the client of a job share; the user's own ``flink.configuration`` wins."""
    return {
        "cluster.fine-grained-resource-management.enabled": "true",
        # TaskManagers come up beside the JobManager: until they all can be there, a missing slot is not an error.
        "resourcemanager.standalone.start-up-time": f"{job.spec.forming_timeout_seconds} s",
        "slot.request.timeout": f"{job.spec.forming_timeout_seconds} s",
        "cluster.evenly-spread-out-slots": "true",
        # Two heartbeats that find nobody mean that a TaskManager is gone; one that only hangs has until the timeout.
        "heartbeat.interval": "2 s",
        "heartbeat.timeout": "30 s",
        # TaskManagers come up before the JobManager is ready, or look for its successor.
        "cluster.registration.error-delay": "1 s",
        **_RESTARTS,
        # Arrow batches of 1 MiB cross the network between pools. With Flink's 32 KiB a batch needs more segments than
        # a channel has credit for, and waits for its receiver again and again: docs/benchmarks.md.
        "taskmanager.memory.segment-size": "512kb",
        **job.spec.flink.configuration,
    }


# Flink begins again at once: how long a role waits, and when it is enough, the coordinator decides. Flink's own limit
# is for what no role can help, a source that cannot be read: about four minutes.
_RESTARTS: Final = {
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.initial-backoff": "100 ms",
    "restart-strategy.exponential-delay.max-backoff": "10 s",
    "restart-strategy.exponential-delay.backoff-multiplier": "1.5",
    "restart-strategy.exponential-delay.reset-backoff-threshold": "5 min",
    "restart-strategy.exponential-delay.attempts-before-reset-backoff": "30",
}


def task_manager_configuration(pool: Pool) -> dict[str, str]:
    """What makes a TaskManager one of ``pool``: its resource, its slots, its memory."""
    resource = f"role-{pool.name}"
    managed = _PIPELINE_MANAGED * pool.slots if pool.name == PIPELINE else 0
    configuration = {
        "external-resources": resource,
        f"external-resource.{resource}.amount": str(pool.slots),
        "taskmanager.numberOfTaskSlots": str(pool.slots),
        "taskmanager.cpu.cores": f"{pool.slots}.0",
        "taskmanager.memory.managed.size": f"{managed}m",
        "taskmanager.memory.jvm-metaspace.size": f"{_METASPACE}m",
    }
    if pool.memory is not None:
        return configuration | {"taskmanager.memory.process.size": f"{pool.memory // _MEBIBYTE}m"}
    return configuration | {"taskmanager.memory.flink.size": f"{_flink_memory(pool)}m"}


def process_memory(pool: Pool) -> int:
    """Bytes that a TaskManager of ``pool`` takes in all: Flink's memory, the metaspace, and the JVM's own overhead."""
    if pool.memory is not None:
        return pool.memory
    # Flink reckons a tenth of the whole for the overhead, and 192 MiB at least.
    used = _flink_memory(pool) + _METASPACE
    return (used + max(_LEAST_OVERHEAD, math.ceil(used / 9))) * _MEBIBYTE


def _flink_memory(pool: Pool) -> int:
    """MiB for a pool whose size nobody has given."""
    return 640 + ((_PIPELINE_MANAGED + 256) * pool.slots if pool.name == PIPELINE else 0)


def pipeline_environment(coordinator: str, token_file: str) -> dict[str, str]:
    """What a TaskManager of the pipeline has in its environment: it asks the coordinator where models are served."""
    return {"FLINKTF_COORDINATOR": coordinator, "FLINKTF_TOKEN_FILE": token_file}


def job_configuration(job: FlinkTFJob) -> dict[str, str]:
    """What the client submits with: parallelism, name, and the connector's view of the roles."""
    spec = job.spec
    parallelism = spec.flink.pipeline.replicas * spec.flink.pipeline.slots
    configuration: dict[str, str] = {
        "pipeline.name": job.metadata.name,
        "parallelism.default": str(parallelism),
        "flinktf.job-name": job.metadata.name,
        "flinktf.pipeline.slots": str(parallelism),
        "flinktf.pipeline.slot.heap": f"{_SLOT_HEAP}m",
        "flinktf.pipeline.slot.managed": f"{_PIPELINE_MANAGED}m",
        "table.exec.async-ml-predict.max-concurrent-operations": str(_ROWS_ON_THEIR_WAY),
    }
    for role in spec.roles:
        configuration[f"flinktf.role.{role.name}.replicas"] = str(role.replicas)
        configuration[f"flinktf.role.{role.name}.slot.heap"] = f"{_SLOT_HEAP}m"
    if spec.checkpoint is not None and spec.checkpoint.interval_seconds is not None:
        configuration["execution.checkpointing.interval"] = f"{spec.checkpoint.interval_seconds} s"
        # A role that trains on after the end of its stream answers no barrier: the one before it counts.
        configuration["execution.checkpointing.tolerable-failed-checkpoints"] = "2147483647"
    return configuration | cluster_configuration(job)


def render(configuration: Mapping[str, str]) -> str:
    """A Flink ``config.yaml``: flat keys, every value quoted."""
    quoted = {key: value.replace("'", "''") for key, value in sorted(configuration.items())}
    return "".join(f"{key}: '{value}'\n" for key, value in quoted.items())
