"""Jobs that nobody would think of: from the CRD's schema, and from what people write where it takes anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st

from flinktf.api.crd import crd
from unit.api.manifests import GOOD, SERVERS

SPEC = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

_STRANGE = st.one_of(
    st.integers(-2, 600),
    st.booleans(),
    st.text(max_size=5),
    st.builds(list),
    st.builds(dict),
    st.floats(0, 4),
    st.none(),
)


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    """A good spec, of which some fields were written anew."""
    spec = dict(draw(st.sampled_from([GOOD["spec"], SERVERS])))
    for name in draw(st.lists(st.sampled_from(sorted(SPEC["properties"])), max_size=4, unique=True)):
        spec[name] = draw(values(SPEC["properties"][name], name))
    return GOOD | {"spec": spec}


@st.composite
def values(draw: st.DrawFn, field: Mapping[str, Any], name: str = "") -> Any:
    """Something for a field of the schema; mostly what it asks for."""
    if _flawed(draw):
        return draw(_STRANGE)
    if name in _KNOWN:
        return draw(_KNOWN[name])
    if "properties" in field:
        required = field.get("required", [])
        chosen = [key for key in field["properties"] if key in required or draw(st.integers(0, 3)) == 0]
        value = {key: draw(values(field["properties"][key], key)) for key in chosen}
        return value | ({"unknown": 1} if _flawed(draw) else {})
    if field.get("type") == "object":
        inner = field.get("additionalProperties", {"type": "integer"})
        keys = draw(st.lists(st.sampled_from(["a", "b.c", "D", "memory", "rest.port"]), max_size=2, unique=True))
        return {key: draw(values(inner)) for key in keys}
    if field.get("type") == "array":
        least = field.get("minItems", 0)
        return draw(st.lists(values(field["items"]), min_size=least, max_size=least + 2))
    return draw(_scalars(json.dumps(field)))


def _flawed(draw: st.DrawFn) -> bool:
    """Rarely, so that most manifests have one flaw or none."""
    return draw(st.integers(0, 60)) == 17


@cache
def _scalars(schema: str) -> st.SearchStrategy[Any]:
    field = json.loads(schema)
    if field.get("x-kubernetes-int-or-string"):
        numbers = st.integers(0, 8)
        return numbers | (st.from_regex(field["pattern"], fullmatch=True) if "pattern" in field else st.text())
    if "enum" in field:
        return st.sampled_from(field["enum"])
    if field["type"] == "boolean":
        return st.booleans()
    if field["type"] == "integer":
        return st.integers(field.get("minimum", 0), field.get("maximum", 100))
    words = st.from_regex(field["pattern"], fullmatch=True) if "pattern" in field else st.text(max_size=12)
    return words.filter(lambda word: field.get("minLength", 0) <= len(word) <= field.get("maxLength", 99))


def _mostly(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 60).flatmap(lambda chance: _STRANGE if chance == 17 else strategy)


def _object(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Some of the fields, mostly what they ask for; and rarely the directive of a patch."""
    optional = {name: _mostly(strategy) for name, strategy in fields.items()}
    plain = st.fixed_dictionaries({}, optional=optional)
    directed = st.builds(lambda value, patch: {**value, "$patch": patch}, plain, st.sampled_from(["replace", "delete"]))
    return st.integers(0, 60).flatmap(lambda chance: directed if chance == 17 else plain)


def _list(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(_mostly(strategy), max_size=2)


_WORDS = st.sampled_from(["a", "disk", "ssd", "10m", "1Gi", "", "-bad-", "é", "zone/x", "A" * 70])
_LABELS = st.dictionaries(st.sampled_from(["disk", "example.com/team", "-bad-", "app.kubernetes.io/name"]), _WORDS)
_MOUNTS = _list(_object(name=st.sampled_from(["work", "data", "config", "cache"]), mountPath=_WORDS | st.just("/x")))
_ENV = _list(
    _object(name=st.sampled_from(["A", "POD_NAME", "1 2"]), value=_WORDS, valueFrom=_object(fieldRef=_object()))
)
_CONTAINER = st.builds(
    lambda name, rest: {"name": name, **rest},
    st.sampled_from(["taskmanager", "tensorflow", "jobmanager", "driver", "side", "Bad Name"]),
    _object(
        image=_WORDS,
        args=_list(_WORDS),
        env=_ENV,
        volumeMounts=_MOUNTS,
        ports=_list(_object(containerPort=st.integers(0, 70000), name=_WORDS)),
        resources=_object(
            limits=_LABELS | st.builds(dict, cpu=st.just("1")), requests=_LABELS | st.builds(dict, cpu=st.just("2"))
        ),
        securityContext=_object(privileged=st.booleans(), runAsUser=st.integers(-1, 5)),
    ),
)
_POD = _object(
    containers=_list(_CONTAINER),
    initContainers=_list(_CONTAINER),
    nodeSelector=_LABELS,
    tolerations=_list(_object(key=_WORDS, operator=_WORDS | st.just("Exists"))),
    volumes=_list(_object(name=st.sampled_from(["work", "data", "config", "cache"]), emptyDir=_object(medium=_WORDS))),
    securityContext=_object(fsGroup=st.integers(-1, 3), runAsNonRoot=st.booleans()),
    hostNetwork=st.booleans(),
    imagePullSecrets=_list(_object(name=_WORDS)),
    serviceAccountName=_WORDS,
    terminationGracePeriodSeconds=st.integers(-5, 60),
    restartPolicy=st.sampled_from(["Always", "Never"]),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
# Fields that take anything, and what people mean to write there; and the one that others depend on.
_KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["worker", "worker", "chief", "ps", "evaluator", "tower", "worker-1"]),
    "podTemplate": _object(metadata=_object(labels=_LABELS, annotations=_LABELS), spec=_POD),
    "affinity": _object(podAntiAffinity=_object(), nodeAffinity=_object(), podAffinity=_LABELS),
    "parameters": st.dictionaries(st.text(max_size=5), _JSON, max_size=3),
}
