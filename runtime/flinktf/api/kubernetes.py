"""Kubernetes' own words in a manifest: quantities, durations, resources, what a pod may be given."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

_QUANTITY: Final = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi|e\d+)?")
_DURATION: Final = re.compile(r"(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SCALE: Final = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15} | {
    f"{letter}i": 2.0 ** (10 * power) for power, letter in enumerate("KMGTP", 1)
}


class Model(BaseModel):
    """Frozen; camelCase in YAML; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation like ``tuple[Role, ...]`` or ``Checkpoint | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := model_of(part)) is not None), None)


def quantity_value(text: str) -> float:
    """A quantity as a plain number: ``1Gi`` is 1073741824, ``500m`` is 0.5. Raises ValueError."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError("is not a quantity; write it as 500m, 2, 512Mi or 4Gi")
    number, unit = float(match[1]), match[2] or ""
    return number * 10 ** int(unit[1:]) if unit.startswith("e") else number * _SCALE.get(unit, 1.0)


def duration_value(text: str) -> timedelta:
    """``1h30m`` and the like. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError("is not a duration; write it as 30s, 5m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _checked_quantity(text: str) -> str:
    quantity_value(text)
    return text


def _checked_duration(text: str) -> str:
    duration_value(text)
    return text


def _to_text(value: Any) -> Any:
    """Kubernetes takes ``cpu: 2`` as well as ``cpu: "2"``."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


Quantity = Annotated[str, BeforeValidator(_to_text), AfterValidator(_checked_quantity)]
Duration = Annotated[str, AfterValidator(_checked_duration)]
OpenObject = dict[str, Any]
"""What the API server of the cluster validates, not this project."""


class Resources(Model):
    """Compute resources of a container, as in a pod."""

    requests: dict[str, Quantity] = Field(default={}, description="What the container is guaranteed, by resource name.")
    limits: dict[str, Quantity] = Field(default={}, description="What the container may use at most, by resource name.")

    @property
    def memory_bytes(self) -> int | None:
        """The container's memory: its limit, or what it requests."""
        text = self.limits.get("memory") or self.requests.get("memory")
        return int(quantity_value(text)) if text is not None else None


class Toleration(Model):
    """Lets pods onto nodes with a matching taint."""

    key: str | None = Field(default=None, description="The taint's key; empty matches all keys.")
    operator: str | None = Field(default=None, description="Exists or Equal (the default).", pattern="^(Exists|Equal)$")
    value: str | None = Field(default=None, description="The taint's value, for Equal.")
    effect: str | None = Field(
        default=None, description="The taint's effect.", pattern="^(NoSchedule|PreferNoSchedule|NoExecute)$"
    )
    toleration_seconds: int | None = Field(default=None, description="How long a NoExecute taint is tolerated.")


class Scheduling(Model):
    """Where pods may run, and what they look like: honoured on Kubernetes only."""

    node_selector: dict[str, str] = Field(default={}, description="Labels that a node must have.")
    tolerations: tuple[Toleration, ...] = Field(default=(), description="Taints of nodes that the pods accept.")
    affinity: OpenObject = Field(default={}, description="Affinity of the pods, as in a pod.")
    priority_class_name: str | None = Field(default=None, description="The pods' PriorityClass.")
    topology_spread_constraints: tuple[OpenObject, ...] = Field(
        default=(), description="How the pods spread over the cluster, as in a pod."
    )
    pod_template: OpenObject = Field(
        default={}, description="A pod template that is merged over the pods; containers are merged by name."
    )
