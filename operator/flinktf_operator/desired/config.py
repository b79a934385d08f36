"""The ConfigMap with all that a job's programs read."""

from __future__ import annotations

import json
from typing import Final

from flinktf import pods
from flinktf.api import FlinkTFJob
from flinktf.flink.log4j import LOG4J
from flinktf.flink.pools import pools
from flinktf_operator.desired import availability
from flinktf_operator.desired.labels import Manifest, child, job_labels
from flinktf_operator.desired.settings import Owner, RenderError, Run
from flinktf_operator.names import JOBMANAGER

_LARGEST: Final = 1 << 20


def config_name(job: str) -> str:
    return f"{job}-config"


def config_map(job: FlinkTFJob, owner: Owner, run: Run) -> Manifest:
    """Raises :class:`RenderError` when it is more than a ConfigMap may hold."""
    available = availability.configuration(job, owner, run)
    data = {
        "log4j-console.properties": LOG4J,
        "log4j-cli.properties": LOG4J,
        f"flink-{JOBMANAGER}.yaml": pods.job_manager_yaml(job, available),
        "coordinator.json": pods.coordinator_json(job),
        "submission.json": pods.submission_json(job, run.job_id, run.restore),
    }
    data |= {f"flink-{pool.name}.yaml": pods.task_manager_yaml(job, pool, available) for pool in pools(job)}
    data |= {f"agent-{role.name}.json": pods.agent_json(job, role) for role in job.spec.roles}
    size = sum(len(name) + len(text.encode()) for name, text in data.items())
    if size > _LARGEST:
        raise RenderError(
            _largest_field(job),
            f"the job's configuration has {size:,} bytes, and a ConfigMap at most {_LARGEST:,}",
            "keep data in files: every role has a copy of this",
        )
    return child("v1", "ConfigMap", config_name(owner.name), owner, job_labels(owner), data=data)


def _largest_field(job: FlinkTFJob) -> str:
    spec = job.spec
    fields: dict[str, object] = {
        "spec.tensorflow.parameters": spec.tensorflow.parameters,
        "spec.tensorflow.env": spec.tensorflow.env,
        "spec.flink.configuration": spec.flink.configuration,
        "spec.job.args": spec.job.args if spec.job is not None else (),
    }
    return max(fields, key=lambda field: len(json.dumps(fields[field])))
