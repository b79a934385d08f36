"""Makes docs/reference.md from the types: ``python -m flinktf.api.reference``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from flinktf.api.job import API_VERSION, KIND, FlinkTFJob
from flinktf.api.kubernetes import model_of

_HEAD = f"""# The manifest

Generated from the types in `runtime/flinktf/api` by `make docs`; do not edit.

`apiVersion: {API_VERSION}`, `kind: {KIND}`. `flinktf validate job.yaml` explains what is wrong with a manifest.
Fields that only Kubernetes can honour are named in a notice by `flinktf run`.
"""


def markdown() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections(FlinkTFJob, "", set())])


def _sections(model: type[BaseModel], path: str, seen: set[str]) -> Iterator[str]:
    yield f"## `{path or KIND}`\n\n{_summary(model)}\n"
    yield "| field | type | default | |\n|---|---|---|---|"
    for field in model.model_fields.values():
        yield f"| `{field.alias}` | {_type(field)} | {_default(field)} | {field.description} |"
    yield ""
    for field in model.model_fields.values():
        inner = model_of(field.annotation)
        here = f"{path}.{field.alias}".removeprefix(".") + ("[]" if _is_list(field.annotation) else "")
        if inner is not None and here not in seen:
            seen.add(here)
            yield from _sections(inner, here, seen)


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _is_list(annotation: Any) -> bool:
    return "tuple" in str(annotation)


def _type(field: FieldInfo) -> str:
    annotation, text = field.annotation, str(field.annotation)
    if model_of(annotation) is not None:
        return "list of objects" if _is_list(annotation) else "object"
    if "Literal" in text:
        values = [value for part in (annotation, *get_args(annotation)) for value in get_args(part)]
        return ", ".join(f"`{value}`" for value in dict.fromkeys(values) if isinstance(value, str))
    if text.startswith("dict"):
        return "object"
    if _is_list(annotation):
        return "list"
    names = {"str": "text", "int": "number", "bool": "true or false"}
    return next((name for kind, name in names.items() if kind in text), "any")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default in (None, {}, ()) or isinstance(field.default, BaseModel):
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


if __name__ == "__main__":
    sys.stdout.write(markdown())
