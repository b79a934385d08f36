"""What a job needs so that its JobManager may die: Flink's high availability with Kubernetes. Pure.

The leader and the pointers to the job and to its checkpoints are in two ConfigMaps, the rest is beside the checkpoints.
Flink leaves the ConfigMaps behind. So the operator makes them, and they go with their owner, the job; and nobody in the
job's pods needs the right to make ConfigMaps, nor any right to others than these two.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from flinktf.api import FlinkTFJob
from flinktf.api.job import Spec
from flinktf.pods import checkpoint_path, uri
from flinktf_operator.desired.labels import Manifest, child, job_labels
from flinktf_operator.desired.settings import Owner, Run
from flinktf_operator.desired.storage import lasts

_LEADER: Final = "control-plane.alpha.kubernetes.io/leader"
_LONG_AGO: Final = "1970-01-01T00:00:00.000000Z"
_NOBODY: Final = {
    "holderIdentity": "",
    "leaseDuration": 15.0,
    "acquireTime": _LONG_AGO,
    "renewTime": _LONG_AGO,
    "leaderTransitions": 0,
}
TYPE: Final = "high-availability.type"
API_ACCESS: Final = "api-access"
"""The volume with the token of the ServiceAccount: in the containers that are Flink's, and in no other one."""


def is_on(spec: Spec) -> bool:
    """Whether there is a place for it that outlives the JobManager's pod, and the manifest does not say otherwise."""
    wanted = spec.flink.configuration.get(TYPE, "kubernetes").lower() == "kubernetes"
    return wanted and spec.checkpoint is not None and lasts(spec, spec.checkpoint.path)


def account_name(job: str) -> str:
    """The ServiceAccount of the pods, and the Role and RoleBinding beside it."""
    return f"{job}-flink"


def config_maps(job: str, number: int, job_id: str) -> tuple[str, str]:
    """Where Flink keeps the leader of a run, and the checkpoints of its Flink job: the names are Flink's."""
    cluster = _cluster(job, number)
    return f"{cluster}-cluster-config-map", f"{cluster}-{job_id}-config-map"


def configuration(job: FlinkTFJob, owner: Owner, run: Run) -> dict[str, str]:
    """For JobManager and TaskManagers. Each run has a cluster of its own: the next one must not recover this one."""
    if not is_on(job.spec):
        return {}
    return {
        TYPE: "kubernetes",
        "high-availability.storageDir": uri(f"{checkpoint_path(job)}/ha"),
        "high-availability.cluster-id": run.job_id,
        # Flink gives an API server 15 s, and then begins the job again: a control plane that is updated takes longer.
        "high-availability.kubernetes.leader-election.lease-duration": "30 s",
        "high-availability.kubernetes.leader-election.renew-deadline": "25 s",
        "kubernetes.cluster-id": _cluster(owner.name, run.number),
        "kubernetes.namespace": owner.namespace,
    }


def leader(owner: Owner, run: Run) -> tuple[Manifest, ...]:
    """The ConfigMaps, as Flink makes them when it may: nobody leads."""
    cluster = _cluster(owner.name, run.number)
    labels = job_labels(owner) | {"app": cluster, "configmap-type": "high-availability"}
    made = tuple(
        child("v1", "ConfigMap", name, owner, labels) for name in config_maps(owner.name, run.number, run.job_id)
    )
    made[0]["metadata"]["annotations"][_LEADER] = json.dumps(_NOBODY)
    return made


def rights(owner: Owner, run: Run, accounts: Iterable[str]) -> tuple[Manifest, ...]:
    """Of the pods that have these ServiceAccounts: a user's own ones get them, too."""
    name, labels = account_name(owner.name), job_labels(owner)
    leads, checkpoints = config_maps(owner.name, run.number, run.job_id)
    both = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [leads, checkpoints]}
    rules = [
        both | {"verbs": ["get", "list", "watch", "update", "patch"]},
        # Flink deletes it when the job has ended.
        both | {"resourceNames": [checkpoints], "verbs": ["delete"]},
    ]
    named = sorted(set(accounts))
    subjects = [{"kind": "ServiceAccount", "name": account, "namespace": owner.namespace} for account in named]
    rbac = "rbac.authorization.k8s.io"
    role = {"apiGroup": rbac, "kind": "Role", "name": name}
    ours = (child("v1", "ServiceAccount", name, owner, labels, automountServiceAccountToken=False),)
    return (
        *(ours if name in named else ()),
        child(f"{rbac}/v1", "Role", name, owner, labels, rules=rules),
        child(f"{rbac}/v1", "RoleBinding", name, owner, labels, roleRef=role, subjects=subjects),
    )


def volume() -> Manifest:
    """As Kubernetes itself mounts it, and as Flink's client looks for it."""
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return {"projected": {"sources": [token, authority, {"downwardAPI": {"items": [namespace]}}]}}


def _cluster(job: str, number: int) -> str:
    return f"{job}-{number}"
