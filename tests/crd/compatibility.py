"""Whether objects that one CustomResourceDefinition let in are still good under another. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

# A tighter bound refuses objects that exist. For each: whether the second is at least as wide as the first.
_AT_MOST: Final = ("maximum", "maxLength", "maxItems", "maxProperties")
_AT_LEAST: Final = ("minimum", "minLength", "minItems", "minProperties")
_WIDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    **dict.fromkeys(_AT_MOST, lambda old, new: new >= old),
    **dict.fromkeys(_AT_LEAST, lambda old, new: new <= old),
    "enum": lambda old, new: set(old) <= set(new),
    # Whether one pattern or format takes all that another took is not for us to find out.
    "pattern": lambda old, new: old == new,
    "format": lambda old, new: old == new,
}
# What readers and writers of an object rely on.
_SAME: Final = ("type", "x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "default")
_OPEN: Final = "x-kubernetes-preserve-unknown-fields"


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What the new one breaks, each with its place; nothing where it is an evolution of the old one."""
    return list(_definition(old["spec"], new["spec"]))


def _definition(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for field in ("group", "scope"):
        if old[field] != new[field]:
            yield f"{field}: changed"
    for field in ("kind", "plural"):
        if old["names"][field] != new["names"][field]:
            yield f"names.{field}: changed"
    versions = {version["name"]: version for version in new["versions"]}
    for version in old["versions"]:
        name = version["name"]
        if not versions.get(name, {}).get("served"):
            yield f"{name}: is served no more"
            continue
        if lost := set(version.get("subresources", {})) - set(versions[name].get("subresources", {})):
            yield f"{name}: lost the subresource {', '.join(sorted(lost))}"
        yield from _schema(*(v["schema"]["openAPIV3Schema"] for v in (version, versions[name])), name)


def _schema(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for key in _SAME:
        if old.get(key) != new.get(key):
            yield f"{path}: {key} changed"
    for key, wider in _WIDER.items():
        if key in new and (key not in old or not wider(old[key], new[key])):
            yield f"{path}: {key} is tighter"
    for key, meaning in (("nullable", "takes no null any more"), (_OPEN, "takes no unknown fields any more")):
        if old.get(key) and not new.get(key):
            yield f"{path}: {meaning}"
    yield from _rules(old, new, path)
    yield from _fields(old, new, path)
    for key, place in (("items", "[]"), ("additionalProperties", "[*]")):
        if key in old and key in new:
            yield from _schema(old[key], new[key], f"{path}{place}")
        elif key in old and not new.get(_OPEN):
            yield f"{path}: takes no {key} any more"


def _fields(old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before:
        if name in after:
            yield from _schema(before[name], after[name], f"{path}.{name}")
        else:
            yield f"{path}.{name}: is gone"
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        if "default" not in after.get(name, {}):
            yield f"{path}.{name}: is required now, and has no default"
    if old.get(_OPEN):
        for name in after.keys() - before.keys():
            yield f"{path}.{name}: could be anything before"


def _rules(old: Schema, new: Schema, path: str) -> Iterator[str]:
    """A new rule is none for objects that exist only if it can look at them as they were."""
    known = {rule["rule"] for rule in old.get("x-kubernetes-validations", ())}
    for rule in new.get("x-kubernetes-validations", ()):
        if rule["rule"] not in known and not rule.get("optionalOldSelf"):
            yield f"{path}: a new rule without optionalOldSelf: {rule['rule']}"
