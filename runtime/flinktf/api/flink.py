"""The Flink side of a job."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from flinktf.api.kubernetes import Model, Resources, Scheduling


def _setting(value: Any) -> Any:
    """YAML's numbers and booleans, as Flink reads them."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


class JobManager(Scheduling):
    """The pod with the JobManager and the coordinator."""

    resources: Resources = Field(default=Resources(), description="Resources of the JobManager container.")


class Pipeline(Scheduling):
    """The TaskManagers that run everything that is not a role: sources, SQL, UDFs."""

    replicas: int = Field(default=1, ge=1, le=512, description="How many TaskManagers.")
    slots: int = Field(
        default=1, ge=1, le=64, description="Slots of each; replicas times slots is the default parallelism."
    )
    resources: Resources = Field(default=Resources(), description="Their size; the memory is the whole process'.")

    @property
    def memory_bytes(self) -> int | None:
        return self.resources.memory_bytes


class Flink(Model):
    """The Flink cluster of the job."""

    version: Literal["2.3"] = Field(default="2.3", description="Flink's version.")
    image: str | None = Field(default=None, description="The image of JobManager and TaskManagers.")
    configuration: dict[str, Annotated[str, BeforeValidator(_setting)]] = Field(
        default={}, description="Flink configuration for the whole cluster, on top of what flinktf sets."
    )
    job_manager: JobManager = Field(default=JobManager(), description="The JobManager.")
    pipeline: Pipeline = Field(default=Pipeline(), description="The pool that runs the pipeline.")


class PipelineJob(Model):
    """The program that feeds the roles. Without it, the job consists of its roles only."""

    python: str | None = Field(default=None, description="A Python file with main(job), below code.path.")
    sql: str | None = Field(default=None, description="A file of SQL statements, below code.path.")
    args: tuple[str, ...] = Field(
        default=(), description="For python: job.args. For sql: name=value, used as ${name} in the file."
    )
