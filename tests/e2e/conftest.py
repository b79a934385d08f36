"""The cluster that the end-to-end tests run on, and a namespace of its own for each test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.kubectl import Kubectl


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    return Path(os.environ["KUBECONFIG"])


@pytest.fixture
def kubectl(kubeconfig: Path) -> Iterator[Kubectl]:
    """For a fresh namespace, which is deleted afterwards."""
    namespace = f"test-{secrets.token_hex(4)}"
    kubectl = Kubectl(kubeconfig, namespace)
    kubectl("create", "namespace", namespace)
    yield kubectl
    kubectl("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")
