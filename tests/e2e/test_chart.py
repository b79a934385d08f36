"""The chart and the kustomize base: what they render, what an API server says to it, and upgrades."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.apiserver import ControlPlane, binaries
from support.kubectl import Kubectl, KubectlError

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "flinktf"
SNAPSHOTS = Path(__file__).parent / "snapshots"
NAMESPACE = "flinktf-system"
CRD = "flinktfjobs.flinktf.dev"
LABEL = "app.kubernetes.io/part-of=flinktf"

sys.path.append(str(ROOT / "deploy"))
import generate  # noqa: E402

EVERYTHING: dict[str, Any] = {
    "replicas": 3,
    "image": {"repository": "images.example.com/operator", "digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "jobs": {
        "images": {"flink": "a/flink:1", "tensorflow": "a/tensorflow:1", "tensorflowGpu": "a/tensorflow-gpu:1"},
        "imagePullPolicy": "Always",
        "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
    },
    "serviceAccount": {"name": "robot", "annotations": {"example.com/a": "b"}},
    "logFormat": "text",
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com"}],
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "control", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "podAnnotations": {"example.com/c": "d"},
    "podLabels": {"team": "ml", "app.kubernetes.io/name": "mine"},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
}
VALUES: dict[str, dict[str, Any]] = {
    "default": {},
    "one-namespace": {"watchNamespaces": ["ml"]},
    "several-namespaces": {"watchNamespaces": ["ml", "research"]},
    "everything": EVERYTHING,
    "least": {
        "replicas": 1,
        "leaderElection": False,
        "crds": {"install": False},
        "serviceAccount": {"create": False},
        "userRoles": False,
        "topologyKey": "",
        "podDisruptionBudget": {"enabled": False},
        "networkPolicy": {"enabled": False},
    },
}


class HelmError(AssertionError):
    """Helm refused; the text is its own."""


def helm(*arguments: str, values: dict[str, Any] | None = None) -> str:
    command = [str(binaries() / "helm"), *arguments, *(["--values", "-"] if values else [])]
    done = subprocess.run(
        command, input=json.dumps(values or {}), capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise HelmError(done.stderr + done.stdout)
    return done.stdout


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    text = helm("template", "flinktf", str(CHART), "-n", NAMESPACE, "--kube-version", "1.29.0", values=values)
    return [rendered for rendered in yaml.safe_load_all(text) if rendered]


def identity(rendered: dict[str, Any]) -> tuple[str, str, str, str]:
    metadata = rendered["metadata"]
    return rendered["apiVersion"], rendered["kind"], metadata.get("namespace", ""), metadata["name"]


@pytest.fixture
def empty(control_plane: ControlPlane) -> Iterator[Kubectl]:
    """An API server where nothing of flinktf is, and none of it afterwards but the CRD of this version."""
    kubectl = Kubectl(control_plane.kubeconfig, NAMESPACE)
    _clear(kubectl)
    kubectl("create", "namespace", NAMESPACE)
    yield kubectl
    _clear(kubectl)
    kubectl("apply", "-f", str(generate.CRD))


def _clear(kubectl: Kubectl) -> None:
    # One after the other: a namespace's controller goes through all kinds, and starts anew when one goes meanwhile.
    for it in (f"namespace/{NAMESPACE}", f"crd/{CRD}"):
        kubectl("delete", "--ignore-not-found", "--timeout=150s", it, timeout=180)
    kubectl("delete", "-l", LABEL, "clusterroles,clusterrolebindings")


def test_lint() -> None:
    helm("lint", "--strict", str(CHART))


@pytest.mark.parametrize("name", VALUES)
def test_snapshots(name: str) -> None:
    """``FLINKTF_UPDATE_SNAPSHOTS=1`` writes them anew."""
    rendered = sorted((it for it in render(VALUES[name]) if it["kind"] != "CustomResourceDefinition"), key=identity)
    file, text = SNAPSHOTS / f"{name}.yaml", yaml.safe_dump_all(rendered)
    if os.environ.get("FLINKTF_UPDATE_SNAPSHOTS"):
        file.write_text(text)
    assert text == file.read_text()


def test_rights_are_no_wider_than_the_namespaces() -> None:
    rendered = render({"watchNamespaces": ["ml", "research"]})
    assert {it["kind"] for it in rendered} & {"ClusterRole", "ClusterRoleBinding"} == set()
    namespaces = {it["metadata"]["namespace"] for it in rendered if it["kind"] == "RoleBinding"}
    assert namespaces == {"ml", "research", NAMESPACE}


def test_the_labels_by_which_jobs_know_the_operator_cannot_be_changed() -> None:
    (deployment,) = (it for it in render(EVERYTHING) if it["kind"] == "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert (labels["app.kubernetes.io/name"], labels["team"]) == ("flinktf-operator", "ml")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replicas": "two"}, "/replicas"),
        ({"replica": 2}, "replica"),
        ({"image": {"digest": "latest"}}, "/image/digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
        ({"watchNamespaces": "ml"}, "/watchNamespaces"),
        ({"watchNamespaces": ["ML"]}, "/watchNamespaces/0"),
        ({"jobs": {"imagePullSecrets": ["one"]}}, "/jobs/imagePullSecrets/0"),
        ({"leaderElection": False}, "leaderElection"),
    ],
    ids=str,
)
def test_wrong_values_are_refused_by_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(HelmError, match=named):
        render(values)


@pytest.mark.parametrize("name", VALUES)
def test_an_api_server_takes_what_is_rendered(control_plane: ControlPlane, empty: Kubectl, name: str) -> None:
    for namespace in ("ml", "research"):
        if empty.get("namespace", namespace) is None:
            empty("create", "namespace", namespace)
    # The ServiceMonitor's CRD is not there.
    rendered = [it for it in render(VALUES[name]) if it["kind"] != "ServiceMonitor"]
    dry_run = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-o", "name", "-f", "-")
    assert len(control_plane.kubectl(*dry_run, stdin=_list(rendered)).split()) == len(rendered)


def test_the_operator_keeps_to_the_restricted_pod_security_standard(empty: Kubectl) -> None:
    empty("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    (deployment,) = (it for it in render({"serviceAccount": {"create": False}}) if it["kind"] == "Deployment")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "operator"},
        "spec": deployment["spec"]["template"]["spec"],
    }
    pod["spec"]["serviceAccountName"] = "default"
    empty("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    empty("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(KubectlError, match="violates PodSecurity"):
        empty("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


def test_install_upgrade_uninstall(empty: Kubectl, tmp_path: Path) -> None:
    old = tmp_path / "flinktf"
    shutil.copytree(CHART, old)
    crd = yaml.safe_load((old / "files" / "crd.yaml").read_text())
    spec = _spec(crd)
    (field,) = {"suspend"} & spec.keys()
    del spec[field]
    (old / "files" / "crd.yaml").write_text(yaml.safe_dump(crd))
    release = ["flinktf", "--kubeconfig", str(empty.kubeconfig), "-n", NAMESPACE]

    assert "flinktfjobs --watch" in helm("install", *release, str(old))
    assert field not in _spec(_crd(empty))
    job = yaml.safe_load((ROOT / "examples" / "wine" / "job.yaml").read_text())
    empty.apply(job)

    helm("upgrade", *release, str(CHART))
    assert field in _spec(_crd(empty))
    assert empty.get("flinktfjob", "wine") is not None

    helm("uninstall", *release)
    assert empty.get("flinktfjob", "wine") is not None
    assert empty.get("deployment", "flinktf-operator") is None

    # What was kept is taken over by the next installation.
    helm("install", *release, str(CHART))
    assert empty.get("flinktfjob", "wine") is not None


def test_the_base_is_up_to_date() -> None:
    there = {file.name: file.read_text() for file in generate.BASE.glob("*.yaml")}
    assert there == generate.base(str(binaries() / "helm")), "run make deploy"


def test_the_base_installs_what_the_chart_renders(empty: Kubectl) -> None:
    rendered = {identity(it): it for it in render({})}
    built = {identity(it): it for it in yaml.safe_load_all(empty("kustomize", str(generate.BASE)))}
    namespace = built.pop(("v1", "Namespace", "", NAMESPACE))
    assert built == rendered
    empty("apply", "-k", str(generate.BASE))
    # kubectl diff fails when there is a difference.
    assert empty("diff", "-f", "-", stdin=_list([namespace, *rendered.values()])) == ""


def test_the_example_overlay_and_its_job(control_plane: ControlPlane, empty: Kubectl) -> None:
    overlay = ROOT / "deploy" / "overlays" / "example"
    control_plane.kubectl("apply", "-k", str(overlay / "operator"))
    empty("wait", "--for=condition=Established", f"crd/{CRD}")
    control_plane.kubectl("apply", "-k", str(overlay / "jobs"))
    assert empty.within("ml").get("flinktfjob", "wine") is not None
    list_pods = ("auth", "can-i", "list", "pods", f"--as=system:serviceaccount:{NAMESPACE}:flinktf-operator")
    assert empty.within("ml")(*list_pods).strip() == "yes"
    with pytest.raises(KubectlError):
        empty.within("default")(*list_pods)
    control_plane.kubectl("delete", "-k", str(overlay / "jobs"))


def _list(items: list[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _crd(kubectl: Kubectl) -> dict[str, Any]:
    found = kubectl.get("crd", CRD)
    assert found is not None
    return found


def _spec(crd: dict[str, Any]) -> dict[str, Any]:
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    properties: dict[str, Any] = schema["properties"]["spec"]["properties"]
    return properties
