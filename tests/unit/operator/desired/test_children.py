"""What a job should consist of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flinktf.api import FlinkTFJob, load_manifest
from flinktf.api.load import read_object
from flinktf_operator.desired import Children, Manifest, Owner, RenderError, Run, Settings, children, run_fingerprint

EXAMPLES = Path(__file__).parents[4] / "examples"
SETTINGS = Settings("flink:1", "tf:1", "tf-gpu:1", image_pull_secrets=("registry",), operator_namespace="ops")
OWNER = Owner("wine", "ns", "u1")
RUN = Run(3, "ab" * 16, "file:///data/checkpoints/12")
GPU = {"name": "worker", "replicas": 2, "gpu": {"count": 2, "product": "NVIDIA-L4"}}


def job(**spec: Any) -> FlinkTFJob:
    whole = {"job": {"sql": "job.sql"}, "tensorflow": {"entrypoint": "train:main"}, "roles": [GPU]} | spec
    return read_object({"name": "wine", "namespace": "ns"}, whole)


def made(the_job: FlinkTFJob) -> Children:
    return children(the_job, OWNER, RUN, SETTINGS)


def workload(found: Children, pool: str) -> Manifest:
    return next(w for w in found.workloads if w["metadata"]["labels"]["flinktf.dev/pool"] == pool)


def pod(found: Children, pool: str) -> dict[str, Any]:
    spec: dict[str, Any] = workload(found, pool)["spec"]["template"]["spec"]
    return spec


def containers(found: Children) -> Iterator[tuple[str, Manifest]]:
    for one in found.workloads:
        for container in one["spec"]["template"]["spec"]["containers"]:
            yield one["metadata"]["labels"]["flinktf.dev/pool"], container


JOBS = [
    job(),
    job(code={"configMap": "code"}, storage={"claimName": "d"}, podTemplate={"metadata": {"labels": {"team": "x"}}}),
    load_manifest(EXAMPLES / "wine" / "job.yaml").job,
    load_manifest(EXAMPLES / "digits" / "job.yaml").job,
]


@pytest.mark.parametrize("the_job", JOBS)
def test_everything_is_labelled_and_owned_and_the_same_each_time(the_job: FlinkTFJob) -> None:
    found = made(the_job)
    assert json.dumps(found.workloads) == json.dumps(made(the_job).workloads)
    names = [(c["kind"], c["metadata"]["name"]) for c in found]
    assert len(set(names)) == len(names)
    for child in found:
        metadata = child["metadata"]
        assert len(metadata["name"]) <= 63
        assert metadata["namespace"] == "ns"
        assert metadata["ownerReferences"][0]["uid"] == "u1"
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "flinktf-operator"
        assert metadata["annotations"]["flinktf.dev/applied"]


@pytest.mark.parametrize("the_job", JOBS)
def test_pods_are_selected_bound_and_safe(the_job: FlinkTFJob) -> None:
    for one in made(the_job).workloads:
        spec = one["spec"]
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        assert labels["flinktf.dev/run"] == "3"
        inner = spec["template"]["spec"]
        assert inner["securityContext"]["runAsNonRoot"]
        assert inner["automountServiceAccountToken"] is False
        volumes = [volume["name"] for volume in inner["volumes"]]
        assert len(set(volumes)) == len(volumes)
        for container in inner["containers"]:
            paths = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert len(set(paths)) == len(paths)
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_gpus_are_the_tensorflow_containers() -> None:
    found = made(job())
    held = {(pool, c["name"]): c["resources"].get("limits", {}).get("nvidia.com/gpu") for pool, c in containers(found)}
    assert {where: count for where, count in held.items() if count} == {("worker", "tensorflow"): "2"}
    worker = pod(found, "worker")
    assert worker["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert worker["tolerations"][0] == {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert "nodeSelector" not in pod(found, "pipeline")
    assert {c["image"] for pool, c in containers(found) if c["name"] == "tensorflow"} == {"tf-gpu:1"}


def test_a_job_without_a_pipeline_has_no_pipeline_pool() -> None:
    pools = [one["metadata"]["labels"]["flinktf.dev/pool"] for one in made(job(job=None)).workloads]
    assert pools == ["jobmanager", "worker"]


def test_only_the_job_and_the_operator_get_in() -> None:
    policy = next(c for c in made(job()).config if c["kind"] == "NetworkPolicy")["spec"]
    own, operator = policy["ingress"]
    assert own == {"from": [{"podSelector": {"matchLabels": {"flinktf.dev/job": "wine"}}}]}
    assert operator["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "ops"}
    assert [port["port"] for port in operator["ports"]] == [8081, 8090]


def test_the_pipeline_finds_the_roles_that_serve_models() -> None:
    """By the coordinator, with the token; the policy lets a job's pods reach each other's ports, whichever they are."""
    found = made(job())
    environment = {
        pool: {e["name"]: e.get("value") for e in c["env"] if e["name"].startswith("FLINKTF_")}
        for pool, c in containers(found)
        if c["name"] == "taskmanager"
    }
    assert environment == {
        "pipeline": {
            "FLINKTF_COORDINATOR": "http://wine-jobmanager:8090",
            "FLINKTF_TOKEN_FILE": "/run/secrets/flinktf/token",
        },
        "worker": {"FLINKTF_AGENT_SOCKET": "/run/flinktf/agent.sock"},
    }
    pipeline = pod(found, "pipeline")
    (mounted,) = (m for m in pipeline["containers"][0]["volumeMounts"] if m["name"] == "token")
    assert mounted == {"name": "token", "mountPath": "/run/secrets/flinktf", "readOnly": True}
    (volume,) = (v for v in pipeline["volumes"] if v["name"] == "token")
    assert volume["secret"]["secretName"] == "wine-token"
    policy = next(c for c in found.config if c["kind"] == "NetworkPolicy")["spec"]
    for pool in ("jobmanager", "pipeline", "worker"):
        labels = workload(found, pool)["spec"]["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["ingress"][0] == {"from": [{"podSelector": policy["podSelector"]}]}


def test_pod_templates_are_merged_the_common_one_first() -> None:
    common = {"spec": {"containers": [{"name": "taskmanager", "env": [{"name": "A", "value": "common"}]}]}}
    own = {"spec": {"containers": [{"name": "taskmanager", "env": [{"name": "A", "value": "worker"}]}]}}
    side = {
        "metadata": {"labels": {"flinktf.dev/job": "other", "team": "x"}},
        "spec": {"containers": [{"name": "side"}]},
    }
    found = made(
        job(podTemplate=common, roles=[GPU | {"podTemplate": own}], flink={"jobManager": {"podTemplate": side}})
    )
    values = {
        pool: {e["name"]: e.get("value") for e in c["env"]}.get("A")
        for pool, c in containers(found)
        if c["name"] == "taskmanager"
    }
    assert values == {"pipeline": "common", "worker": "worker"}
    labels = workload(found, "jobmanager")["spec"]["template"]["metadata"]["labels"]
    assert (labels["flinktf.dev/job"], labels["team"]) == ("wine", "x")
    assert [c["name"] for c in pod(found, "jobmanager")["containers"]][-1] == "side"


CHECKPOINT: dict[str, Any] = {"checkpoint": {"interval": "10s"}, "storage": {"claimName": "d"}}
IN_A_BUCKET = {"checkpoint": {"path": "s3://bucket/wine"}}
A_VOLUME = {"spec": {"volumes": [{"name": "data", "nfs": {"server": "files", "path": "/"}}]}}


@pytest.mark.parametrize(
    ("spec", "available"),
    [
        (CHECKPOINT, True),
        (IN_A_BUCKET, True),
        ({"checkpoint": {}, "podTemplate": A_VOLUME}, True),
        ({"checkpoint": {"path": "/mnt/checkpoints"}}, True),
        ({}, False),
        ({"storage": {"claimName": "d"}}, False),
        ({"checkpoint": {}}, False),  # it would go with the JobManager's pod
        ({"checkpoint": {}, "flink": {"pipeline": {"podTemplate": A_VOLUME}}}, False),
        ({"checkpoint": {"path": "/tmp/checkpoints"}, "storage": {"claimName": "d"}}, False),
        (CHECKPOINT | {"flink": {"configuration": {"high-availability.type": "NONE"}}}, False),
    ],
)
def test_the_job_manager_may_die_where_checkpoints_outlive_it(spec: dict[str, Any], available: bool) -> None:
    found = made(job(**spec))
    config = next(c for c in found.config if c["metadata"]["name"] == "wine-config")["data"]
    for pool in ("jobmanager", "pipeline", "worker"):
        assert ("high-availability.type: 'kubernetes'" in config[f"flink-{pool}.yaml"]) is available
        assert (pod(found, pool).get("serviceAccountName") == "wine-flink") is available
    assert {c["kind"] for c in found.config} >= {"ServiceAccount", "Role", "RoleBinding"} if available else True
    # Nobody but Flink's own processes gets the token: the user's programs run in the other containers.
    holders = {c["name"] for _, c in containers(found) if "api-access" in {m["name"] for m in c["volumeMounts"]}}
    assert holders == ({"jobmanager", "taskmanager"} if available else set())
    assert json.loads(config["submission.json"])["configuration"]["high-availability.type"] == "NONE"


def test_a_run_has_rights_on_its_own_leader_and_checkpoints_only() -> None:
    found = {(c["kind"], c["metadata"]["name"]): c for c in made(job(**CHECKPOINT))}
    leader, checkpoints = "wine-3-cluster-config-map", f"wine-3-{'ab' * 16}-config-map"
    assert ("ConfigMap", leader) in found
    assert ("ConfigMap", checkpoints) in found
    rules = found["Role", "wine-flink"]["rules"]
    assert [(rule["resourceNames"], "delete" in rule["verbs"]) for rule in rules] == [
        ([leader, checkpoints], False),
        ([checkpoints], True),
    ]
    assert not any("create" in rule["verbs"] for rule in rules)


def test_the_rights_are_given_to_a_service_account_of_the_user_s_own() -> None:
    own = {"spec": {"serviceAccountName": "s3-reader"}}
    everywhere = made(job(**CHECKPOINT, podTemplate=own)).config
    assert "ServiceAccount" not in {c["kind"] for c in everywhere}
    one = made(job(**CHECKPOINT, flink={"pipeline": {"podTemplate": own}})).config
    bound = next(c for c in one if c["kind"] == "RoleBinding")["subjects"]
    assert [subject["name"] for subject in bound] == ["s3-reader", "wine-flink"]
    assert "ServiceAccount" in {c["kind"] for c in one}


NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ([], {NOT_READY: 30, UNREACHABLE: 30}),
        (
            [{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 600}],
            {NOT_READY: 30, UNREACHABLE: 600},
        ),
        ([{"operator": "Exists"}], {}),
    ],
)
def test_a_pod_is_replaced_soon_when_its_node_is_lost(given: list[dict[str, Any]], seconds: dict[str, int]) -> None:
    for wanted in ({"tolerations": given}, {"podTemplate": {"spec": {"tolerations": given}}}):
        tolerations = pod(made(job(roles=[{"name": "worker"} | wanted])), "worker")["tolerations"]
        assert {t["key"]: t["tolerationSeconds"] for t in tolerations if "tolerationSeconds" in t} == seconds


def test_a_configuration_that_no_config_map_holds() -> None:
    large = {"entrypoint": "train:main", "parameters": {"x": "y" * 600_000}}
    roles = [GPU, {"name": "evaluator"}]
    with pytest.raises(RenderError, match=r"^spec\.tensorflow\.parameters: the job's configuration has"):
        made(job(tensorflow=large, roles=roles))
    with pytest.raises(RenderError, match=r"^spec\.flink\.configuration: "):
        made(job(flink={"configuration": {"x": "y" * 600_000}}))


def test_the_submission_begins_from_the_checkpoint() -> None:
    config = next(c for c in made(job(checkpoint={"interval": "10s"})).config if c["kind"] == "ConfigMap")
    submission = json.loads(config["data"]["submission.json"])
    assert submission["job_id"] == "ab" * 16
    assert submission["configuration"]["execution.state-recovery.path"] == "file:///data/checkpoints/12"
    assert submission["configuration"]["execution.checkpointing.dir"] == "file:///data/checkpoints/flink"


@pytest.mark.parametrize(
    ("changed", "restarts"),
    [
        ({}, False),
        ({"suspend": True}, False),
        ({"backoffLimit": 3, "ttlSecondsAfterFinished": 9, "activeDeadlineSeconds": 9, "cleanPodPolicy": "All"}, False),
        ({"formingTimeout": "5m"}, False),  # the default
        ({"formingTimeout": "6m"}, True),
        ({"roles": [GPU | {"replicas": 3}]}, True),
        ({"tensorflow": {"entrypoint": "train:other"}}, True),
        ({"flink": {"image": "mine"}}, True),
    ],
)
def test_what_a_change_restarts(changed: dict[str, Any], restarts: bool) -> None:
    assert (run_fingerprint(job(**changed)) != run_fingerprint(job())) is restarts
