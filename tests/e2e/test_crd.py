"""The CustomResourceDefinition before a real API server: what it accepts, refuses, fills in, shows and explains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config

from cluster.apiserver import ControlPlane
from flinktf.api import ManifestError
from flinktf.api.flink import Pipeline
from flinktf.api.job import Spec
from flinktf.api.kubernetes import Model
from flinktf.api.load import parse_manifest
from flinktf.api.roles import Gpu, Role
from flinktf.api.rules import RULES
from flinktf.api.status import Condition, Status
from support.kubectl import Kubectl, KubectlError
from support.random_jobs import manifests
from unit.api.cases import BROKEN, KEPT
from unit.api.manifests import GOOD, job, text

ROOT = Path(__file__).parents[2]
NAME = "flinktfjobs.flinktf.dev"
NOW = "2026-01-01T00:00:00Z"
STATUSES = sorted((ROOT / "tests" / "gitops" / "statuses").glob("*.yaml"))

UNTOLD = {rule.message for rule in RULES if rule.name == "task-manager-memory"}
# The API server's certificate is of its own making.
pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")


class Judge:
    """An API server that is asked what it would say."""

    def __init__(self, kubeconfig: Path) -> None:
        self._objects = CustomObjectsApi(new_client_from_config(str(kubeconfig)))

    def refusal(self, manifest: Mapping[str, Any]) -> str | None:
        """Why it would not create the job; None where it would."""
        try:
            self._objects.create_namespaced_custom_object(
                "flinktf.dev", "v1alpha1", "default", "flinktfjobs", manifest, dry_run="All", field_validation="Strict"
            )
        except ApiException as error:
            if error.status not in (400, 422):
                raise
            return str(json.loads(error.body)["message"])
        return None


@pytest.fixture(scope="session")
def judge(control_plane: ControlPlane) -> Judge:
    return Judge(control_plane.kubeconfig)


def loader_refusal(manifest: Mapping[str, Any]) -> str | None:
    """Why the loader would refuse it, but for what is known to be beyond an API server."""
    try:
        parse_manifest(text(manifest), Path())
    except ManifestError as error:
        if not all(problem.message in UNTOLD for problem in error.problems):
            return str(error)
    return None


def test_kubectl_applies_it_again_and_in_both_ways(kubectl: Kubectl) -> None:
    file = str(ROOT / "crds")
    assert "unchanged" in kubectl("apply", "-f", file)
    kubectl("apply", "--server-side", "-f", file)
    found = kubectl.get("crd", NAME)
    assert found is not None
    conditions = {condition["type"]: condition["status"] for condition in found["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}  # no NonStructuralSchema


@pytest.mark.parametrize(("name", "spec", "paths"), BROKEN)
def test_rules(judge: Judge, name: str, spec: dict[str, Any], paths: list[str]) -> None:
    rule = next(rule for rule in RULES if rule.name == name)
    refusal = judge.refusal(job(**spec))
    if name == "role-names-differ":
        assert refusal is not None
        assert "spec.roles[1]: Duplicate value" in refusal
    elif rule.cel is None:
        assert refusal is None
    else:
        assert refusal is not None
        assert f"{rule.message}; {rule.remedy}" in refusal
        index = paths[0].partition("]")[0].rpartition("[")[2]
        assert f"spec.{rule.field.replace('[]', f'[{index}]')}: " in refusal


@pytest.mark.parametrize("spec", KEPT)
def test_neighbours_of_the_rules(judge: Judge, spec: dict[str, Any]) -> None:
    assert judge.refusal(job(**spec)) is None


@pytest.mark.parametrize("name", ["a" * 41, "1a", "a-", "a.b"])
def test_names(judge: Judge, name: str) -> None:
    refusal = judge.refusal(GOOD | {"metadata": {"name": name}})
    assert refusal is not None
    assert "at most 40 of a-z, 0-9 and -" in refusal


FAILOVER = {"backoff": {"initial": "1s", "limit": "1m", "resetAfter": "10m"}, "maxRestarts": 10}


def test_defaults_are_filled_in(kubectl: Kubectl) -> None:
    kubectl.apply(GOOD)
    found = kubectl.get("flinktfjob", "wine")
    assert found is not None
    assert found["spec"] == {
        "cleanPodPolicy": "Running",
        "code": {"path": "."},
        "flink": {"configuration": {}, "pipeline": {"replicas": 1, "slots": 1}, "version": "2.3"},
        "formingTimeout": "5m",
        "model": {"path": "model"},
        "roles": [{"failover": FAILOVER, "name": "worker", "replicas": 2}],
        "suspend": False,
        "tensorflow": {"entrypoint": "train:main", "strategy": "MultiWorkerMirrored"},
    }
    assert found["status"]["observedGeneration"] == -1  # nobody may take it for ready


def test_an_unknown_field(kubectl: Kubectl) -> None:
    manifest = job(rolls=[{"name": "worker"}])
    with pytest.raises(KubectlError, match=r'unknown field "spec\.rolls"'):
        kubectl("apply", "--validate=strict", "-f", "-", stdin=json.dumps(manifest))
    kubectl("apply", "--validate=ignore", "-f", "-", stdin=json.dumps(manifest))
    found = kubectl.get("flinktfjob", "wine")
    assert found is not None
    assert "rolls" not in found["spec"]


def test_what_is_kept_as_it_is(kubectl: Kubectl) -> None:
    """Where users may write anything, nothing is pruned."""
    template = {"spec": {"containers": [{"name": "tensorflow", "env": [{"name": "A", "value": "b"}]}]}}
    spec = {
        "podTemplate": template,
        "tensorflow": {"entrypoint": "a:b", "parameters": {"a": {"b": [1, None, 0.5]}, "c": None}},
        "roles": [{"name": "worker", "podTemplate": template, "affinity": {"podAffinity": {}}}],
        "flink": {"configuration": {"a": 1, "b": "2"}, "pipeline": {"resources": {"limits": {"cpu": 2}}}},
    }
    kubectl("create", "-f", "-", stdin=json.dumps(job(**spec)))  # apply would leave out what is null
    found = kubectl.get("flinktfjob", "wine")
    assert found is not None
    assert found["spec"]["podTemplate"] == template
    assert found["spec"]["tensorflow"]["parameters"] == spec["tensorflow"]["parameters"]
    assert spec["roles"][0].items() <= found["spec"]["roles"][0].items()
    assert found["spec"]["flink"]["configuration"] == {"a": 1, "b": "2"}
    assert found["spec"]["flink"]["pipeline"]["resources"] == {"limits": {"cpu": 2}}


def test_status_is_apart(kubectl: Kubectl) -> None:
    """Users cannot write it, and whoever writes it cannot change the spec."""
    kubectl.apply(GOOD | {"status": {"phase": "Succeeded"}})
    assert kubectl.status("wine") == {"observedGeneration": -1, "restarts": 0}
    change = {"spec": {"suspend": True}, "status": {"phase": "Running", "observedGeneration": 1}}
    kubectl("patch", "ftj", "wine", "--subresource=status", "--type=merge", "-p", json.dumps(change))
    found = kubectl.get("flinktfjob", "wine")
    assert found is not None
    assert (found["spec"]["suspend"], found["metadata"]["generation"]) == (False, 1)
    assert found["status"]["phase"] == "Running"


@pytest.mark.parametrize("file", STATUSES, ids=lambda file: file.stem)
def test_every_status_is_stored(kubectl: Kubectl, file: Path) -> None:
    """Those that the operator writes, as they were recorded: no field is pruned."""
    told = yaml.safe_load(file.read_text()).get("status", {})
    kubectl.apply(GOOD)
    kubectl("patch", "ftj", "wine", "--subresource=status", "--type=merge", "-p", json.dumps({"status": told}))
    assert {"restarts": 0} | told == kubectl.status("wine")


def test_columns(kubectl: Kubectl) -> None:
    kubectl.apply(GOOD)
    told = {
        "phase": "Running",
        "rolesReady": "1/2",
        "step": 1200,
        "restarts": 3,
        "flink": {"state": "RUNNING"},
        "model": {"path": "/data/model"},
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "RoleFailed", "message": "", "lastTransitionTime": NOW}
        ],
    }
    kubectl("patch", "ftj", "wine", "--subresource=status", "--type=merge", "-p", json.dumps({"status": told}))
    head, row = (line.split() for line in kubectl("get", "ftj").splitlines())
    assert head == ["NAME", "PHASE", "ROLES", "STEP", "RESTARTS", "AGE"]
    assert row[:-1] == ["wine", "Running", "1/2", "1200", "3"]
    head, row = (line.split() for line in kubectl("get", "ftj", "-o", "wide").splitlines())
    assert head[6:] == ["STRATEGY", "FLINK", "WHY", "MODEL"]
    assert row[6:] == ["MultiWorkerMirrored", "RUNNING", "RoleFailed", "/data/model"]
    for category in ("all", "flinktf"):
        assert "flinktfjob.flinktf.dev/wine" in kubectl("get", category, "-o", "name")


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (".spec", Spec),
        (".spec.roles", Role),
        (".spec.roles.gpu", Gpu),
        (".spec.flink.pipeline", Pipeline),
        (".status", Status),
        (".status.conditions", Condition),
    ],
)
def test_explain(kubectl: Kubectl, path: str, model: type[Model]) -> None:
    """Each field with its type and what it is for."""
    words = " ".join(kubectl("explain", f"flinktfjob{path}").split())
    for field in model.model_fields.values():
        assert f"{field.alias} <" in words
        assert " ".join(str(field.description).split()) in words


@settings(max_examples=500, suppress_health_check=list(HealthCheck), print_blob=True)
@given(manifest=manifests())
def test_loader_and_api_server_agree(judge: Judge, manifest: dict[str, Any]) -> None:
    here, there = loader_refusal(manifest), judge.refusal(manifest)
    event("accepted" if there is None else "refused")
    assert (here is None) == (there is None), f"flinktf: {here}\nAPI server: {there}"
