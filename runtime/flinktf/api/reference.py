"""Makes docs/reference.md from the types: ``python -m flinktf.api.reference``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from flinktf.api.job import API_VERSION, KIND, FlinkTFJob
from flinktf.api.rules import OWN_SETTINGS, RULES

_HEAD = f"""# The manifest

Generated from the types in `runtime/flinktf/api` by `make docs`; do not edit.

`apiVersion: {API_VERSION}`, `kind: {KIND}`. `flinktf validate job.yaml` explains what is wrong with a manifest.
Fields that only Kubernetes can honour are named in a notice by `flinktf run`. A quantity is written as in Kubernetes
(`500m`, `2`, `512Mi`), a duration like `30s`, `5m` or `1h30m`. YAML is read as kubectl reads it, but without aliases.
"""
_RULES_HEAD = """## Rules between fields

| fields | what flinktf says | the way out |
|---|---|---|"""
_SETTINGS_HEAD = """## Settings that are flinktf's

Refused in `spec.flink.configuration`; what ends with a dot or a dash stands for all that begin with it.

| setting | why |
|---|---|"""

Schema = dict[str, Any]


def markdown() -> str:
    """The whole page."""
    schema = FlinkTFJob.model_json_schema()
    settings = [f"| `{key}` | {reason} |" for key, reason in OWN_SETTINGS.items()]
    sections = _sections(schema, schema["$defs"], "", {})
    return "\n".join([_HEAD, *sections, *_rules(), "", _SETTINGS_HEAD, *settings, ""])


def _sections(schema: Schema, types: dict[str, Schema], path: str, seen: dict[str, str]) -> Iterator[str]:
    """This object's table, then those of the objects in it, each type where it comes first."""
    rows, inner = [], []
    for name, field in schema["properties"].items():
        kind = _referred(field)
        here = f"{path}.{name}".removeprefix(".") + ("[]" if _of(field).get("type") == "array" else "")
        if kind is not None and kind not in seen:
            seen[kind] = here
            inner.append((types[kind], here))
        # pydantic leaves out what it says of the type too.
        text = field.get("description") or types[str(kind)]["description"]
        shown = _type(field) if kind is None else f"{_type(field)}, see `{seen[kind]}`"
        default = "required" if name in schema.get("required", ()) else _default(field)
        rows.append(f"| `{name}` | {shown} | {default} | {text}{_examples(field)} |")
    yield f"## `{path or KIND}`\n\n{schema['description'].splitlines()[0]}\n"
    yield "| field | type | default | |\n|---|---|---|---|"
    yield from (*rows, "")
    for type_, here in inner:
        yield from _sections(type_, types, here, seen)


def _of(field: Schema) -> Schema:
    """The type of an optional field without its null."""
    return next((part for part in field.get("anyOf", ()) if part.get("type") != "null"), field)


def _referred(field: Schema) -> str | None:
    """The name of the type of an object, or of a list's objects."""
    schema = _of(field)
    schema = schema.get("items", schema) if schema.get("type") == "array" else schema
    reference: str | None = schema.get("$ref")
    return reference.rpartition("/")[2] if reference and not reference.endswith("JsonValue") else None


def _type(field: Schema) -> str:
    schema = _of(field)
    kind, values = schema.get("type"), schema.get("additionalProperties")
    if "enum" in schema or "const" in schema:
        text = ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    elif schema.get("x-kubernetes-int-or-string"):
        text = "quantity"
    elif kind == "array":
        text = f"list of {_type(schema['items'])}s"
    elif kind == "integer":
        bounds = [f"{word} {schema[key]}" for word, key in (("from", "minimum"), ("to", "maximum")) if key in schema]
        text = " ".join(["number", *bounds])
    elif kind == "object" and isinstance(values, dict) and "type" in values:
        text = f"names with a {_type(values)} each"
    else:
        text = str(schema.get("format") or {"string": "text", "boolean": "boolean"}.get(str(kind), "object"))
    return text


def _default(field: Schema) -> str:
    value = field.get("default")
    return "" if value in (None, {}, []) or isinstance(value, dict) else f"`{json.dumps(value).strip(chr(34))}`"


def _examples(field: Schema) -> str:
    return "".join(f" Like `{json.dumps(example).replace(chr(34), '')}`." for example in field.get("examples", ()))


def _rules() -> Iterator[str]:
    yield _RULES_HEAD
    for rule in RULES:
        if not rule.name.startswith("own-setting-"):
            yield f"| {', '.join(f'`spec.{field}`' for field in rule.reads)} | {rule.message} | {rule.remedy} |"


if __name__ == "__main__":
    sys.stdout.write(markdown())
