"""What a user's pod template may do to a job's pods, and what it may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flinktf.api import FlinkTFJob
from flinktf.api.load import read_object
from flinktf_operator.desired import Manifest, Owner, RenderError, Run, Settings, children
from flinktf_operator.desired.containers import NAMES

TEMPLATE = "spec.roles[0].podTemplate"
TENSORFLOW = f"{TEMPLATE}.spec.containers[name=tensorflow]"


def job(template: dict[str, Any], common: dict[str, Any] | None = None) -> FlinkTFJob:
    spec = {
        "job": {"sql": "job.sql"},
        "podTemplate": common or {},
        "tensorflow": {"entrypoint": "train:main"},
        "roles": [{"name": "worker", "podTemplate": template}],
    }
    return read_object({"name": "wine", "namespace": "ns"}, spec)


def pods(the_job: FlinkTFJob) -> dict[str, Manifest]:
    found = children(the_job, Owner("wine", "ns", "u1"), Run(1, "ab" * 16), Settings("flink:1", "tf:1", "tf-gpu:1"))
    return {one["metadata"]["name"]: one["spec"]["template"] for one in found.workloads}


def worker(template: dict[str, Any], common: dict[str, Any] | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = pods(job(template, common))["wine-worker"]["spec"]
    return spec


def tensorflow(**fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "tensorflow", **fields}]}}


def named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(item for item in items if item["name"] == name)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        (tensorflow(command=["sh"]), f"{TENSORFLOW}.command"),
        (tensorflow(args=["x"]), f"{TENSORFLOW}.args"),
        (tensorflow(**{"$patch": "delete"}), TENSORFLOW),
        (tensorflow(env=[{"name": "POD_IP", "value": "1.2.3.4"}]), f"{TENSORFLOW}.env[name=POD_IP]"),
        (tensorflow(env=None), f"{TENSORFLOW}.env[name=POD_NAME]"),
        (
            tensorflow(volumeMounts=[{"name": "data", "mountPath": "/etc/flinktf"}]),
            f"{TENSORFLOW}.volumeMounts[mountPath=/etc/flinktf]",
        ),
        ({"spec": {"volumes": [{"name": "token", "$patch": "delete"}]}}, f"{TEMPLATE}.spec.volumes[name=token]"),
        (
            {"spec": {"volumes": [{"name": "agent", "emptyDir": {"medium": "Memory"}}]}},
            f"{TEMPLATE}.spec.volumes[name=agent]",
        ),
        (
            {"spec": {"containers": [{"name": "mine"}, {"$patch": "replace"}]}},
            f"{TEMPLATE}.spec.containers[name=taskmanager]",
        ),
        ({"containers": [{"name": "mine"}]}, f"{TEMPLATE}.containers"),
        ({"spec": []}, f"{TEMPLATE}.spec"),
        ({"metadata": {"labels": "team"}}, f"{TEMPLATE}.metadata.labels"),
    ],
)
def test_what_a_pod_lives_on_stays(template: dict[str, Any], path: str) -> None:
    with pytest.raises(RenderError) as raised:
        worker(template)
    assert raised.value.path == path


def test_the_common_template_is_blamed_for_what_it_does() -> None:
    with pytest.raises(RenderError) as raised:
        worker(tensorflow(image="mine"), common=tensorflow(command=["sh"]))
    assert raised.value.path == "spec.podTemplate.spec.containers[name=tensorflow].command"


def test_sidecars_volumes_secrets_and_security_are_the_users() -> None:
    side = {"name": "side", "image": "side:1", "volumeMounts": [{"name": "cache", "mountPath": "/cache"}]}
    secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    ours = {"name": "tensorflow", "env": [secret], "securityContext": {"readOnlyRootFilesystem": False}}
    volume = {"name": "cache", "persistentVolumeClaim": {"claimName": "c"}}
    found = worker({"spec": {"containers": [side, ours], "volumes": [volume], "securityContext": {"fsGroup": 5}}})
    assert [container["name"] for container in found["containers"]] == ["taskmanager", "tensorflow", "side"]
    changed = named(found["containers"], "tensorflow")
    assert changed["env"][-1] == secret
    assert changed["securityContext"]["readOnlyRootFilesystem"] is False
    assert changed["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert found["volumes"][-1] == volume
    assert (found["securityContext"]["fsGroup"], found["securityContext"]["runAsUser"]) == (5, 10001)


def test_room_may_be_another_one() -> None:
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "c"}}
    found = worker({"spec": {"volumes": [claim, {"name": "work", "emptyDir": {"sizeLimit": "9Gi"}}]}})
    assert named(found["volumes"], "data") == claim
    assert named(found["volumes"], "work") == {"name": "work", "emptyDir": {"sizeLimit": "9Gi"}}


def test_a_role_may_take_from_a_secret_what_is_a_value_for_all() -> None:
    secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    found = worker(tensorflow(env=[secret]), common=tensorflow(env=[{"name": "KEY", "value": "public"}]))
    assert named(named(found["containers"], "tensorflow")["env"], "KEY") == secret


@pytest.mark.parametrize(
    "metadata", [{"labels": None}, {"$patch": "replace"}, {"labels": {"flinktf.dev/job": "other"}}]
)
def test_our_labels_stay(metadata: dict[str, Any]) -> None:
    assert pods(job({"metadata": metadata}))["wine-worker"]["metadata"]["labels"]["flinktf.dev/job"] == "wine"


_SCALARS = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from([*sorted(NAMES), "token", "x", "/tmp"])
_WORDS = st.sampled_from(
    (
        "containers",
        "initContainers",
        "volumes",
        "env",
        "ports",
        "volumeMounts",
        "mountPath",
        "containerPort",
        "name",
        "value",
        "labels",
        "annotations",
        "tolerations",
        "command",
        "emptyDir",
        "topologySpreadConstraints",
        "x",
    )
)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_WORDS, inner, max_size=4)
        | st.builds(
            lambda patch, rest: rest | {"$patch": patch},
            st.sampled_from(["delete", "replace"]),
            st.dictionaries(_WORDS, inner, max_size=2),
        )
    ),
    max_leaves=12,
)
_TEMPLATES = st.fixed_dictionaries({}, optional={"metadata": _ANYTHING, "spec": _ANYTHING, "x": _ANYTHING})


@settings(max_examples=300, deadline=None)
@given(_TEMPLATES, _TEMPLATES)
@example({}, {"spec": {"containers": [{"name": ["x"]}], "volumes": [{"name": {"x": 1}}]}})
@example({"spec": {"containers": 5}}, {"spec": {"volumes": 5}})
@example({}, {"metadata": {"labels": None, "$patch": "replace"}})
def test_whatever_is_written_there_it_is_a_pod_or_an_answer(common: dict[str, Any], own: dict[str, Any]) -> None:
    the_job = job(own, common)
    try:
        found = pods(the_job)
    except RenderError:
        return
    assert json.dumps(found) == json.dumps(pods(the_job))
    for pod in found.values():
        assert pod["metadata"]["labels"]["flinktf.dev/job"] == "wine"
        assert {c["name"] for c in pod["spec"]["containers"] if isinstance(c, dict) and isinstance(c.get("name"), str)}
