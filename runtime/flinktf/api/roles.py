"""The roles of a job: which TensorFlow processes it has, how many, and where they run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flinktf.api.kubernetes import Duration, Model, Resources, Scheduling


class Gpu(Model):
    """GPUs for each replica. On Kubernetes it becomes resource limits, a node selector and a toleration."""

    count: int = Field(ge=1, le=16, description="GPUs for each replica.")
    product: str | None = Field(
        default=None, description="The product as node feature discovery labels it, like NVIDIA-L4."
    )


class Failover(Model):
    """What happens when an instance of the role fails."""

    policy: Literal["Role", "Gang", "Job"] | None = Field(
        default=None, description="What restarts: the instance, the whole cluster, or nothing: the job fails."
    )
    max_restarts: int = Field(default=10, ge=0, description="Restarts after which the job fails.")
    stall_timeout: Duration | None = Field(
        default=None, description="Without a step for this long, the instance has failed."
    )


class RoleTaskManager(Model):
    """The TaskManager beside each replica of a role."""

    resources: Resources = Field(default=Resources(), description="Its size; the memory is the whole process'.")

    @property
    def memory_bytes(self) -> int | None:
        return self.resources.memory_bytes


class Role(Scheduling):
    """One kind of TensorFlow process."""

    name: str = Field(
        pattern="^[a-z]([-a-z0-9]{0,18}[a-z0-9])?$",
        description="chief, worker, ps or evaluator; under Independent any name.",
    )
    replicas: int = Field(
        default=1, ge=1, le=512, description="How many instances; each gets a TaskManager of its own."
    )
    entrypoint: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="module:function that this role runs, instead of tensorflow.entrypoint.",
    )
    resources: Resources = Field(default=Resources(), description="Resources of the TensorFlow container.")
    gpu: Gpu | None = Field(default=None, description="GPUs for each replica's TensorFlow container.")
    task_manager: RoleTaskManager = Field(default=RoleTaskManager(), description="The TaskManager beside each replica.")
    failover: Failover = Field(default=Failover(), description="What happens when an instance fails.")
