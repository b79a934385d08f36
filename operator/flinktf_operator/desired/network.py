"""How a job's pods are reached, and by whom."""

from __future__ import annotations

from typing import Any, Final

from flinktf import pods
from flinktf_operator.desired.labels import Manifest, child, job_labels, selector
from flinktf_operator.desired.settings import Owner, Settings
from flinktf_operator.names import JOB_LABEL, JOBMANAGER

_PORTS: Final = {
    "rpc": pods.RPC_PORT,
    "blob": pods.BLOB_PORT,
    "rest": pods.REST_PORT,
    "coordinator": pods.COORDINATOR_PORT,
}


def service(owner: Owner) -> Manifest:
    """JobManager and coordinator under one name. Only where they are ready: beside the one on a node that is lost."""
    spec = {
        "selector": selector(owner, JOBMANAGER),
        "ports": [{"name": name, "port": port, "targetPort": port, "protocol": "TCP"} for name, port in _PORTS.items()],
    }
    return child("v1", "Service", pods.service(owner.name), owner, job_labels(owner), spec=spec)


def network_policy(owner: Owner, settings: Settings) -> Manifest:
    """The job's own pods talk to each other; the operator asks Flink and the coordinator; nobody else gets in."""
    ours: dict[str, Any] = {"matchLabels": {JOB_LABEL: owner.name}}
    operator = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": settings.operator_namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "flinktf-operator"}},
    }
    asked = [{"port": _PORTS[name], "protocol": "TCP"} for name in ("rest", "coordinator")]
    spec = {
        "podSelector": ours,
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": ours}]}, {"from": [operator], "ports": asked}],
    }
    return child("networking.k8s.io/v1", "NetworkPolicy", owner.name, owner, job_labels(owner), spec=spec)
