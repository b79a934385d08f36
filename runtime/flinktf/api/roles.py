"""The roles of a job: which TensorFlow processes it has, how many, and where they run."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from flinktf.api.kubernetes import Duration, Integer, Model, Resources, Scheduling, duration_value

ENTRYPOINT_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$"
Entrypoint = Annotated[str, Field(max_length=256, pattern=ENTRYPOINT_PATTERN)]
"""``module:function``; the module may be dotted."""


class Gpu(Model):
    """GPUs for each replica. On Kubernetes it becomes resource limits, a node selector and a toleration."""

    count: Integer = Field(ge=1, le=16, description="How many GPUs each replica holds.")
    product: str | None = Field(
        default=None,
        max_length=63,
        description="The product, as node feature discovery labels the node.",
        examples=["NVIDIA-L4"],
    )


class Backoff(Model):
    """How long restarts wait: the first one not at all, then the initial time, doubled with each, up to the limit."""

    initial: Duration = Field(default="1s", description="Before the second restart; the first one waits for nothing.")
    limit: Duration = Field(default="1m", description="The longest time.")
    reset_after: Duration = Field(
        default="10m", description="After this long without a failure, restarts are counted from zero again."
    )


class FailoverRule(Model):
    """What to do about certain failures. One without exit codes and reasons is about all of them."""

    action: Literal["Count", "Ignore", "FailJob"] = Field(
        description="Count: a restart, as without a rule; Ignore: one that does not count; FailJob: the job fails."
    )
    exit_codes: tuple[Integer, ...] = Field(
        default=(),
        max_length=32,
        description="Exit codes of the role process; 137 is SIGKILL, 1 an exception that was raised in it.",
        examples=[[42]],
    )
    reasons: tuple[str, ...] = Field(
        default=(),
        max_length=32,
        description="Names of Python exceptions, or flinktf's own words: ProcessKilled, ProcessExited, HeartbeatLost, "
        "AgentLost, Stalled.",
        examples=[["ValueError"]],
    )


class Failover(Model):
    """What happens when an instance of the role fails."""

    policy: Literal["Role", "Gang", "Job"] | None = Field(
        default=None,
        description="What restarts: the instance (Role), all of the TensorFlow cluster (Gang), or nothing, and the job "
        "fails (Job). Without it, the strategy decides: workers of a ParameterServer, evaluators and Independent "
        "workers restart alone, all others together.",
    )
    max_restarts: Integer = Field(
        default=10, ge=0, description="How many restarts of the role there may be before the job fails."
    )
    backoff: Backoff = Field(default=Backoff(), description="How long restarts wait.")
    rules: tuple[FailoverRule, ...] = Field(
        default=(),
        max_length=16,
        description="The first one that matches a failure says what happens. Without one, a failure counts; but an "
        "exception before the job's very first step fails the job, since such code has never worked; and so does a "
        "record that cannot become tensors (ColumnError, NullValueError), since it comes again.",
    )
    stall_timeout: Duration | None = Field(
        default=None,
        description="An instance without a new step for this long has failed. Without it, none is judged by its steps.",
        examples=["5m"],
    )

    @property
    def stall_timeout_seconds(self) -> int | None:
        return int(duration_value(self.stall_timeout).total_seconds()) if self.stall_timeout is not None else None


class RoleTaskManager(Model):
    """The TaskManager beside each replica of a role."""

    resources: Resources = Field(
        default=Resources(), description="Its size; the memory is the whole process', at least 768Mi."
    )

    @property
    def memory_bytes(self) -> int | None:
        return self.resources.memory_bytes


class Role(Scheduling):
    """One kind of TensorFlow process."""

    name: str = Field(
        max_length=20,
        pattern="^[a-z]([-a-z0-9]*[a-z0-9])?$",
        description="chief, worker, ps or evaluator; under Independent any name of a-z, 0-9 and -.",
        examples=["worker"],
    )
    replicas: Integer = Field(
        default=1, ge=1, le=512, description="How many instances there are; each gets a TaskManager of its own."
    )
    entrypoint: Entrypoint | None = Field(
        default=None,
        description="The module:function that this role runs, instead of tensorflow.entrypoint.",
        examples=["train:main"],
    )
    resources: Resources = Field(default=Resources(), description="Resources of the TensorFlow container.")
    gpu: Gpu | None = Field(default=None, description="GPUs for each replica's TensorFlow container.")
    task_manager: RoleTaskManager = Field(default=RoleTaskManager(), description="The TaskManager beside each replica.")
    failover: Failover = Field(default=Failover(), description="What happens when an instance fails.")
