"""``python -m flinktf.api.crd``: the CustomResourceDefinition, from the types and the rules. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from flinktf.api.job import API_VERSION, KIND, FlinkTFJob, Metadata
from flinktf.api.kubernetes import QUANTITY_PATTERN
from flinktf.api.rules import OF_ROLES, RULES
from flinktf.api.status import Status

Schema = dict[str, Any]

_GROUP, _VERSION = API_VERSION.split("/")
_NAMES: Final = {
    "kind": KIND,
    "listKind": f"{KIND}List",
    "plural": "flinktfjobs",
    "singular": "flinktfjob",
    "shortNames": ["ftj"],
    "categories": ["all", "flinktf"],
}
# What `kubectl get` shows; those of priority 1 only with -o wide.
_COLUMNS: Final = (
    ("Phase", "string", ".status.phase", 0),
    ("Roles", "string", ".status.rolesReady", 0),
    ("Step", "integer", ".status.step", 0),
    ("Restarts", "integer", ".status.restarts", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Strategy", "string", ".spec.tensorflow.strategy", 1),
    ("Flink", "string", ".status.flink.state", 1),
    ("Why", "string", '.status.conditions[?(@.type=="Ready")].reason', 1),
    ("Model", "string", ".status.model.path", 1),
)
# Lists whose elements are told apart by a field, so that server-side apply can merge them.
_LIST_KEYS: Final = {"roles": "name", "conditions": "type", "instances": "index"}
_KEPT: Final = (
    "type",
    "description",
    "enum",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "required",
)
_OPEN: Final = {"x-kubernetes-preserve-unknown-fields": True}
# These are read by rules, which see fields with their defaults only.
_DEFAULTED_MAPS: Final = frozenset({"configuration"})
_DEFAULTED_LISTS: Final = frozenset({"jars"})


def crd() -> dict[str, Any]:
    """The manifest, ready for the API server."""
    whole = FlinkTFJob.model_json_schema(by_alias=True, mode="validation")
    fields, definitions = whole["properties"], whole["$defs"]
    spec = _schema(fields["spec"], definitions, "spec")
    spec["properties"]["roles"]["default"] = []  # for the same reason; those of the status have none
    spec["x-kubernetes-validations"] = _validations(of_roles=False)
    spec["properties"]["roles"]["items"]["x-kubernetes-validations"] = _validations(of_roles=True)
    told = Status.model_json_schema(by_alias=True)
    status = _schema(told, told["$defs"], "status")
    # Without it an object that the operator has not seen yet would look ready to tools that compare generations.
    status["default"] = {"observedGeneration": -1}
    name = Metadata.model_json_schema()["properties"]["name"]
    root = {
        "description": str(FlinkTFJob.__doc__),
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
        "x-kubernetes-validations": [
            {
                "rule": f"self.metadata.name.size() <= {name['maxLength']} && "
                f"self.metadata.name.matches('{name['pattern']}')",
                "message": f"metadata.name: {name['description'][0].lower()}{name['description'][1:]}",
            }
        ],
    }
    version = {
        "name": _VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": root},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": name, "type": kind, "jsonPath": path} | ({"priority": priority} if priority else {})
            for name, kind, path, priority in _COLUMNS
        ],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{_NAMES['plural']}.{_GROUP}"},
        "spec": {"group": _GROUP, "names": _NAMES, "scope": "Namespaced", "versions": [version]},
    }


def _validations(*, of_roles: bool) -> list[dict[str, str]]:
    """The rules in whose CEL ``self`` is a role, or the others."""
    return [
        {
            "rule": rule.cel,
            "message": f"{rule.subject} {rule.message}; {rule.remedy}".lstrip(),
            "fieldPath": f".{rule.field.removeprefix(OF_ROLES)}",
        }
        for rule in RULES
        if rule.cel is not None and rule.field.startswith(OF_ROLES) == of_roles
    ]


def _schema(field: Mapping[str, Any], definitions: Mapping[str, Any], name: str) -> Schema:
    """One field's structural schema: no references, no alternatives, nothing that the API server does not know."""
    merged = _resolved(field, definitions)
    if merged.get("x-kubernetes-int-or-string"):
        return {"x-kubernetes-int-or-string": True, "pattern": QUANTITY_PATTERN} | _described(merged)
    if "const" in merged:
        merged = {"type": "string", "enum": [merged["const"]]} | merged
    schema: Schema = {key: merged[key] for key in _KEPT if key in merged}
    if merged.get("format") == "duration":
        del schema["format"]  # another one than ours, in OpenAPI
    if "properties" in merged:
        schema["properties"] = {key: _schema(value, definitions, key) for key, value in merged["properties"].items()}
    elif merged.get("type") == "object":
        schema |= _map(merged, definitions, name)
    elif merged.get("type") == "array":
        schema["items"] = _schema(merged["items"], definitions, name)
        if name in _LIST_KEYS:
            schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [_LIST_KEYS[name]]}
    default = _default(merged, schema, name)
    return schema if default is None else schema | {"default": default}


def _map(merged: Mapping[str, Any], definitions: Mapping[str, Any], name: str) -> Schema:
    for pattern, values in merged.get("patternProperties", {}).items():
        names = {"rule": f"self.all(name, name.matches('{pattern}'))", "message": f"a name must match {pattern}"}
        return {"additionalProperties": _schema(values, definitions, name), "x-kubernetes-validations": [names]}
    values = merged.get("additionalProperties")
    if values is True or values is None or "$ref" in values:
        return dict(_OPEN)
    if name in _DEFAULTED_MAPS:
        return {"additionalProperties": {"x-kubernetes-int-or-string": True}}
    return {"additionalProperties": _schema(values, definitions, name)}


def _resolved(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The field with what it refers to; its own words come first. ``X | None`` is X: absent is its null."""
    merged = dict(field)
    if "anyOf" in merged:
        (one,) = (option for option in merged.pop("anyOf") if option.get("type") != "null")
        merged = dict(one) | merged
    if "$ref" in merged:
        merged = definitions[merged.pop("$ref").rsplit("/", 1)[-1]] | merged
    return merged


def _described(merged: Mapping[str, Any]) -> Schema:
    return {"description": merged["description"]} if "description" in merged else {}


def _default(merged: Mapping[str, Any], schema: Schema, name: str) -> Any:
    """Scalars as they are; an object where something in it has a default, as rules see nothing else of it."""
    if schema.get("type") == "object":
        inner = any("default" in field for field in schema.get("properties", {}).values())
        return {} if merged.get("default") is not None and (inner or name in _DEFAULTED_MAPS) else None
    if schema.get("type") == "array":
        return [] if name in _DEFAULTED_LISTS else None
    return merged.get("default")


def main() -> None:
    print("# Generated by `make docs` from the types in runtime/flinktf/api.")
    print(yaml.safe_dump(crd(), sort_keys=False, width=120), end="")


if __name__ == "__main__":
    main()
