"""Kubernetes' own words in a manifest: quantities, durations, resources, what a pod may be given."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, Strict, model_validator
from pydantic.alias_generators import to_camel

# The lengths are bounded: 1e9999999 is a quantity too, and takes all memory to be computed.
QUANTITY_PATTERN: Final = r"^([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]{1,2})?$"
# Hours, minutes, seconds, one of them not 0.
_ANY, _SOME = "[0-9]{1,5}", "0{0,4}[1-9][0-9]{0,4}"
DURATION_PATTERN: Final = f"^({_SOME}h({_ANY}m)?({_ANY}s)?|({_ANY}h)?{_SOME}m({_ANY}s)?|({_ANY}h)?({_ANY}m)?{_SOME}s)$"
NAME_PATTERN: Final = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
FILE_PATTERN: Final = r"^[^\x00-\x1f]+$"

_SCALE: Final = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0} | {
    unit: factor
    for power, letter in enumerate("kMGTPE", 1)
    for unit, factor in ((letter, 1000.0**power), (f"{letter.upper()}i", 1024.0**power))
}


class Model(BaseModel):
    """Frozen; camelCase in YAML; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        """``replicas:`` with nothing behind it is the default, as the API server has it; so it is in a map."""
        if not isinstance(data, dict):
            return data
        known = {field.alias: field.annotation for field in cls.model_fields.values()}
        return {
            name: _without_nulls(value) if _is_map(known.get(name)) else value
            for name, value in data.items()
            if value is not None or name not in known
        }


def _is_map(annotation: Any) -> bool:
    """Whether it is one of a known type of values: in others, null is a value too."""
    return get_origin(annotation) is dict and get_args(annotation)[1] not in (Any, JsonValue)


def _without_nulls(value: Any) -> Any:
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation like ``tuple[Role, ...]`` or ``Checkpoint | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := model_of(part)) is not None), None)


def quantity_value(text: str) -> float:
    """A quantity as a plain number: ``1Gi`` is 1073741824, ``500m`` is 0.5. Raises ValueError."""
    match = re.fullmatch(QUANTITY_PATTERN, text)
    if match is None:
        raise ValueError("is not a quantity; write it as 500m, 2, 512Mi or 4Gi")
    number, unit = float(match[1]), match[3] or ""
    # E alone is exa, E3 is an exponent.
    return number * _SCALE[unit] if unit in _SCALE else number * 10.0 ** int(unit[1:])


def duration_value(text: str) -> timedelta:
    """``1h30m`` and the like, longer than nothing. Raises ValueError."""
    if re.fullmatch(DURATION_PATTERN, text) is None:
        raise ValueError("is not a duration; write it as 30s, 5m or 1h30m")
    parts = {unit: int(number) for number, unit in re.findall("([0-9]+)([hms])", text)}
    return timedelta(hours=parts.get("h", 0), minutes=parts.get("m", 0), seconds=parts.get("s", 0))


def _checked_quantity(text: str) -> str:
    quantity_value(text)
    return text


def _checked_duration(text: str) -> str:
    duration_value(text)
    return text


def _to_text(value: Any) -> Any:
    """``cpu: 2`` is ``cpu: "2"``. A CRD's int-or-string takes no fractions, so ``cpu: 0.5`` has to be quoted."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Integer = Annotated[int, Strict()]
"""As strict as the API server, which takes neither "2" nor true for a number."""
Boolean = Annotated[bool, Strict()]
Quantity = Annotated[
    str,
    BeforeValidator(_to_text),
    AfterValidator(_checked_quantity),
    Field(json_schema_extra={"x-kubernetes-int-or-string": True}),
]
Duration = Annotated[
    str, AfterValidator(_checked_duration), Field(json_schema_extra={"format": "duration", "pattern": DURATION_PATTERN})
]
FilePath = Annotated[str, Field(min_length=1, max_length=512, pattern=FILE_PATTERN)]
OpenObject = dict[str, Any]
"""What the API server of the cluster validates, not this project."""


class Resources(Model):
    """Compute resources of a container, as in a pod."""

    requests: dict[str, Quantity] = Field(
        default={}, description="What the container is guaranteed, by resource name.", examples=[{"memory": "1Gi"}]
    )
    limits: dict[str, Quantity] = Field(
        default={}, description="What the container may use at most, by resource name.", examples=[{"memory": "1Gi"}]
    )

    @property
    def memory_bytes(self) -> int | None:
        """The container's memory: its limit, or what it requests."""
        text = self.limits.get("memory") or self.requests.get("memory")
        return int(quantity_value(text)) if text is not None else None


class Toleration(Model):
    """Lets pods onto nodes with a matching taint."""

    key: str | None = Field(default=None, description="The taint's key; without it, any taint matches.")
    operator: str | None = Field(
        default=None, description="Exists or Equal (the default).", pattern="^(Exists|Equal)$", examples=["Exists"]
    )
    value: str | None = Field(default=None, description="The taint's value, for Equal.")
    effect: str | None = Field(
        default=None,
        description="The taint's effect; without it, any effect matches.",
        pattern="^(NoSchedule|PreferNoSchedule|NoExecute)$",
        examples=["NoSchedule"],
    )
    toleration_seconds: Integer | None = Field(default=None, description="How long a NoExecute taint is tolerated.")


class Scheduling(Model):
    """Where pods may run, and what they look like: honoured on Kubernetes only."""

    node_selector: dict[str, str] = Field(default={}, description="Labels that a node must have to get these pods.")
    tolerations: tuple[Toleration, ...] = Field(default=(), description="Taints of nodes that the pods accept.")
    affinity: OpenObject = Field(default={}, description="Affinity of the pods, written as in a pod.")
    priority_class_name: str | None = Field(default=None, description="The name of the pods' PriorityClass.")
    topology_spread_constraints: tuple[OpenObject, ...] = Field(
        default=(), description="How the pods spread over the cluster, written as in a pod."
    )
    pod_template: OpenObject = Field(
        default={}, description="A pod template that is merged over the pods; containers are merged by name."
    )
