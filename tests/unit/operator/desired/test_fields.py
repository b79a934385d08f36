"""What the API server says of a Deployment, as a user reads it."""

from __future__ import annotations

import pytest

from flinktf.api.load import read_object
from flinktf_operator.desired import Owner, Run, Settings, children
from flinktf_operator.desired.fields import in_the_manifest

JOB = read_object(
    {"name": "wine", "namespace": "ns"},
    {
        "job": {"sql": "job.sql"},
        "tensorflow": {"entrypoint": "train:main"},
        "roles": [{"name": "chief"}, {"name": "ps"}, {"name": "worker"}],
    }
    | {"tensorflow": {"strategy": "ParameterServer", "entrypoint": "train:main"}},
)
MADE = children(JOB, Owner("wine", "ns", "u1"), Run(1, "ab" * 16), Settings("flink:1", "tf:1", "gpu:1")).workloads


@pytest.mark.parametrize(
    ("pool", "field", "told"),
    [
        ("ps", "spec.template.spec.containers[1].resources.limits[cpu]", "spec.roles[1].resources.limits[cpu]"),
        ("ps", "spec.template.spec.containers[0].resources.requests", "spec.roles[1].taskManager.resources.requests"),
        ("pipeline", "spec.template.spec.containers[0].resources.requests", "spec.flink.pipeline.resources.requests"),
        ("jobmanager", "spec.template.spec.containers[0].resources", "spec.flink.jobManager.resources"),
        (
            "jobmanager",
            "spec.template.spec.containers[2].env[9].valueFrom",
            "spec.flink.jobManager.podTemplate.spec.containers[name=driver].env[9].valueFrom",
        ),
        (
            "chief",
            '.spec.template.spec.containers[name="tensorflow"].typo',
            "spec.roles[0].podTemplate.spec.containers[name=tensorflow].typo",
        ),
        ("chief", "spec.template.spec.tolerations[0].effect", "spec.roles[0].tolerations[0].effect"),
        ("chief", "spec.template.spec.volumes[3].name", "spec.roles[0].podTemplate.spec.volumes[3].name"),
        ("chief", "spec.template.annotations", "spec.roles[0].podTemplate.annotations"),
        ("chief", "spec.replicas", "spec.replicas"),
    ],
)
def test_the_manifest_s_fields_are_named(pool: str, field: str, told: str) -> None:
    workload = next(made for made in MADE if made["metadata"]["labels"]["flinktf.dev/pool"] == pool)
    message = f'Deployment.apps "wine-{pool}" is invalid: {field}: Invalid value: "2": no'
    assert in_the_manifest(message, workload, JOB) == message.replace(field, told)
