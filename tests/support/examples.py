"""The jobs of ``examples/`` on a cluster, as a user applies them, and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from support.kubectl import Kubectl, condition, eventually

ROOT: Final = Path(__file__).parents[2]
MANAGED: Final = "app.kubernetes.io/managed-by=flinktf-operator"
CHILDREN: Final = "pods,deployments,services,configmaps,secrets,networkpolicies,serviceaccounts,roles,rolebindings"
GPU_IMAGE: Final = {"path": ["spec", "tensorflow", "image"], "value": "flinktf/tensorflow:0.1.0"}
"""The nodes only say that they have GPUs: the image for CPUs, also for roles that ask for one."""


def lasting(epochs: int = 2000) -> dict[str, Any]:
    """Makes wine a job that lasts."""
    return {"path": ["spec", "tensorflow", "parameters", "epochs"], "value": epochs}


def apply(kubectl: Kubectl, example: str, *patch: dict[str, Any]) -> None:
    """``kubectl apply -k``, with fields of the job replaced before."""
    items = json.loads(kubectl("apply", "-k", str(ROOT / "examples" / example), "--dry-run=client", "-o", "json"))
    objects = items["items"]
    for made in objects:
        made["metadata"].pop("namespace", None)
        for operation in patch if made["kind"] == "FlinkTFJob" else ():
            *path, last = operation["path"]
            place = made
            for part in path:
                place = place[part]
            place[last] = operation["value"]
    kubectl.apply(*objects)


def running(kubectl: Kubectl, job: str, seconds: int = 120) -> None:
    eventually(lambda: kubectl.status(job).get("phase") == "Running", seconds)


def succeeded(kubectl: Kubectl, job: str, seconds: int = 240) -> dict[str, Any]:
    def ended() -> dict[str, Any]:
        status = kubectl.status(job)
        assert status.get("phase") in ("Succeeded", "Failed"), status
        return status

    status = eventually(ended, seconds, 1)
    assert status["phase"] == "Succeeded", condition(status, "Failed")
    return status


def volume(kubectl: Kubectl, claim: str) -> Path:
    """The folder of this machine behind a claim."""
    name = (kubectl.get("pvc", claim) or {})["spec"]["volumeName"]
    return kubectl.kubeconfig.parent / "data" / name.removeprefix("shared-")


def task(kubectl: Kubectl, pod: str) -> dict[str, Any]:
    """What the TensorFlow process of a pod was given, and makes its ``TF_CONFIG`` from."""
    found: dict[str, Any] = json.loads(kubectl("exec", pod, "-c", "tensorflow", "--", "cat", "/work/task.json"))
    return found
