"""What the driver process is asked to submit, and what it answers. JSON files, so that a crash leaves a trace."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from flinktf.api import FlinkTFJob

RESTORE: Final = "execution.state-recovery.path"
"""Flink's option for the checkpoint that a job begins from."""


@dataclass(frozen=True)
class Submission:
    """``job_id`` is chosen by the caller, so that a second submission of the same job is recognised by Flink."""

    name: str
    job_id: str
    rest_address: str
    rest_port: int
    roles: dict[str, int]
    configuration: dict[str, str]
    code: str
    storage: str
    kind: Literal["python", "sql", "java", "roles"]
    file: str | None = None
    main_class: str | None = None
    jars: list[str] = field(default_factory=list)
    args: list[str] = field(default_factory=list)
    servers: list[str] = field(default_factory=list)
    """Roles that serve models: they end when the rest of the job has."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def submission_of(
    job: FlinkTFJob, job_id: str, *, rest: tuple[str, int], configuration: dict[str, str], code: str, storage: str
) -> Submission:
    """What the manifest says, where the job runs: JobManager's REST address, folders of the code and of the data."""
    spec, pipeline = job.spec, job.spec.job
    address, port = rest
    return Submission(
        name=job.metadata.name,
        job_id=job_id,
        rest_address=address,
        rest_port=port,
        roles={role.name: role.replicas for role in spec.roles},
        configuration=configuration,
        code=code,
        storage=storage,
        kind="roles" if pipeline is None else pipeline.kind,
        main_class=pipeline.main_class if pipeline else None,
        jars=[str(PurePosixPath(code, jar)) for jar in pipeline.jars] if pipeline else [],
        file=str(PurePosixPath(code, pipeline.file)) if pipeline and pipeline.file else None,
        args=list(pipeline.args) if pipeline else [],
        servers=list(spec.servers),
    )


@dataclass(frozen=True)
class Outcome:
    """``error`` is a text for people, ``detail`` the whole story (a stack trace) where there is one."""

    error: str | None = None
    detail: str | None = None
    client_ready_seconds: float | None = None
    submitted_at: float | None = None

    def write(self, path: Path) -> None:
        """As a whole or not at all: whoever waits for the file reads it at once."""
        partial = path.with_name(f"{path.name}.partial")
        partial.write_text(json.dumps(asdict(self)))
        partial.replace(path)


def read_submission(path: Path) -> Submission:
    return Submission(**json.loads(path.read_text()))


def read_outcome(path: Path) -> Outcome:
    return Outcome(**json.loads(path.read_text()))
