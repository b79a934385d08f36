"""Objects as the API server sends them, as small as they may be."""

from __future__ import annotations

from typing import Any

from flinktf_operator.names import FIELD_MANAGER

LABELS = {
    "app.kubernetes.io/managed-by": FIELD_MANAGER,
    "flinktf.dev/job": "wine",
    "flinktf.dev/pool": "worker",
    "flinktf.dev/run": "1",
}


def job(uid: str = "u1", version: str = "1", spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "wine",
            "namespace": "ns",
            "uid": uid,
            "generation": 1,
            "resourceVersion": version,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            **metadata,
        },
        "spec": spec or {},
    }


def pod(
    name: str = "wine-worker-0",
    pool: str = "worker",
    run: int = 1,
    status: dict[str, Any] | None = None,
    node: str | None = "node-1",
    **metadata: Any,
) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "labels": LABELS | {"flinktf.dev/pool": pool, "flinktf.dev/run": str(run)},
            **metadata,
        },
        "spec": {"nodeName": node} if node else {},
        "status": status or {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def deployment(
    pool: str = "worker", run: int = 1, owner: str = "u1", uid: str | None = None, **metadata: Any
) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"wine-{pool}",
            "namespace": "ns",
            "uid": uid or f"uid-{pool}-{owner}",
            "resourceVersion": "1",
            "labels": LABELS | {"flinktf.dev/pool": pool, "flinktf.dev/run": str(run)},
            "annotations": {"flinktf.dev/applied": "abc"},
            "ownerReferences": [{"uid": owner, "kind": "FlinkTFJob", "name": "wine"}],
            **metadata,
        },
        "status": {"readyReplicas": 1},
    }
