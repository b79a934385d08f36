"""Objects that are stored in clusters outlive a release: the CRD may grow, and may not break them.

``tests/crd/released`` has the CRD of every release; a release adds its own (a version that is not out yet may be
replaced there). What has to break goes into a new version of the API.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from crd.compatibility import breaks
from flinktf.api.crd import crd

RELEASED = sorted((Path(__file__).parents[2] / "crd" / "released").glob("*.yaml"))
OPEN = "x-kubernetes-preserve-unknown-fields"
RULES = "x-kubernetes-validations"
Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.stem)
def test_nothing_released_is_broken(file: Path) -> None:
    assert breaks(yaml.safe_load(file.read_text()), crd()) == []


def test_there_is_a_release() -> None:
    assert RELEASED


def changed(change: Change) -> list[str]:
    """What is said of the CRD after ``change`` of its parts, which are named by their paths."""
    new = copy.deepcopy(crd())
    version = new["spec"]["versions"][0]
    root = version["schema"]["openAPIV3Schema"]["properties"]
    spec = root["spec"]["properties"]
    role = spec["roles"]["items"]["properties"]
    change({"crd": new["spec"], "version": version, "root": root, "spec": spec, "role": role})
    return breaks(crd(), new)


BREAKS: list[tuple[Change, str]] = [
    (lambda at: at["crd"].update(scope="Cluster"), "scope: changed"),
    (lambda at: at["crd"].update(group="flinktf.example"), "group: changed"),
    (lambda at: at["crd"].update(names=at["crd"]["names"] | {"kind": "Job"}), "names.kind: changed"),
    (lambda at: at["crd"].update(names=at["crd"]["names"] | {"plural": "jobs"}), "names.plural: changed"),
    (lambda at: at["version"].update(name="v1"), "v1alpha1: is served no more"),
    (lambda at: at["version"].update(served=False), "v1alpha1: is served no more"),
    (lambda at: at["version"].pop("subresources"), "v1alpha1: lost the subresource status"),
    (lambda at: at["spec"].pop("suspend"), "v1alpha1.spec.suspend: is gone"),
    (lambda at: at["role"].pop("gpu"), "v1alpha1.spec.roles[].gpu: is gone"),
    (lambda at: at["root"]["status"]["properties"].pop("step"), "v1alpha1.status.step: is gone"),
    (lambda at: at["spec"]["backoffLimit"].update(type="string"), "v1alpha1.spec.backoffLimit: type changed"),
    (lambda at: at["spec"]["suspend"].update(default=True), "v1alpha1.spec.suspend: default changed"),
    (lambda at: at["spec"]["suspend"].pop("default"), "v1alpha1.spec.suspend: default changed"),
    (lambda at: at["spec"]["cleanPodPolicy"]["enum"].remove("All"), "v1alpha1.spec.cleanPodPolicy: enum is tighter"),
    (lambda at: at["role"]["entrypoint"].update(enum=["a:b"]), "v1alpha1.spec.roles[].entrypoint: enum is tighter"),
    (lambda at: at["role"]["replicas"].update(maximum=8), "v1alpha1.spec.roles[].replicas: maximum is tighter"),
    (lambda at: at["role"]["replicas"].update(minimum=2), "v1alpha1.spec.roles[].replicas: minimum is tighter"),
    (lambda at: at["role"]["name"].update(pattern="^a$"), "v1alpha1.spec.roles[].name: pattern is tighter"),
    (
        lambda at: at["spec"]["podTemplate"].update(maxProperties=1),
        "v1alpha1.spec.podTemplate: maxProperties is tighter",
    ),
    (lambda at: at["spec"]["podTemplate"].pop(OPEN), "v1alpha1.spec.podTemplate: takes no unknown fields any more"),
    (
        lambda at: at["spec"]["podTemplate"].update(properties={"spec": {"type": "object"}}),
        "v1alpha1.spec.podTemplate.spec: could be anything before",
    ),
    (
        lambda at: at["spec"]["tensorflow"]["properties"]["env"].pop("additionalProperties"),
        "v1alpha1.spec.tensorflow.env: takes no additionalProperties any more",
    ),
    (
        lambda at: at["spec"]["tensorflow"]["properties"]["env"]["additionalProperties"].update(maxLength=9),
        "v1alpha1.spec.tensorflow.env[*]: maxLength is tighter",
    ),
    (
        lambda at: at["spec"]["roles"].pop("x-kubernetes-list-type"),
        "v1alpha1.spec.roles: x-kubernetes-list-type changed",
    ),
    (
        lambda at: at["root"]["spec"].update(required=["storage"]),
        "v1alpha1.spec.storage: is required now, and has no default",
    ),
    (
        lambda at: at["root"]["spec"][RULES].append({"rule": "has(self.job)"}),
        "v1alpha1.spec: a new rule without optionalOldSelf: has(self.job)",
    ),
]
GROWS: list[Change] = [
    lambda at: at["crd"].update(versions=[*at["crd"]["versions"], at["version"] | {"name": "v1"}]),
    lambda at: at["spec"].update(priority={"type": "integer"}),
    lambda at: (
        at["spec"].update(priority={"type": "integer", "default": 0})
        or at["root"]["spec"].setdefault("required", []).append("priority")
    ),
    lambda at: at["spec"]["cleanPodPolicy"]["enum"].append("Failed"),
    lambda at: at["role"]["replicas"].update(maximum=1024),
    lambda at: at["role"]["replicas"].pop("maximum"),
    lambda at: at["role"]["name"].pop("pattern"),
    lambda at: at["spec"]["suspend"].update(description="Other words."),
    lambda at: at["root"]["spec"].pop(RULES),
    lambda at: at["root"]["spec"][RULES][0].update(message="Other words."),
    lambda at: at["root"]["spec"][RULES].append(
        {"rule": "oldSelf.hasValue() || has(self.job)", "optionalOldSelf": True}
    ),
    lambda at: at["version"].update(additionalPrinterColumns=[]),
]


@pytest.mark.parametrize(("change", "said"), BREAKS, ids=[said for _, said in BREAKS])
def test_breaks(change: Change, said: str) -> None:
    assert changed(change) == [said]


@pytest.mark.parametrize("change", GROWS)
def test_grows(change: Change) -> None:
    assert changed(change) == []
