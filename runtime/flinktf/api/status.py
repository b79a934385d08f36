"""``status`` of a FlinkTFJob: what the operator tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, ValidationError

from flinktf.api.kubernetes import Model

Phase = Literal["Pending", "Starting", "Running", "Suspended", "Succeeded", "Failed"]
Truth = Literal["True", "False", "Unknown"]
Stopping = Literal["Suspend", "SpecChange", "Restart"]


class Condition(Model):
    """One aspect of the job, as every Kubernetes tool reads it."""

    type: str = Field(description="Ready, Reconciling, Stalled, RolesHealthy, Suspended, Succeeded or Failed.")
    status: Truth = Field(description="Whether it holds.")
    reason: str = Field(description="Why, in one word.")
    message: str = Field(description="Why, for people, with the way out.")
    last_transition_time: datetime = Field(description="Since when it holds, or does not.")
    observed_generation: int | None = Field(default=None, description="The generation of the spec that it is about.")


class RunStatus(Model):
    """The current run: one submission of the job to Flink."""

    number: int = Field(description="1 at first; one more after each restart, resume and change of the job.")
    job_id: str = Field(description="The Flink job's id, which follows from the job's uid and the number.")
    spec: str = Field(description="A hash of what the run was made from.")
    restore: str | None = Field(default=None, description="The checkpoint that the run began from.")
    stopping: Stopping | None = Field(default=None, description="Why the run is being ended before its time.")
    not_before: datetime | None = Field(default=None, description="The next run does not begin before this time.")


class FlinkStatus(Model):
    """The Flink job of the current run."""

    state: str = Field(description="Its state, in Flink's words.", examples=["RUNNING"])
    restarts: int = Field(default=0, description="How often Flink has restarted it.")


class InstanceStatus(Model):
    """One instance of a role."""

    index: int = Field(description="Its index in the role, from 0.")
    pod: str | None = Field(default=None, description="The pod that Flink has put it in.")
    node: str | None = Field(default=None, description="The node of that pod.")
    state: str = Field(description="What it is doing.", examples=["Training"])
    activity: str | None = Field(
        default=None,
        description="Working, WaitingForRecords (of Flink), WaitingForPeers, or what is wrong: Unresponsive, Stopped, "
        "Silent.",
    )
    step: int | None = Field(default=None, description="The training step that it has reached.")
    steps_per_second: str | None = Field(
        default=None, description="How fast it is, as of the last change of the rest.", examples=["12.5"]
    )
    memory: str | None = Field(
        default=None, description="Its processes' memory, as of the last change of the rest.", examples=["812Mi"]
    )
    gpu: str | None = Field(
        default=None,
        description="The share of time in which its GPUs computed, as of the last change of the rest.",
        examples=["87%"],
    )
    restarts: int = Field(default=0, description="How often it was restarted in this run.")
    last_heartbeat: datetime | None = Field(
        default=None, description="When it was last heard of, as of the last change of the rest."
    )
    last_error: str | None = Field(default=None, description="Why it failed last.")


class RoleStatus(Model):
    """One role and its instances."""

    name: str = Field(description="The role.")
    desired: int = Field(description="How many instances there should be.")
    ready: int = Field(description="How many of them are at work or done.")
    reason: str | None = Field(default=None, description="What keeps pods of the role from running, in one word.")
    message: str | None = Field(default=None, description="The same for people, with the way out.")
    instances: tuple[InstanceStatus, ...] = Field(default=(), description="Each of them.")


class CheckpointStatus(Model):
    """The last completed checkpoint."""

    id: int = Field(description="Flink's number of it.")
    location: str = Field(description="Where it is.")


class ModelStatus(Model):
    """The last model that was saved."""

    path: str = Field(description="Its folder.")


class Status(Model):
    """What the operator tells of the job."""

    observed_generation: int = Field(default=-1, description="The generation of the spec that all of this is about.")
    phase: Phase | None = Field(default=None, description="Where the job is in its life.")
    conditions: tuple[Condition, ...] = Field(default=(), description="Aspects of the job, for people and for tools.")
    start_time: datetime | None = Field(default=None, description="When the current run began.")
    completion_time: datetime | None = Field(default=None, description="When the job ended.")
    run: RunStatus | None = Field(default=None, description="The current run.")
    restarts: int = Field(default=0, description="How often the whole job was restarted.")
    flink: FlinkStatus | None = Field(default=None, description="The Flink job.")
    generation: int | None = Field(default=None, description="How often the TensorFlow cluster has formed in this run.")
    step: int | None = Field(default=None, description="The training step that the job has reached.")
    roles_ready: str | None = Field(default=None, description="How many role instances are ready.", examples=["3/4"])
    roles: tuple[RoleStatus, ...] = Field(default=(), description="The roles and their instances.")
    checkpoint: CheckpointStatus | None = Field(default=None, description="The last completed checkpoint.")
    model: ModelStatus | None = Field(default=None, description="The last model that was saved.")

    def manifest(self) -> dict[str, Any]:
        """As it stands in the object."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def read_status(value: Mapping[str, Any]) -> Status:
    """Fields that make no sense, or come from another version, are left out: a status can always be written anew."""
    fields = {field.alias for field in Status.model_fields.values()}
    known = {name: part for name, part in value.items() if name in fields}
    while True:
        try:
            return Status.model_validate(known)
        except ValidationError as error:
            for name in {str(found["loc"][0]) for found in error.errors()}:
                known.pop(name)
