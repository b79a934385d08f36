"""The Deployments of a job: one for the JobManager, one for each pool of TaskManagers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from flinktf import pods
from flinktf.api import FlinkTFJob
from flinktf.api.kubernetes import Resources, Scheduling
from flinktf.api.roles import Gpu, Role
from flinktf.flink.pools import PIPELINE, Pool, pools
from flinktf_operator.desired import availability, containers
from flinktf_operator.desired.config import config_name
from flinktf_operator.desired.labels import Manifest, child, pool_labels, selector
from flinktf_operator.desired.settings import Owner, Run, Settings
from flinktf_operator.desired.template import with_templates
from flinktf_operator.names import JOBMANAGER, token_name

_USER: Final = 10001
_NODE_LOST: Final = 30
"""Seconds after which a pod is replaced whose node does not answer."""


def workloads(job: FlinkTFJob, owner: Owner, run: Run, settings: Settings) -> Iterator[Manifest]:
    """Raises :class:`RenderError` for a pod template that takes away what a pod lives on."""
    spec = job.spec
    manager = spec.flink.job_manager
    made = containers.job_manager(job, settings)
    yield _deployment(job, owner, run, settings, JOBMANAGER, 1, made, manager, "spec.flink.jobManager")
    roles = {role.name: (index, role) for index, role in enumerate(spec.roles)}
    for pool in pools(job):
        if pool.name == PIPELINE:
            pipeline = spec.flink.pipeline
            made = [containers.task_manager(job, pool, pipeline.resources, settings)]
            where, scheduling, gpu = "spec.flink.pipeline", pipeline, None
            yield _deployment(job, owner, run, settings, pool.name, pool.replicas, made, scheduling, where, gpu)
        else:
            index, role = roles[pool.name]
            yield _role(job, owner, run, settings, pool, role, f"spec.roles[{index}]")


def _role(job: FlinkTFJob, owner: Owner, run: Run, settings: Settings, pool: Pool, role: Role, where: str) -> Manifest:
    made = [
        containers.task_manager(job, pool, role.task_manager.resources or Resources(), settings),
        containers.tensorflow(job, role, settings),
    ]
    return _deployment(job, owner, run, settings, pool.name, pool.replicas, made, role, where, role.gpu)


def _deployment(
    job: FlinkTFJob,
    owner: Owner,
    run: Run,
    settings: Settings,
    pool: str,
    replicas: int,
    made: list[Manifest],
    scheduling: Scheduling,
    where: str,
    gpu: Gpu | None = None,
) -> Manifest:
    labels = pool_labels(owner, pool, run)
    pod = {"metadata": {"labels": labels}, "spec": _pod_spec(job, pool, made, settings) | _scheduling(scheduling, gpu)}
    templates = (("spec.podTemplate", job.spec.pod_template), (f"{where}.podTemplate", scheduling.pod_template))
    pod = _leaving_lost_nodes(with_templates(pod, templates))
    spec = {
        "replicas": replicas,
        # Two JobManagers, or an old TaskManager beside a new one, would be two clusters.
        "strategy": {"type": "Recreate"},
        "revisionHistoryLimit": 0,
        # How long a job may take to come up is the job's to say, not Kubernetes'.
        "progressDeadlineSeconds": 2147483647,
        "selector": {"matchLabels": selector(owner, pool)},
        "template": pod,
    }
    return child("apps/v1", "Deployment", f"{owner.name}-{pool}", owner, labels, spec=spec)


def _leaving_lost_nodes(pod: Manifest) -> Manifest:
    """Kubernetes would wait for five minutes before it replaces a pod of a node that does not answer."""
    given = pod["spec"].get("tolerations")
    if given is not None and not isinstance(given, list):
        return pod  # the API server says so
    keys = {one.get("key") for one in given or () if isinstance(one, dict)}
    ours = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _NODE_LOST}
        for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        if not keys & {key, None}
    ]
    return {**pod, "spec": pod["spec"] | {"tolerations": [*(given or ()), *ours]}}


def _pod_spec(job: FlinkTFJob, pool: str, made: list[Manifest], settings: Settings) -> Manifest:
    mounted = {mount["name"] for container in made for mount in container["volumeMounts"]}
    name = job.metadata.name
    flink = {f"flink-{pool}.yaml": "config.yaml"} | {
        file: file for file in ("log4j-console.properties", "log4j-cli.properties")
    }
    programs = ["coordinator.json", "submission.json"] if pool == JOBMANAGER else [f"agent-{pool}.json"]
    storage = job.spec.storage
    volumes: dict[str, Any] = {
        "flink": {"configMap": {"name": config_name(name), "items": [{"key": k, "path": p} for k, p in flink.items()]}},
        "config": {"configMap": {"name": config_name(name), "items": [{"key": k, "path": k} for k in programs]}},
        "token": {"secret": {"secretName": token_name(name), "defaultMode": 0o440}},
        "agent": {"emptyDir": {}},
        "code": {"configMap": {"name": job.spec.code.config_map}},
        "data": {"persistentVolumeClaim": {"claimName": storage.claim_name}} if storage else {"emptyDir": {}},
        "work": {"emptyDir": {}},
        "tmp": {"emptyDir": {}},
        availability.API_ACCESS: availability.volume(),
    }
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": pods.GRACE,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": made,
        "volumes": [{"name": key, **source} for key, source in volumes.items() if key in mounted],
    }
    if availability.is_on(job.spec):
        spec["serviceAccountName"] = availability.account_name(name)
    if settings.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret} for secret in settings.image_pull_secrets]
    return spec


def _scheduling(given: Scheduling, gpu: Gpu | None) -> Manifest:
    selector_ = dict(given.node_selector)
    tolerations = [t.model_dump(by_alias=True, exclude_none=True) for t in given.tolerations]
    if gpu is not None:
        tolerations.append({"key": containers.GPU, "operator": "Exists", "effect": "NoSchedule"})
        if gpu.product is not None:
            selector_[f"{containers.GPU}.product"] = gpu.product
    found = {
        "nodeSelector": selector_,
        "tolerations": tolerations,
        "affinity": given.affinity,
        "priorityClassName": given.priority_class_name,
        "topologySpreadConstraints": list(given.topology_spread_constraints),
    }
    return {key: value for key, value in found.items() if value}
