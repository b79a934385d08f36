"""Names, labels and owners of a job's children."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from flinktf.flink.pools import PIPELINE
from flinktf_operator.desired.settings import Owner, Run
from flinktf_operator.names import (
    APPLIED,
    FIELD_MANAGER,
    GROUP,
    JOB_LABEL,
    JOBMANAGER,
    MANAGED_BY,
    POOL_LABEL,
    RUN_LABEL,
    VERSION,
)

Manifest = dict[str, Any]

_COMPONENTS: Final = {JOBMANAGER: "jobmanager", PIPELINE: "pipeline"}


def job_labels(owner: Owner) -> dict[str, str]:
    """On everything that belongs to the job."""
    return {
        "app.kubernetes.io/name": "flinktf",
        "app.kubernetes.io/instance": owner.name,
        MANAGED_BY: FIELD_MANAGER,
        JOB_LABEL: owner.name,
    }


def pool_labels(owner: Owner, pool: str, run: Run) -> dict[str, str]:
    """On the Deployment of a pool and on its pods."""
    component = {"app.kubernetes.io/component": _COMPONENTS.get(pool, "role")}
    return job_labels(owner) | component | {POOL_LABEL: pool, RUN_LABEL: str(run.number)}


def selector(owner: Owner, pool: str) -> dict[str, str]:
    """The pods of a pool."""
    return {JOB_LABEL: owner.name, POOL_LABEL: pool}


def child(api_version: str, kind: str, name: str, owner: Owner, labels: Mapping[str, str], **rest: Any) -> Manifest:
    """A manifest that the job owns, and that says what it was made from."""
    manifest: Manifest = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": dict(labels),
            "ownerReferences": [
                {
                    "apiVersion": f"{GROUP}/{VERSION}",
                    "kind": "FlinkTFJob",
                    "name": owner.name,
                    "uid": owner.uid,
                    "controller": True,
                }
            ],
        },
        **rest,
    }
    text = json.dumps(manifest, sort_keys=True)
    manifest["metadata"]["annotations"] = {APPLIED: hashlib.sha256(text.encode()).hexdigest()[:16]}
    return manifest
