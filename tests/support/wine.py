"""The job of ``examples/wine`` before a cluster without nodes, and what the operator makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from flinktf_operator.decision import job_id
from flinktf_operator.desired.availability import config_maps
from support.kubectl import Kubectl

MANAGED = "app.kubernetes.io/managed-by=flinktf-operator"
EXAMPLES = Path(__file__).parents[2] / "examples"
CHILDREN = "deployments,services,configmaps,secrets,networkpolicies,serviceaccounts,roles,rolebindings"
WINE = ["wine", "wine-config", "wine-jobmanager", "wine-jobmanager", "wine-pipeline", "wine-token", "wine-worker"]


def job(name: str = "wine", **spec: Any) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load((EXAMPLES / "wine" / "job.yaml").read_text())
    manifest["metadata"]["name"] = name
    manifest["spec"] |= {"code": {}} | spec  # as if the code were in the image
    return manifest


def children(kubectl: Kubectl, selector: str = MANAGED) -> list[str]:
    return sorted(child["metadata"]["name"] for child in kubectl.items(CHILDREN, selector))


def pods(kubectl: Kubectl, selector: str = MANAGED) -> list[dict[str, Any]]:
    return kubectl.items("pods", selector)


def settled(kubectl: Kubectl, run: int = 1, available: bool = False) -> bool:
    """All of wine is there, in one run, once; ``available`` with what high availability takes."""
    found, uid = pods(kubectl), (kubectl.get("flinktfjob", "wine") or {})["metadata"]["uid"]
    more = [*["wine-flink"] * 3, *config_maps("wine", run, job_id(uid, run))] if available else []
    return (
        children(kubectl) == sorted([*WINE, *more])
        and len(found) == 4
        and {pod["metadata"]["labels"]["flinktf.dev/run"] for pod in found} == {str(run)}
        and kubectl.status("wine").get("run", {}).get("number") == run
    )
