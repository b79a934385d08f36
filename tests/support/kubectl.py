"""kubectl, as a user has it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class KubectlError(AssertionError):
    """kubectl refused; the text is its own."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one cluster and namespace."""

    kubeconfig: Path
    namespace: str = "default"

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 60) -> str:
        """Its output. Raises :class:`KubectlError`."""
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def within(self, namespace: str) -> Kubectl:
        return Kubectl(self.kubeconfig, namespace)

    def apply(self, *manifests: Mapping[str, Any]) -> str:
        return self("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """None when there is none."""
        text = self("get", kind, name, "--ignore-not-found", "-o", "json")
        found: dict[str, Any] | None = json.loads(text) if text.strip() else None
        return found

    def items(self, kinds: str, selector: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self("get", kinds, "-l", selector, "-o", "json"))["items"]
        return found

    def all_namespaces(self, kinds: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self("get", kinds, "--all-namespaces", "-o", "json"))["items"]
        return found

    def status(self, job: str) -> dict[str, Any]:
        found = self.get("flinktfjob", job)
        return dict(found.get("status") or {}) if found is not None else {}


@contextmanager
def fresh_namespace(kubectl: Kubectl, prefix: str) -> Iterator[Kubectl]:
    """kubectl for a namespace of its own, which is deleted afterwards."""
    inside = kubectl.within(f"{prefix}-{secrets.token_hex(4)}")
    inside("create", "namespace", inside.namespace)
    try:
        yield inside
    finally:
        inside("delete", "namespace", inside.namespace, "--wait=false", "--ignore-not-found")


def cluster_with_nodes() -> Kubectl:
    """``$KUBECONFIG``, or a kind cluster of our own."""
    if "KUBECONFIG" in os.environ:
        return Kubectl(Path(os.environ["KUBECONFIG"]))
    up = Path(__file__).parents[1] / "cluster" / "up.sh"
    done = subprocess.run([up], stdout=subprocess.PIPE, text=True, timeout=1800, check=True)
    return Kubectl(Path(done.stdout.strip()))


def eventually(check: Callable[[], T], seconds: float = 20, every: float = 0.2) -> T:
    """The first true answer of ``check``. An assertion error of it counts as false; the last one is the cause."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = check()
            if found:
                return found
            error: AssertionError | None = None
        except AssertionError as failed:
            found, error = None, failed  # type: ignore[assignment]
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s; the last answer was {found!r}") from error
        time.sleep(every)


def condition(status: Mapping[str, Any], kind: str) -> tuple[str, str, str] | None:
    """Status, reason and message."""
    found = next((c for c in status.get("conditions", ()) if c["type"] == kind), None)
    return (found["status"], found["reason"], found["message"]) if found is not None else None


def environment(kubeconfig: Path) -> dict[str, str]:
    return os.environ | {"KUBECONFIG": str(kubeconfig)}
