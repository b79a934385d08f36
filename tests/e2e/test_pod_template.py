"""A pod template over ours, beside what ``kubectl patch`` makes of the same two, and before an API server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.apiserver import binaries
from flinktf.api.load import read_object
from flinktf_operator.desired import Owner, Run, Settings, children
from flinktf_operator.desired.merge import merge
from support.kubectl import Kubectl

EVERYTHING = Path(__file__).parents[1] / "unit/operator/desired/snapshots/everything.job.yaml"
OURS: dict[str, Any] = {
    "containers": [
        {
            "name": "a",
            "image": "x",
            "args": ["1", "2"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}],
            "ports": [{"containerPort": 80, "name": "http"}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            "resources": {"limits": {"memory": "1Gi", "cpu": "1"}},
        },
        {"name": "b", "image": "y"},
    ],
    "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}],
    "nodeSelector": {"disk": "ssd"},
    "securityContext": {"runAsUser": 1, "fsGroup": 2, "supplementalGroups": [1]},
    "imagePullSecrets": [{"name": "s"}],
}


def a(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "a", **fields}]}


@pytest.mark.parametrize(
    "theirs",
    [
        {},
        {"nodeSelector": {"zone": "z"}},
        {"nodeSelector": {"disk": None}},
        {"nodeSelector": None},
        {"nodeSelector": {"$patch": "replace", "zone": "z"}},
        {"nodeSelector": {"$patch": "delete"}},
        {"hostNetwork": True, "priorityClassName": "high"},
        {"securityContext": {"fsGroup": 3, "supplementalGroups": [7]}},
        {"imagePullSecrets": [{"name": "t"}, {"name": "s"}]},
        {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["h"]}]},
        {"topologySpreadConstraints": [{"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1}]},
        {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "h"}]}}},
        {"containers": [{"name": "side", "image": "z"}]},
        {"initContainers": [{"name": "init", "image": "z"}]},
        {"containers": [{"name": "b", "$patch": "delete"}]},
        {"containers": [{"name": "absent", "$patch": "delete"}]},
        {"containers": [{"$patch": "replace"}, {"name": "c", "image": "z"}]},
        a(image="z"),
        a(image=None),
        a(args=["3"]),
        a(env=[{"name": "A", "value": "2"}]),
        a(env=[{"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
        a(env=[{"name": "A", "value": None, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
        a(env=[{"name": "A", "$patch": "delete"}]),
        a(env=[{"$patch": "replace"}, {"name": "Z", "value": "1"}]),
        a(env=None),
        a(ports=[{"containerPort": 80, "name": "web"}, {"containerPort": 81}]),
        a(volumeMounts=[{"name": "w", "mountPath": "/w"}]),
        a(volumeMounts=[{"name": "w", "mountPath": "/v"}]),
        a(volumeMounts=[{"mountPath": "/v", "$patch": "delete"}]),
        a(resources={"limits": {"cpu": None, "memory": "2Gi"}}),
        a(resources={"$patch": "replace", "requests": {"cpu": "1"}}),
        a(securityContext={"capabilities": {"add": ["SYS_PTRACE"]}}),
        {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}]},
        {"volumes": [{"name": "v", "emptyDir": None, "persistentVolumeClaim": {"claimName": "c"}}]},
        {"volumes": [{"name": "v", "$patch": "delete"}, {"name": "n", "emptyDir": {}}]},
    ],
)
def test_as_kubectl_merges(theirs: dict[str, Any], tmp_path: Path) -> None:
    assert in_order(merge(OURS, theirs)) == in_order(by_kubectl(theirs, tmp_path))


def by_kubectl(theirs: dict[str, Any], folder: Path) -> Any:
    file = folder / "pod.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": OURS}))
    command = [str(binaries() / "kubectl"), "patch", "--local", "--type=strategic", "-o", "json"]
    command += ["-f", str(file), "-p", json.dumps({"spec": theirs})]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["spec"]


def in_order(value: Any) -> Any:
    """kubectl puts what is new first, and we last: variables may refer to those before them."""
    if isinstance(value, dict):
        return {key: in_order(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((in_order(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def test_the_api_server_takes_a_job_that_says_everything(kubectl: Kubectl) -> None:
    """Server-side apply refuses fields that it does not know, and a Deployment whose pods cannot be."""
    manifest = yaml.safe_load(EVERYTHING.read_text())
    manifest["metadata"]["namespace"] = kubectl.namespace
    kubectl.apply(manifest)
    uid = (kubectl.get("flinktfjob", "everything") or {})["metadata"]["uid"]
    job = read_object({"name": "everything", "namespace": kubectl.namespace}, manifest["spec"])
    settings = Settings("flink:1", "tensorflow:1", "tensorflow-gpu:1", image_pull_secrets=("registry",))
    made = children(job, Owner("everything", kubectl.namespace, uid), Run(1, "ab" * 16), settings)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(made)})
    kubectl("apply", "--server-side", "--field-manager=flinktf-operator", "-f", "-", stdin=text)
    for workload in made.workloads:
        found = kubectl.get("deployment", workload["metadata"]["name"]) or {}
        expected = workload["spec"]["template"]["spec"]
        assert [c["name"] for c in found["spec"]["template"]["spec"]["containers"]] == [
            c["name"] for c in expected["containers"]
        ]
        assert found["spec"]["template"]["spec"]["volumes"][0]["name"] == "flink"
