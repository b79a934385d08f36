"""The Flink side of a job."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from flinktf.api.kubernetes import FilePath, Integer, Model, Resources, Scheduling


def _setting(value: Any) -> Any:
    """Whole numbers, as Flink reads them. The rest is to be quoted: a CRD knows "text or whole number"."""
    if isinstance(value, (bool, float)):
        raise ValueError("is neither a text nor a whole number; write it in quotes")
    return str(value) if isinstance(value, int) else value


class JobManager(Scheduling):
    """The pod with the JobManager and the coordinator."""

    resources: Resources = Field(default=Resources(), description="Resources of the JobManager container.")


class Pipeline(Scheduling):
    """The TaskManagers that run everything that is not a role: sources, SQL, UDFs."""

    replicas: Integer = Field(default=1, ge=1, le=512, description="How many TaskManagers there are.")
    slots: Integer = Field(
        default=1,
        ge=1,
        le=64,
        description="How many slots each of them has; replicas times slots is the default parallelism.",
    )
    resources: Resources = Field(
        default=Resources(),
        description="The size of each; memory is the process', 1Gi and 256Mi for each further slot are enough.",
    )

    @property
    def memory_bytes(self) -> int | None:
        return self.resources.memory_bytes


class Flink(Model):
    """The Flink cluster of the job."""

    version: Literal["2.3"] = Field(default="2.3", description="The version of Flink, in quotes.")
    image: str | None = Field(default=None, description="The image of JobManager and TaskManagers.")
    configuration: dict[str, Annotated[str, BeforeValidator(_setting)]] = Field(
        default={},
        max_length=256,
        description="Flink settings for the whole cluster, on top of those that flinktf makes. Values are texts "
        "or whole numbers; settings by which flinktf places the roles are refused.",
        examples=[{"execution.checkpointing.interval": "10s"}],
    )
    job_manager: JobManager = Field(default=JobManager(), description="The JobManager's pod.")
    pipeline: Pipeline = Field(default=Pipeline(), description="The TaskManagers that run the pipeline.")


class PipelineJob(Model):
    """The program that feeds the roles: exactly one of python, sql and mainClass."""

    python: FilePath | None = Field(
        default=None,
        description="A Python file, relative to code.path: with main(job), or a program that executes its job itself.",
        examples=["job.py"],
    )
    sql: FilePath | None = Field(
        default=None, description="A file of SQL statements, relative to code.path.", examples=["job.sql"]
    )
    main_class: str | None = Field(
        default=None,
        max_length=256,
        pattern=r"^[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*$",
        description="A Java class in one of the jars, whose main executes the job.",
        examples=["com.example.Main"],
    )
    jars: tuple[FilePath, ...] = Field(
        default=(),
        max_length=64,
        description="JARs that the pipeline needs: connectors, formats, functions. Relative to code.path, or absolute: "
        "those on the volume are below /data.",
        examples=[["lib/flink-sql-connector-kafka.jar"]],
    )
    args: tuple[str, ...] = Field(
        default=(),
        max_length=256,
        description="For python, what main finds in job.args, or a program in sys.argv; for Java the arguments of "
        "main; for sql name=value, used as ${name} in the file.",
        examples=[["days=30"]],
    )

    @property
    def kind(self) -> Literal["python", "sql", "java"]:
        return "python" if self.python else "sql" if self.sql else "java"

    @property
    def file(self) -> str | None:
        """The program's file; None where it is a class in a JAR."""
        return self.python or self.sql
