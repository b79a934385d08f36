"""What happens to a cluster while jobs run on it: things are deleted at any moment, and the API server goes away."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from support.examples import CHILDREN, MANAGED, apply, lasting, running, succeeded
from support.kubectl import Kubectl, KubectlError, eventually
from support.release import Release

pytestmark = pytest.mark.long

CONTROL_PLANE = "flinktf-control-plane"


@pytest.fixture(autouse=True)
def cluster_of_ours(kind: Kubectl) -> None:
    if "kind-flinktf" not in kind("config", "current-context"):
        pytest.skip("this cluster is not ours to disturb")


@pytest.fixture
def namespaces(kind: Kubectl, release: Release) -> Iterator[list[Kubectl]]:
    spaces = [kind.within(f"disturbed-{number}") for number in range(4)]
    yield spaces
    for space in spaces:
        kind("delete", "namespace", space.namespace, "--ignore-not-found", timeout=120)
    release.install()


@pytest.mark.timeout(900)
def test_deleted_at_twenty_random_moments_nothing_is_left(
    kind: Kubectl, release: Release, namespaces: list[Kubectl]
) -> None:
    """Jobs, their namespaces, and the release itself under jobs that run: five rounds of four."""
    chance = random.Random(4)
    for round_number in range(5):
        kinds = ["job", "namespace", "job", "namespace" if round_number % 2 else "release"]
        moments = [chance.uniform(0, 30) for _ in kinds]
        began = time.monotonic()
        for space in namespaces:
            kind("create", "namespace", space.namespace)
            apply(space, "wine", lasting())
        deleting = [
            threading.Timer(max(0.0, moment - (time.monotonic() - began)), delete, (what, space, release))
            for what, space, moment in zip(kinds, namespaces, moments, strict=True)
        ]
        for timer in deleting:
            timer.start()
        for timer in deleting:
            timer.join()
        for space in namespaces:
            eventually(lambda space=space: nothing_left(space), 90, 1)
        for space in namespaces:
            kind("delete", "namespace", space.namespace, "--ignore-not-found", timeout=120)
        release.install()


def delete(what: str, space: Kubectl, release: Release) -> None:
    if what == "namespace":
        space("delete", "namespace", space.namespace, "--wait=false")
        return
    if what == "release":  # the jobs stay, and what they consist of; nobody is needed to delete them
        release.uninstall()
    space("delete", "flinktfjob", "wine", "--wait=false")


def nothing_left(space: Kubectl) -> bool:
    return space.items("flinktfjobs") == [] and space.items(CHILDREN, MANAGED) == []


@pytest.mark.usefixtures("release")
def test_the_api_server_dies_while_a_job_is_made_and_while_it_runs(on_kind: Kubectl) -> None:
    apply(on_kind, "wine", lasting(200))
    time.sleep(0.5)
    kill_the_api_server(on_kind)
    running(on_kind, "wine", 180)
    pods = {pod["metadata"]["uid"] for pod in on_kind.items("pods", MANAGED)}
    kill_the_api_server(on_kind)
    status = succeeded(on_kind, "wine")
    assert status["run"]["number"] == 1, json.dumps(status)
    assert {pod["metadata"]["uid"] for pod in on_kind.items("pods", MANAGED)} <= pods


def kill_the_api_server(kubectl: Kubectl) -> None:
    """kubelet starts it again."""
    subprocess.run(["docker", "exec", CONTROL_PLANE, "pkill", "-KILL", "-f", "^kube-apiserver"], timeout=30, check=True)
    eventually(lambda: answers(kubectl), 90, 1)


def answers(kubectl: Kubectl) -> bool:
    try:
        return kubectl("get", "--raw", "/readyz", timeout=10) == "ok"
    except (KubectlError, subprocess.TimeoutExpired):
        return False
