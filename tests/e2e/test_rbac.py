"""The rights that the chart gives the operator: enough for all that it does, and not one more."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.apiserver import ControlPlane, binaries
from support.api_proxy import Answer, ApiProxy
from support.kubectl import Kubectl, condition, eventually
from support.operator_process import OperatorProcess
from support.wine import MANAGED, children, job, pods, settled

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
SYSTEM = "flinktf-system"
RESOURCE = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/v\w+(?:/namespaces/[^/]+)?/(?P<kind>[^/]+)(?P<rest>(?:/[^/]+)*)")
# What nobody watches is looked at again after ten minutes: here after each second.
IMPATIENT = "from flinktf_operator import children; children._VERIFY_EVERY = 1.0"

Right = tuple[str, str, str]
"""API group, resource, verb."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Kubectl]:
    """An API server with nothing else on it, for an operator that watches all namespaces."""
    with ControlPlane() as started:
        kubectl = Kubectl(started.kubeconfig, SYSTEM)
        kubectl("apply", "-f", str(ROOT / "crds"))
        kubectl("create", "namespace", SYSTEM)
        yield kubectl


@pytest.mark.parametrize("namespace", ["one", ""], ids=["in one namespace", "in all namespaces"])
async def test_each_right_is_needed_and_none_is_missing(cluster: Kubectl, tmp_path: Path, namespace: str) -> None:
    kubectl = cluster.within(namespace or "any")
    cluster("create", "namespace", kubectl.namespace)
    rendered = installed(cluster, {"watchNamespaces": [namespace]} if namespace else {})
    user = service_account(cluster, tmp_path / "service-account")
    async with ApiProxy(user) as proxy:
        flags = ["--leader-elect", "true", "--pod-namespace", SYSTEM, "--namespaces", namespace]
        proxied = proxy.write_kubeconfig(tmp_path / "proxied")
        first, second = (
            OperatorProcess(proxied, tmp_path / f"{name}.log", *flags, name=name, before=IMPATIENT)
            for name in ("first", "second")
        )
        passed_on = await asyncio.to_thread(story, kubectl, first, second)
    assert [answer for answer in proxy.answers if answer.status == 403] == []
    assert granted(rendered) - set(used(proxy.answers)) - passed_on == set()
    for it in rendered:
        cluster.within(it["metadata"].get("namespace", SYSTEM))("delete", it["kind"], it["metadata"]["name"])
    cluster("delete", "lease", "flinktf-operator")


def installed(cluster: Kubectl, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The ServiceAccount of the chart and all that is bound to it."""
    command = [str(binaries() / "helm"), "template", "flinktf", str(ROOT / "charts" / "flinktf")]
    command += ["-n", SYSTEM, "--kube-version", "1.29.0", "--set", "userRoles=false", "-f", "-"]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, timeout=60, check=True)
    kinds = re.compile("ServiceAccount|(Cluster)?Role(Binding)?")
    rendered = [it for it in yaml.safe_load_all(done.stdout) if it and kinds.fullmatch(it["kind"])]
    for it in rendered:
        cluster.within(it["metadata"].get("namespace", SYSTEM)).apply(it)
    return rendered


def service_account(cluster: Kubectl, file: Path) -> Path:
    """Its kubeconfig, for an hour."""
    config = json.loads(cluster.kubeconfig.read_text())
    config["users"][0]["user"]["token"] = cluster("create", "token", "flinktf-operator").strip()
    file.write_text(json.dumps(config))
    return file


def story(kubectl: Kubectl, first: OperatorProcess, second: OperatorProcess) -> set[Right]:
    """Everything that an operator does in its life. Returns the rights that it has given to the job's pods."""
    with first, second:
        kubectl.apply(job(code={"configMap": "wine-code"}, checkpoint={}))
        eventually(lambda: told(kubectl, "Reconciling") == "CodeMissing", 40)
        kubectl("create", "configmap", "wine-code", "--from-literal=job.sql=SELECT 1")
        eventually(lambda: settled(kubectl, available=True), 60)
        passed_on = granted(kubectl.items("roles", MANAGED))
        assert "run 1 begins" in kubectl("describe", "flinktfjob", "wine")
        kubectl("delete", "service,networkpolicy,configmap,serviceaccount,role,rolebinding", "-l", MANAGED)
        eventually(lambda: touched(kubectl) and settled(kubectl, available=True), 60)
        kubectl("delete", "deployment", "wine-pipeline")
        eventually(lambda: settled(kubectl, available=True), 60)
        change(kubectl, suspend=True)
        eventually(lambda: told(kubectl, "Suspended") == "Suspended" and pods(kubectl) == [], 60)
        change(kubectl, suspend=False)
        eventually(lambda: settled(kubectl, run=2, available=True), 60)
        change(kubectl, tensorflow={"parameters": {"epochs": 3}})
        eventually(lambda: settled(kubectl, run=3, available=True), 60)
        leader = first if first.metric("flinktf_operator_leader") else second
        leader.kill()
        change(kubectl, activeDeadlineSeconds=1, cleanPodPolicy="All")
        eventually(lambda: told(kubectl, "Failed") == "DeadlineExceeded" and pods(kubectl) == [], 60)
        change(kubectl, ttlSecondsAfterFinished=1)
        eventually(lambda: kubectl.get("flinktfjob", "wine") is None and children(kubectl) == [], 60)
    return passed_on


def told(kubectl: Kubectl, kind: str) -> str:
    return (condition(kubectl.status("wine"), kind) or ("", ""))[1]


def touched(kubectl: Kubectl) -> bool:
    """Gives a reason to look at the job."""
    kubectl("annotate", "--overwrite", "ftj", "wine", f"touched={time.time()}")
    return True


def change(kubectl: Kubectl, **spec: Any) -> None:
    kubectl("patch", "ftj", "wine", "--type=merge", "-p", json.dumps({"spec": spec}))


def granted(rendered: Iterable[dict[str, Any]]) -> set[Right]:
    rules = (rule for it in rendered for rule in it.get("rules", ()))
    return {right for rule in rules for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])}


def used(answers: Iterable[Answer]) -> Iterator[Right]:
    for answer in answers:
        if found := RESOURCE.fullmatch(answer.path):
            name, _, part = found["rest"].removeprefix("/").partition("/")
            resource = f"{found['kind']}/{part}" if part else found["kind"]
            for verb in verbs(answer, bool(name)):
                yield found["group"] or "", resource, verb


def verbs(answer: Answer, named: bool) -> tuple[str, ...]:
    """What RBAC calls a request. An applied object that was not there takes the right to create, too."""
    if answer.method == "GET":
        return ("watch",) if answer.watch else ("get",) if named else ("list",)
    if answer.method == "PATCH":
        return ("patch", "create") if answer.status == 201 else ("patch",)
    return ({"POST": "create", "PUT": "update", "DELETE": "delete"}[answer.method],)
