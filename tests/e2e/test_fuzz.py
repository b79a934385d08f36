"""Whatever the API server takes, the operator makes something of it, or says which field it cannot."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config

from flinktf.api.load import read_object
from flinktf.flink.pools import pools
from support.kubectl import Kubectl, condition, eventually
from support.operator_process import OperatorProcess
from support.random_jobs import manifests
from support.wine import MANAGED, WINE, children, job

JOBS = 500
# Where in a manifest, or in the object that was made of it.
FIELD = re.compile(r"\b(spec|metadata)(\.\w|\[)|field .*\bspec\b")
# The API server's certificate is of its own making.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")]


@pytest.fixture
def fuzzed(kubectl: Kubectl) -> Iterator[Kubectl]:
    """A namespace beside: with Deployments, but without the thousands of pods that they ask for."""
    inside = kubectl.within(f"{kubectl.namespace}-fuzzed")
    kubectl("create", "namespace", inside.namespace)
    inside("create", "quota", "none", "--hard=pods=0")
    eventually(lambda: (inside.get("quota", "none") or {}).get("status", {}).get("hard"))
    yield inside
    kubectl("delete", "namespace", inside.namespace, "--wait=false")


@pytest.mark.timeout(600)
def test_jobs_that_nobody_would_think_of(kubectl: Kubectl, fuzzed: Kubectl, tmp_path: Path) -> None:
    drawn = draw()
    namespaces = f"{kubectl.namespace},{fuzzed.namespace}"
    with OperatorProcess(kubectl.kubeconfig, tmp_path / "operator.log", "--namespaces", namespaces) as operator:
        refusals = create(fuzzed, drawn)
        assert [(m, why) for m, why in zip(drawn, refusals, strict=True) if why and not FIELD.search(why)] == []
        taken = {f"fuzzed-{i}" for i, why in enumerate(refusals) if why is None}
        assert len(taken) > JOBS / 3
        ends = eventually(lambda: all_ended(fuzzed, taken), 240, 3)
        print(f"{JOBS - len(taken)} refused,", dict(Counter(end.partition(":")[0] for end in ends.values())))
        kubectl.apply(job())
        eventually(lambda: children(kubectl) == WINE, 30)
        assert operator.ask("/livez") == 200
    told = [json.loads(line) for line in operator.log.splitlines()]
    assert [line for line in told if "exception" in line or line["level"] == "ERROR"] == []


def draw() -> list[dict[str, Any]]:
    drawn: list[dict[str, Any]] = []

    @settings(max_examples=JOBS, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(manifest=manifests())
    def collect(manifest: dict[str, Any]) -> None:
        drawn.append(manifest | {"metadata": {"name": f"fuzzed-{len(drawn)}"}})

    collect()
    return drawn


def create(kubectl: Kubectl, drawn: list[dict[str, Any]]) -> list[str | None]:
    """What the API server has against each."""
    objects = CustomObjectsApi(new_client_from_config(str(kubectl.kubeconfig)))

    def one(manifest: Mapping[str, Any]) -> str | None:
        try:
            objects.create_namespaced_custom_object(
                "flinktf.dev", "v1alpha1", kubectl.namespace, "flinktfjobs", manifest, field_validation="Strict"
            )
        except ApiException as error:
            if error.status not in (400, 422):
                raise
            return str(json.loads(error.body)["message"])
        return None

    with ThreadPoolExecutor(10) as threads:
        return list(threads.map(one, drawn))


def all_ended(kubectl: Kubectl, names: set[str]) -> dict[str, str]:
    """What became of each job, when there is nothing left that it waits for."""
    jobs = {job["metadata"]["name"]: job for job in kubectl.items("flinktfjobs")}
    made = Counter(it["metadata"]["labels"]["flinktf.dev/job"] for it in kubectl.items("deployments", MANAGED))
    ends = {name: ended(jobs[name], made[name]) if name in jobs else gone() for name in names}
    waiting = [(jobs[name].get("status"), jobs[name]["spec"]) for name in names if not ends[name]]
    assert not waiting, f"{len(waiting)} of {len(names)} wait, like {waiting[:2]}"
    return ends


def ended(job: dict[str, Any], made: int) -> str:
    """Empty while it has not."""
    status = job.get("status", {})
    stalled = condition(status, "Stalled") or condition(status, "Reconciling")
    if status.get("phase") in ("Suspended", "Failed"):
        return str(status["phase"])
    if stalled is not None and FIELD.search(stalled[2]):
        return f"{stalled[1]}: {stalled[2]}"
    wanted = read_object(job["metadata"], job["spec"]) if status.get("phase") == "Starting" else None
    return "made" if wanted is not None and made == 1 + len(pools(wanted)) else ""


def gone() -> str:
    """By its time to live."""
    return "deleted"
