"""The containers of a job's pods."""

from __future__ import annotations

from typing import Any, Final

from flinktf import pods
from flinktf.api import FlinkTFJob
from flinktf.api.kubernetes import Resources
from flinktf.api.roles import Role
from flinktf.flink.afresh import afresh
from flinktf.flink.pools import PIPELINE, Pool, pipeline_environment, pools, process_memory
from flinktf_operator.desired import availability
from flinktf_operator.desired.labels import Manifest
from flinktf_operator.desired.settings import Settings

GPU: Final = "nvidia.com/gpu"
NAMES: Final = frozenset({"jobmanager", "coordinator", "driver", "taskmanager", "tensorflow"})

_CONFIG: Final = "/etc/flinktf"
_FLINK_CONFIG: Final = "/etc/flink"
_AFTER_ITS_ROLE: Final = ["sh", "-c", f"while [ -S {pods.AGENT_SOCKET} ]; do sleep 0.2; done"]
"""A TaskManager stays while its role makes a last checkpoint. Kubelet ends the wait when the grace period is over."""
# What a container needs at least to make progress beside others; a job says more where it counts (resources).
_IDLE_CPU: Final = "50m"
_ENVIRONMENT: Final = {
    "POD_NAME": "metadata.name",
    "POD_NAMESPACE": "metadata.namespace",
    "POD_IP": "status.podIP",
    "NODE_NAME": "spec.nodeName",
}
_SECURITY: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_MOUNTS: Final = {
    "flink": _FLINK_CONFIG,
    "config": _CONFIG,
    "token": "/run/secrets/flinktf",
    "agent": "/run/flinktf",
    "code": pods.JOB,
    "data": pods.DATA,
    "work": pods.WORK,
    "tmp": "/tmp",
    availability.API_ACCESS: "/var/run/secrets/kubernetes.io/serviceaccount",
}
_READ_ONLY: Final = frozenset({"flink", "config", "token", "code", availability.API_ACCESS})


