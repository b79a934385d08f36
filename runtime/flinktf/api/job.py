"""``FlinkTFJob``, apiVersion ``flinktf.dev/v1alpha1``: the manifest, as types.

Descriptions become docs/reference.md. Rules between fields are in :mod:`flinktf.api.rules`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from flinktf.api.flink import Flink, PipelineJob
from flinktf.api.kubernetes import (
    NAME_PATTERN,
    Boolean,
    Duration,
    FilePath,
    Integer,
    Model,
    OpenObject,
    duration_value,
)
from flinktf.api.roles import Entrypoint, Role

API_VERSION: Final = "flinktf.dev/v1alpha1"
KIND: Final = "FlinkTFJob"

SERVE: Final = "flinktf.serving:serve"
"""The entrypoint of a role that serves models."""

EnvironmentName = Annotated[str, Field(pattern="^[A-Za-z_.-][A-Za-z0-9_.-]*$")]
EnvironmentValue = Annotated[str, Field(pattern=r"^[^\x00]*$")]


class Metadata(Model):
    """Kubernetes' object metadata."""

    model_config = ConfigDict(frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True)

    name: str = Field(
        max_length=40,
        pattern="^[a-z]([-a-z0-9]*[a-z0-9])?$",
        description="The job's name: at most 40 of a-z, 0-9 and -, beginning with a letter.",
        examples=["wine"],
    )
    namespace: str | None = Field(
        default=None, description="The namespace; kubectl's current one where it is left out."
    )
    labels: dict[str, str] = Field(default={}, description="Labels, as on any Kubernetes object.")
    annotations: dict[str, str] = Field(default={}, description="Annotations, as on any Kubernetes object.")


class Code(Model):
    """Where train.py and the pipeline's file are."""

    path: FilePath = Field(
        default=".", description="A folder: relative to the manifest locally, in the image on Kubernetes."
    )
    config_map: str | None = Field(
        default=None,
        max_length=253,
        pattern=NAME_PATTERN,
        description="The name of a ConfigMap that Kubernetes mounts as the folder, instead of the path.",
        examples=["wine-code"],
    )


class TensorFlow(Model):
    """What the roles run."""

    strategy: Literal["MultiWorkerMirrored", "ParameterServer", "Independent", "Custom"] = Field(
        default="MultiWorkerMirrored",
        description="How the roles train together; under Independent each instance trains for itself, under Custom all "
        "roles are in one TF_CONFIG, and their code does the rest.",
    )
    entrypoint: Entrypoint | None = Field(
        default=None,
        description="The module:function that is called with a flinktf.TFContext in every role process. Under "
        "ParameterServer, ps and worker are served by flinktf and run it only as their own entrypoint. With job.python "
        "it may be left out: the program can say what the roles run, with a TFClusterConfig.",
        examples=["train:main"],
    )
    parameters: dict[str, JsonValue] = Field(
        default={},
        description="Anything that the code wants to read as context.parameters; kubectl apply leaves out "
        "what is null.",
        examples=[{"epochs": 20}],
    )
    env: dict[EnvironmentName, EnvironmentValue] = Field(
        default={},
        max_length=256,
        description="Environment variables of the role processes; the values are texts.",
        examples=[{"TF_CPP_MIN_LOG_LEVEL": "1"}],
    )
    image: str | None = Field(default=None, description="The image of the TensorFlow containers.")
    requirements: FilePath | None = Field(
        default=None,
        description="A requirements file, relative to code.path: pip installs it beside what the image has before the "
        "role processes begin. What is there keeps its version.",
        examples=["requirements.txt"],
    )
    packed_environment: FilePath | None = Field(
        default=None,
        description="A packed Python environment with flinktf[tensorflow] in it, relative to code.path, instead of the "
        "image's: a .zip or .tar.gz of venv-pack or conda-pack.",
        examples=["environment.tar.gz"],
    )


class ModelVersions(Model):
    """Versions of the model while it is trained, each of a completed checkpoint, as TensorFlow Serving reads them."""

    every: Duration = Field(default="10m", description="How much time there is at least between two versions.")
    keep: Integer = Field(default=3, ge=1, description="How many versions are kept; older ones are deleted.")


class ModelLocation(Model):
    """The trained model."""

    path: FilePath = Field(default="model", description="The SavedModel's folder; relative to the manifest locally.")
    versions: ModelVersions | None = Field(
        default=None,
        description="Makes the folder one of numbered versions, model/1, model/2, …: one at checkpoints while training "
        "goes on, and one at its end.",
    )


