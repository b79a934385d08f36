"""What the API server says of a Deployment, in the words of the manifest that it was made from. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from flinktf.api import FlinkTFJob
from flinktf.flink.pools import PIPELINE
from flinktf_operator.names import JOBMANAGER, POOL_LABEL

_FIELD: Final = re.compile(r"\.?spec\.template(?P<path>(?:\.\w+|\[[^\]]*\])+)")
_CONTAINER: Final = re.compile(r"\.spec\.containers\[(?:(?P<index>\d+)|name=\"(?P<name>[^\"]+)\")\](?P<rest>.*)")
_SCHEDULING: Final = re.compile(
    r"\.spec(?P<field>\.(?:nodeSelector|tolerations|affinity|priorityClassName|topologySpreadConstraints)\b.*)"
)


def in_the_manifest(message: str, workload: Mapping[str, Any], job: FlinkTFJob) -> str:
    """``message`` with the job's fields in the place of the Deployment's."""
    pool = workload["metadata"]["labels"][POOL_LABEL]
    return _FIELD.sub(lambda found: _field(found["path"], workload, _where(pool, job), pool), message)


def _where(pool: str, job: FlinkTFJob) -> str:
    if pool in (JOBMANAGER, PIPELINE):
        return "spec.flink.jobManager" if pool == JOBMANAGER else "spec.flink.pipeline"
    return f"spec.roles[{[role.name for role in job.spec.roles].index(pool)}]"


def _field(path: str, workload: Mapping[str, Any], where: str, pool: str) -> str:
    if found := _SCHEDULING.fullmatch(path):
        return f"{where}{found['field']}"
    if found := _CONTAINER.fullmatch(path):
        containers = workload["spec"]["template"]["spec"]["containers"]
        name, rest = found["name"] or containers[int(found["index"])]["name"], found["rest"]
        if rest.startswith(".resources") and name in ("jobmanager", "tensorflow", "taskmanager"):
            of_the_role = name == "taskmanager" and pool != PIPELINE
            return f"{where}{'.taskManager' if of_the_role else ''}{rest}"
        return f"{where}.podTemplate.spec.containers[name={name}]{rest}"
    return f"{where}.podTemplate{path}"
