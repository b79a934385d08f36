"""The clusters that the end-to-end tests run on, and a namespace of its own for each test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.apiserver import ControlPlane
from support.kubectl import Kubectl, cluster_with_nodes, fresh_namespace
from support.release import Release

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """An API server with its controllers, with the CRD, without nodes."""
    with ControlPlane() as started:
        Kubectl(started.kubeconfig)("apply", "-f", str(ROOT / "crds"))
        yield started


@pytest.fixture
def kubectl(control_plane: ControlPlane) -> Iterator[Kubectl]:
    """For a fresh namespace of the control plane, which is deleted afterwards."""
    with fresh_namespace(Kubectl(control_plane.kubeconfig), "test") as inside:
        yield inside


@pytest.fixture(scope="session")
def kind() -> Kubectl:
    """A cluster with nodes, on which the operator is installed: ``$KUBECONFIG``, or a kind cluster of our own."""
    return cluster_with_nodes()


@pytest.fixture(scope="session")
def release(kind: Kubectl) -> Iterator[Release]:
    """The operator, installed in the cluster with nodes."""
    release = Release(kind)
    release.install()
    yield release
    assert not re.search(r"cannot \w+ resource", release.logs()), "the chart's rights are not enough"


@pytest.fixture
def on_kind(kind: Kubectl) -> Iterator[Kubectl]:
    """For a fresh namespace of the cluster with nodes."""
    with fresh_namespace(kind, "test") as inside:
        yield inside
