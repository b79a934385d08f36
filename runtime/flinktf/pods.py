"""What the programs in a job's pods read: Flink's configuration, and the specifications of the other programs.

The same programs as locally, told where things are in a pod (docs/kubernetes.md). Pure: the operator writes it all into
one ConfigMap.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from flinktf.agent.job import agent_spec
from flinktf.api import FlinkTFJob
from flinktf.api.roles import Role
from flinktf.coordinator.job import shape_of
from flinktf.flink.java import OPTIONS
from flinktf.flink.pools import (
    Pool,
    cluster_configuration,
    job_configuration,
    render,
    task_manager_configuration,
)
from flinktf.flink.submission import RESTORE, submission_of

JOB: Final = "/opt/flinktf/job"
"""The folder that ``spec.code.path`` starts from."""
DATA: Final = "/data"
"""The folder that the model's and the checkpoints' paths start from."""
WORK: Final = "/work"
FLINK_WORK: Final = f"{WORK}/flink"
TOKEN_FILE: Final = "/run/secrets/flinktf/token"
AGENT_SOCKET: Final = "/run/flinktf/agent.sock"

RPC_PORT: Final = 6123
BLOB_PORT: Final = 6124
REST_PORT: Final = 8081
COORDINATOR_PORT: Final = 8090
AGENT_PORT: Final = 8091
TASK_MANAGER_RPC_PORT: Final = 6122
TASK_MANAGER_DATA_PORT: Final = 6121

GRACE: Final = 60
"""Seconds between SIGTERM and SIGKILL, unless a pod template says otherwise."""
_AFTERWARDS: Final = 15
"""Seconds of them that are the TaskManager's, when its role has left."""
_MEBIBYTE: Final = 1 << 20
_JOB_MANAGER_MEMORY: Final = 1024 * _MEBIBYTE
_LONG: Final = "8640000"
"""Seconds, a hundred days: a JobManager knows a job that has ended, so that nobody submits it again."""


def service(job: str) -> str:
    """The host name under which a job's pods reach JobManager and coordinator."""
    return f"{job}-jobmanager"


def coordinator(job: str) -> str:
    """The URL of a job's coordinator, in its pods."""
    return f"http://{service(job)}:{COORDINATOR_PORT}"


def job_manager_memory(job: FlinkTFJob) -> int:
    """Bytes of the whole process."""
    return job.spec.flink.job_manager.resources.memory_bytes or _JOB_MANAGER_MEMORY


def job_manager_yaml(job: FlinkTFJob, available: Mapping[str, str]) -> str:
    """The JobManager's ``config.yaml``, and the driver's; ``available`` is what high availability adds."""
    ours = {
        "jobmanager.bind-host": "0.0.0.0",
        "jobmanager.memory.process.size": f"{job_manager_memory(job) // _MEBIBYTE}m",
        "rest.bind-address": "0.0.0.0",
        "jobstore.expiration-time": _LONG,
        "web.upload.dir": f"{WORK}/upload",
    }
    return render(_common(job) | ours | dict(available) | cluster_configuration(job))


def task_manager_yaml(job: FlinkTFJob, pool: Pool, available: Mapping[str, str]) -> str:
    """The ``config.yaml`` of one pool's TaskManagers; their host and their name come with the command."""
    ours = {
        "taskmanager.bind-host": "0.0.0.0",
        "taskmanager.rpc.port": str(TASK_MANAGER_RPC_PORT),
        "taskmanager.data.port": str(TASK_MANAGER_DATA_PORT),
    }
    return render(_common(job) | ours | dict(available) | cluster_configuration(job) | task_manager_configuration(pool))


def coordinator_json(job: FlinkTFJob) -> str:
    """The coordinator's ``--spec``."""
    return shape_of(job, submitted_here=True).to_json()


def submission_json(job: FlinkTFJob, job_id: str, restore: str | None) -> str:
    """What the driver submits; ``restore`` is the checkpoint that it begins from."""
    settings = dict(job_configuration(job))
    if restore is not None:
        settings[RESTORE] = restore
    if job.spec.checkpoint is not None:
        settings |= {
            "execution.checkpointing.dir": uri(f"{checkpoint_path(job)}/flink"),
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        }
    # The driver's JobManager is the one beside it, whoever leads.
    settings |= dict(job.spec.flink.configuration) | {"high-availability.type": "NONE"}
    return submission_of(
        job, job_id, rest=("127.0.0.1", REST_PORT), configuration=settings, code=code_path(job), storage=DATA
    ).to_json()


def agent_json(job: FlinkTFJob, role: Role) -> str:
    """The ``--spec`` of a role's agents; their host comes with the environment."""
    return agent_spec(
        job,
        role,
        socket=AGENT_SOCKET,
        coordinator=coordinator(job.metadata.name),
        token_file=TOKEN_FILE,
        host="",
        code_path=code_path(job),
        model_path=_below(DATA, job.spec.model.path),
        checkpoint_path=checkpoint_path(job),
        storage_path=DATA,
        work_dir=WORK,
        log_dir=WORK,
        port=AGENT_PORT,
        leave_seconds=max(0, _grace(job, role) - _AFTERWARDS),
        echo=True,
    ).to_json()


def code_path(job: FlinkTFJob) -> str:
    """The folder of the job's code in its pods. A ConfigMap is mounted as the folder itself."""
    code = job.spec.code
    return JOB if code.config_map is not None else _below(JOB, code.path)


def _grace(job: FlinkTFJob, role: Role) -> int:
    given = [GRACE]
    for template in (job.spec.pod_template, role.pod_template):
        spec = template.get("spec")
        seconds = spec.get("terminationGracePeriodSeconds") if isinstance(spec, dict) else None
        given += [seconds] if isinstance(seconds, int) else []
    return given[-1]


def checkpoint_path(job: FlinkTFJob) -> str:
    """The folder of the job's checkpoints; empty when it has none."""
    return _below(DATA, job.spec.checkpoint.path) if job.spec.checkpoint is not None else ""


def _common(job: FlinkTFJob) -> dict[str, str]:
    return {
        "jobmanager.rpc.address": service(job.metadata.name),
        "jobmanager.rpc.port": str(RPC_PORT),
        "blob.server.port": str(BLOB_PORT),
        "rest.address": service(job.metadata.name),
        "rest.port": str(REST_PORT),
        "io.tmp.dirs": FLINK_WORK,
        "env.java.opts.all": OPTIONS,
    }


def _below(folder: str, path: str) -> str:
    """``path`` as it is when it is absolute or a URI."""
    return path if "://" in path else str(PurePosixPath(folder, path))


def uri(path: str) -> str:
    """As Flink writes paths."""
    return path if "://" in path else f"file://{path}"
