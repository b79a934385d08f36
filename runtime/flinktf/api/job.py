"""``FlinkTFJob``, apiVersion ``flinktf.dev/v1alpha1``: the manifest, as types.

Descriptions become docs/reference.md. Rules between fields are in :mod:`flinktf.api.rules`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from flinktf.api.flink import Flink, PipelineJob
from flinktf.api.kubernetes import Duration, Model, duration_value
from flinktf.api.roles import Role

API_VERSION: Final = "flinktf.dev/v1alpha1"
KIND: Final = "FlinkTFJob"


class Metadata(Model):
    """Kubernetes' object metadata."""

    model_config = ConfigDict(frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True)

    name: str = Field(
        pattern="^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$", description="At most 40 of a-z, 0-9 and -, from a letter on."
    )
    namespace: str | None = Field(
        default=None, description="The namespace; kubectl's current one where it is left out."
    )
    labels: dict[str, str] = Field(default={}, description="Labels.")
    annotations: dict[str, str] = Field(default={}, description="Annotations.")


class Code(Model):
    """Where train.py and the pipeline's file are."""

    path: str = Field(
        default=".", description="A folder: relative to the manifest locally, in the image on Kubernetes."
    )
    config_map: str | None = Field(
        default=None, description="A ConfigMap that is mounted as the folder, on Kubernetes."
    )


class TensorFlow(Model):
    """What the roles run."""

    strategy: Literal["MultiWorkerMirrored", "ParameterServer", "Independent"] = Field(
        default="MultiWorkerMirrored", description="How the roles train together."
    )
    entrypoint: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="module:function, called with a flinktf.TFContext in every role process.",
    )
    parameters: dict[str, Any] = Field(default={}, description="Anything that the code reads as context.parameters.")
    env: dict[str, str] = Field(default={}, description="Environment variables of the role processes.")
    image: str | None = Field(default=None, description="The image of the TensorFlow containers.")


class ModelLocation(Model):
    """The trained model."""

    path: str = Field(default="model", description="The SavedModel's folder; relative to the manifest locally.")


class Checkpoint(Model):
    """Checkpoints of model and stream."""

    path: str = Field(default="checkpoints", description="Their folder; relative to the manifest locally.")
    interval: Duration | None = Field(default=None, description="How often Flink takes one; without it, it takes none.")


class Spec(Model):
    """What the job is."""

    flink: Flink = Field(default=Flink(), description="The Flink cluster.")
    job: PipelineJob | None = Field(default=None, description="The pipeline that feeds the roles.")
    code: Code = Field(default=Code(), description="Where the code is.")
    tensorflow: TensorFlow = Field(default=TensorFlow(), description="What the roles run.")
    roles: tuple[Role, ...] = Field(min_length=1, max_length=16, description="The TensorFlow processes.")
    model: ModelLocation = Field(default=ModelLocation(), description="The trained model.")
    checkpoint: Checkpoint | None = Field(default=None, description="Checkpoints of model and stream.")
    suspend: bool = Field(default=False, description="Frees all pods and keeps the state, until it is false again.")
    forming_timeout: Duration = Field(default="5m", description="How long the roles may take to come together.")
    ttl_seconds_after_finished: int | None = Field(
        default=None, ge=0, description="Deletes the job this long after its end."
    )
    active_deadline_seconds: int | None = Field(default=None, ge=1, description="Fails the job after this long.")
    backoff_limit: int | None = Field(default=None, ge=0, description="Restarts of the whole job before it has failed.")
    clean_pod_policy: Literal["Running", "All", "None"] = Field(
        default="Running", description="Which pods are deleted when the job has ended."
    )

    @property
    def forming_timeout_seconds(self) -> int:
        return int(duration_value(self.forming_timeout).total_seconds())

    def resolved_entrypoint(self, role: Role) -> str | None:
        """What the role runs; None for a role that flinktf serves itself: ps and worker under ParameterServer."""
        served = self.tensorflow.strategy == "ParameterServer" and role.name in ("ps", "worker")
        return role.entrypoint or (None if served else self.tensorflow.entrypoint)


class FlinkTFJob(Model):
    """TensorFlow inside Apache Flink."""

    api_version: Literal["flinktf.dev/v1alpha1"] = Field(description="flinktf.dev/v1alpha1")
    kind: Literal["FlinkTFJob"] = Field(description="FlinkTFJob")
    metadata: Metadata = Field(description="Name, namespace, labels, annotations.")
    spec: Spec = Field(description="What the job is.")
    status: dict[str, Any] | None = Field(default=None, description="Written by the operator; ignored in a manifest.")