class Storage(Model):
    """A volume for the job's results."""

    claim_name: str = Field(
        max_length=253,
        pattern=NAME_PATTERN,
        description="The name of a PersistentVolumeClaim that is mounted as /data in every pod of the job.",
        examples=["wine-data"],
    )


class Checkpoint(Model):
    """Checkpoints of model and stream."""

    path: FilePath = Field(default="checkpoints", description="Their folder; relative to the manifest locally.")
    interval: Duration | None = Field(
        default=None,
        description="How often Flink takes a checkpoint; without it, it takes none.",
        examples=["10s"],
    )

    @property
    def interval_seconds(self) -> int | None:
        return int(duration_value(self.interval).total_seconds()) if self.interval is not None else None


class Spec(Model):
    """What the job is."""

    flink: Flink = Field(default=Flink(), description="The Flink cluster of the job.")
    job: PipelineJob | None = Field(
        default=None, description="The pipeline that feeds the roles. Without it, the job consists of its roles only."
    )
    code: Code = Field(default=Code(), description="Where the pipeline's file and the roles' modules are.")
    tensorflow: TensorFlow = Field(default=TensorFlow(), description="What the roles run, and how they train together.")
    roles: tuple[Role, ...] = Field(
        default=(),
        max_length=16,
        description="The TensorFlow processes of the job, one entry for each kind. There may be none under "
        "Independent, in a job whose pipeline runs its models itself.",
        examples=[[{"name": "worker", "replicas": 2}]],
    )
    model: ModelLocation = Field(default=ModelLocation(), description="Where the trained model goes.")
    checkpoint: Checkpoint | None = Field(default=None, description="Where checkpoints go, and how often they happen.")
    storage: Storage | None = Field(
        default=None,
        description="Where relative paths of model and checkpoints are kept on Kubernetes. Without it they are on a "
        "volume that goes with its pod; locally they are beside the manifest.",
    )
    pod_template: OpenObject = Field(
        default={},
        description="A pod template that is merged over all pods of the job, before the one of a pool or role.",
    )
    suspend: Boolean = Field(default=False, description="Frees all pods and keeps the state, until it is false again.")
    forming_timeout: Duration = Field(
        default="5m", description="How long the roles may take to come together before the job fails."
    )
    ttl_seconds_after_finished: Integer | None = Field(
        default=None, ge=0, description="Deletes the job this many seconds after its end."
    )
    active_deadline_seconds: Integer | None = Field(
        default=None, ge=1, description="Fails the job when it still runs after this many seconds."
    )
    backoff_limit: Integer | None = Field(
        default=None, ge=0, description="How often the whole job is restarted before it has failed."
    )
    clean_pod_policy: Literal["Running", "All", "None"] = Field(
        default="Running", description="Which pods are deleted when the job has ended."
    )

    @property
    def forming_timeout_seconds(self) -> int:
        return int(duration_value(self.forming_timeout).total_seconds())

    @property
    def total_instances(self) -> int:
        """How many role processes the job has."""
        return sum(role.replicas for role in self.roles)

    def role(self, name: str) -> Role:
        """Raises KeyError for a role that the job does not have."""
        found = next((role for role in self.roles if role.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def resolved_entrypoint(self, role: Role) -> str | None:
        """What the role runs; None for a role that flinktf serves itself: ps and worker under ParameterServer."""
        return role.entrypoint or (None if self.serves(role) else self.tensorflow.entrypoint)

    @property
    def servers(self) -> tuple[str, ...]:
        """Roles that serve models to the pipeline: they have no end of their own."""
        return tuple(role.name for role in self.roles if self.resolved_entrypoint(role) == SERVE)

    def serves(self, role: Role) -> bool:
        """Whether flinktf itself knows what the role does."""
        return self.tensorflow.strategy == "ParameterServer" and role.name in ("ps", "worker")


class FlinkTFJob(Model):
    """TensorFlow inside Apache Flink."""

    api_version: Literal["flinktf.dev/v1alpha1"] = Field(description="The version of this type.")
    kind: Literal["FlinkTFJob"] = Field(description="The type.")
    metadata: Metadata = Field(description="Name, namespace, labels, annotations.", examples=[{"name": "wine"}])
    spec: Spec = Field(description="What the job is.")
    status: dict[str, Any] | None = Field(
        default=None, description="Written by the operator; ignored when a manifest is read."
    )