def job_manager(job: FlinkTFJob, settings: Settings) -> list[Manifest]:
    """JobManager, coordinator and driver, all of the flink image."""
    image = job.spec.flink.image or settings.flink_image
    token = f"{_MOUNTS['token']}/token"
    resources = _memory(pods.job_manager_memory(job), job.spec.flink.job_manager.resources)
    coordinator = ["python", "-m", "flinktf.coordinator", "--spec", f"{_CONFIG}/coordinator.json"]
    coordinator += ["--host", "0.0.0.0", "--port", str(pods.COORDINATOR_PORT), "--token-file", token]
    driver = ["python", "-m", "flinktf.flink.submitter", "--submission", f"{_CONFIG}/submission.json"]
    driver += ["--coordinator", f"http://127.0.0.1:{pods.COORDINATOR_PORT}", "--token-file", token]
    driver += ["--task-managers", str(sum(pool.replicas for pool in pools(job))), "--work", pods.WORK]
    access = _api_access(job)
    # A TaskManager finds the leader where it is: behind the Service, there may be another JobManager for a while.
    own_address = ["-D", "jobmanager.rpc.address=$(POD_IP)"] if access else []
    return [
        _container(
            job,
            settings,
            "jobmanager",
            image,
            afresh(pods.FLINK_WORK, ["jobmanager.sh", "start-foreground", *own_address]),
            ("flink", "code", *access),
            resources,
            ports={"rpc": pods.RPC_PORT, "blob": pods.BLOB_PORT, "rest": pods.REST_PORT},
            readinessProbe=_tcp("rest", 3),
        ),
        _container(
            job,
            settings,
            "coordinator",
            image,
            coordinator,
            ("config", "token"),
            {"requests": {"cpu": _IDLE_CPU, "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
            ports={"coordinator": pods.COORDINATOR_PORT},
            readinessProbe=_http("coordinator", "/healthz", 2),
            livenessProbe=_http("coordinator", "/healthz", 5) | {"initialDelaySeconds": 30, "failureThreshold": 6},
        ),
        _container(
            job,
            settings,
            "driver",
            image,
            driver,
            ("flink", "config", "token", "code"),
            {"requests": {"cpu": _IDLE_CPU, "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
        ),
    ]


def task_manager(job: FlinkTFJob, pool: Pool, resources: Resources, settings: Settings) -> Manifest:
    """A TaskManager whose name in Flink is its pod's."""
    command = ["taskmanager.sh", "start-foreground"]
    command += ["-Dtaskmanager.resource-id=$(POD_NAME)", "-Dtaskmanager.host=$(POD_IP)"]
    role = pool.name != PIPELINE
    if role:
        environment = {"FLINKTF_AGENT_SOCKET": pods.AGENT_SOCKET}
    else:
        environment = pipeline_environment(pods.coordinator(job.metadata.name), pods.TOKEN_FILE)
    return _container(
        job,
        settings,
        "taskmanager",
        job.spec.flink.image or settings.flink_image,
        afresh(pods.FLINK_WORK, command),
        ("flink", "code", "agent" if role else "token", *_api_access(job)),
        _memory(process_memory(pool), resources),
        ports={"rpc": pods.TASK_MANAGER_RPC_PORT, "data": pods.TASK_MANAGER_DATA_PORT},
        environment=environment,
        readinessProbe=_tcp("rpc", 3),
        **({"lifecycle": {"preStop": {"exec": {"command": _AFTER_ITS_ROLE}}}} if role else {}),
    )


def tensorflow(job: FlinkTFJob, role: Role, settings: Settings) -> Manifest:
    """The agent and its TensorFlow process; the GPUs are this container's."""
    default = settings.tensorflow_gpu_image if role.gpu is not None else settings.tensorflow_image
    resources = role.resources.model_dump(exclude_defaults=True)
    if role.gpu is not None:
        resources["limits"] = resources.get("limits", {}) | {GPU: str(role.gpu.count)}
    elif not resources:
        resources = {"requests": {"cpu": _IDLE_CPU, "memory": "512Mi"}}
    return _container(
        job,
        settings,
        "tensorflow",
        job.spec.tensorflow.image or default,
        ["python", "-m", "flinktf.agent", "--spec", f"{_CONFIG}/agent-{role.name}.json"],
        ("config", "token", "code", "agent"),
        resources,
        ports={"agent": pods.AGENT_PORT},
        environment={"FLINKTF_HOST": "$(POD_IP)"},
        readinessProbe=_http("agent", "/readyz", 5),
        # An agent that hangs for a minute has its instance judged by the coordinator already (HeartbeatLost).
        livenessProbe=_http("agent", "/healthz", 10) | {"initialDelaySeconds": 30, "failureThreshold": 6},
    )


def _container(
    job: FlinkTFJob,
    settings: Settings,
    name: str,
    image: str,
    command: list[str],
    mounts: tuple[str, ...],
    resources: dict[str, Any],
    *,
    ports: dict[str, int] | None = None,
    environment: dict[str, str] | None = None,
    **more: Any,
) -> Manifest:
    wanted = [mount for mount in (*mounts, "data", "work", "tmp") if mount != "code" or job.spec.code.config_map]
    fields = [{"name": key, "valueFrom": {"fieldRef": {"fieldPath": path}}} for key, path in _ENVIRONMENT.items()]
    container: Manifest = {
        "name": name,
        "image": image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": command,  # the image's entrypoint runs it: tini, in ours
        "env": [*fields, *({"name": key, "value": value} for key, value in (environment or {}).items())],
        "resources": resources,
        "securityContext": dict(_SECURITY),
        "volumeMounts": [
            {"name": mount, "mountPath": _MOUNTS[mount]} | ({"readOnly": True} if mount in _READ_ONLY else {})
            for mount in wanted
        ],
        **more,
    }
    if ports:
        container["ports"] = [{"name": key, "containerPort": port, "protocol": "TCP"} for key, port in ports.items()]
    return container


def _api_access(job: FlinkTFJob) -> tuple[str, ...]:
    return (availability.API_ACCESS,) if availability.is_on(job.spec) else ()


def _memory(size: int, given: Resources) -> dict[str, Any]:
    """A JVM takes what it is told, and all of it: what it asks for is its limit. The rest is the manifest's."""
    text = f"{size >> 20}Mi"
    return {
        "requests": {"cpu": _IDLE_CPU} | dict(given.requests) | {"memory": text},
        "limits": dict(given.limits) | {"memory": text},
    }


def _tcp(port: str, period: int) -> dict[str, Any]:
    return {"tcpSocket": {"port": port}, "periodSeconds": period, "timeoutSeconds": 3}


def _http(port: str, path: str, period: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": period, "timeoutSeconds": 3}
